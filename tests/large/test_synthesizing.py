"""Photos in tiles: those of one pass, whoever makes the tiles and however often somebody is interrupted."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from semsynth.bulk.engine import OpenMaker, in_this_process
from semsynth.bulk.job import model_digest
from semsynth.bulk.local import local_engine
from semsynth.bulk.task import Outcome, T
from semsynth.data.progress import Tell
from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.images import to_uint8
from semsynth.large.folder import TileFolder
from semsynth.large.job import LargeJob
from semsynth.large.synthesizing import make_tiles, synthesize_large
from semsynth.layout import Layout, LayoutBatch, Size
from semsynth.synthesizer import Synthesizer, load

Models = Callable[[str], Path]


def at_once(synthesizer: Synthesizer, label_map: Path, size: Size, seed: int = 0) -> np.ndarray:
    """[H,W,3]."""
    layout = Layout.open(label_map, synthesizer.classes).resized(size)
    batch = LayoutBatch.from_layouts([layout], synthesizer.config.encoding)
    style = synthesizer.style(seed=seed)[None] if synthesizer.has_styles else None
    return to_uint8(synthesizer.synthesize_tensor(batch, style, size))[0]


def job_of(model: Path, label_map: Path, size: Size, tile: int) -> LargeJob:
    return LargeJob(
        model=str(model),
        model_sha256=model_digest(model),
        map=str(label_map),
        map_sha256=sha256(label_map),
        seed=0 if model.name != "layout" else None,
        style=None,
        style_sha256=None,
        size=size,
        tile=tile,
        precision="float32",
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["noise", "layout", "oasis"])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tile=st.integers(17, 120), size=st.sampled_from([(96, 160), (64, 96)]))
def test_tiles_of_any_size(
    name: str, tile: int, size: Size, models: Models, label_map: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    check_tiles(models(name), label_map, size, tile, tmp_path_factory.mktemp("tiles"))


@pytest.mark.parametrize(("name", "tile"), [("noise", 41), ("layout", 64), ("oasis", 50)])
def test_tiles_make_the_picture_of_one_pass(
    name: str, tile: int, models: Models, label_map: Path, tmp_path: Path
) -> None:
    check_tiles(models(name), label_map, (64, 96), tile, tmp_path / "tiles")


def check_tiles(model: Path, label_map: Path, size: Size, tile: int, root: Path) -> None:
    synthesizer = load(model, "cpu", "float32")
    job = job_of(model, label_map, size, tile)
    with TileFolder(root, job) as folder:
        make_tiles(job, synthesizer, folder, in_this_process)
        made = np.fromfile(folder.pixels, np.uint8).reshape(*size, 3)
    wanted = at_once(synthesizer, label_map, size)
    difference = np.abs(made.astype(int) - wanted)
    assert wanted.std() > 10
    assert difference.max() <= 1
    assert np.count_nonzero(difference) < 1e-3 * difference.size


def interrupted_after(count: int) -> object:
    """An engine that somebody interrupts."""

    def run(open_maker: OpenMaker[T], tasks: Sequence[T], tell: Tell) -> Generator[Outcome[T], None, None]:
        yield from in_this_process(open_maker, tasks[:count], tell)
        if count < len(tasks):
            raise KeyboardInterrupt

    return run


def synthesize(models: Models, label_map: Path, out: Path, **more: object):  # type: ignore[no-untyped-def]
    """Four tiles."""
    how = {"tile": 192, "size": (224, 384), "device": "cpu", "precision": "float32", "engine": in_this_process} | more
    return synthesize_large(label_map, out, models("layout"), **how)  # type: ignore[arg-type]


def test_an_interrupted_picture_is_resumed(models: Models, label_map: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    summary = synthesize(models, label_map, whole)
    assert (summary.photos, summary.made, summary.kept) == ((whole / "map.png",), 4, 0)
    with pytest.raises(KeyboardInterrupt):
        synthesize(models, label_map, out, engine=interrupted_after(3))
    assert sorted(one.name for one in out.iterdir()) == ["map.tiles"]
    with (out / "map.tiles" / "finished.txt").open("ab") as file:
        file.write(b"3")  # the line of a process that was killed while it wrote
    summary = synthesize(models, label_map, out)
    assert (summary.made, summary.kept) == (1, 3)
    assert [one.name for one in out.iterdir()] == ["map.png"]
    assert (out / "map.png").read_bytes() == (whole / "map.png").read_bytes()
    wanted = at_once(load(models("layout"), "cpu", "float32"), label_map, (224, 384))
    assert np.abs(np.asarray(Image.open(out / "map.png")).astype(int) - wanted).max() <= 1


def test_a_full_disk_keeps_what_is_finished(
    models: Models, label_map: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "pixels.raw":
            calls.append(descriptor)
            if len(calls) == 3:
                raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(SemsynthError, match=r"cannot write .*pixels\.raw: the disk is full: free some space"):
            synthesize(models, label_map, tmp_path / "out")
    assert synthesize(models, label_map, tmp_path / "out").kept == 2


def test_tiles_of_another_picture(models: Models, label_map: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        synthesize(models, label_map, out, engine=interrupted_after(2))
    with pytest.raises(SemsynthError, match=r"map\.tiles holds tiles of another picture \(tile 192, not 200\): choose"):
        synthesize(models, label_map, out, tile=200)
    assert synthesize(models, label_map, out, tile=200, overwrite=True).kept == 0
    with pytest.raises(SemsynthError, match=r"map\.png would be replaced"):
        synthesize(models, label_map, out)


def test_several_photos_and_tiff(models: Models, label_map: Path, tmp_path: Path) -> None:
    done = synthesize_large(
        *(label_map, tmp_path / "out", models("noise")),
        tile=160,
        seed=5,
        count=2,
        form="tiff",
        device="cpu",
        precision="float32",
        engine=in_this_process,
    )
    assert [path.name for path in done.photos] == ["map_seed5.tif", "map_seed6.tif"]
    synthesizer = load(models("noise"), "cpu", "float32")
    for path, seed in zip(done.photos, (5, 6), strict=True):
        wanted = at_once(synthesizer, label_map, (96, 160), seed)
        assert np.abs(np.asarray(Image.open(path)).astype(int) - wanted).max() <= 1


@pytest.mark.slow
def test_workers_make_the_same_bits(models: Models, label_map: Path, tmp_path: Path) -> None:
    synthesize(models, label_map, tmp_path / "one")
    synthesize(models, label_map, tmp_path / "two", engine=local_engine(["cpu", "cpu"]))
    assert (tmp_path / "one" / "map.png").read_bytes() == (tmp_path / "two" / "map.png").read_bytes()


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("layout", {"tile": 64}, r"`tile=64` is too small for a picture of 384x224: a tile depends on 192 pixels more"),
        ("pix2pixhd", {}, "a generator with instance norm makes no parts of pictures always: its statistics are those"),
        ("edges", {}, "this model reads instance boundaries, and tiles are made of label maps alone"),
        ("layout", {"size": (100, 100)}, "a photo of 100x100, which this model cannot make; nearest: 96x96"),
        ("layout", {"size": (64, 65_568)}, "a photo of 65568x64: sides have 65,535 pixels at most"),
        ("layout", {"seed": 1}, "this model makes one photo of a layout: leave out styles and seed"),
        ("noise", {"style": "photo.png", "seed": 1}, "`style` takes the style from one photo"),
    ],
)
def test_what_is_refused(
    model: str, settings: dict[str, object], message: str, models: Models, label_map: Path, tmp_path: Path
) -> None:
    how = {"tile": 192, "size": (224, 384), "device": "cpu", "engine": in_this_process} | settings
    with pytest.raises(SemsynthError, match=message):
        synthesize_large(label_map, tmp_path / "out", models(model), **how)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_map_that_cannot_be_used_leaves_nothing(models: Models, label_map: Path, tmp_path: Path) -> None:
    numbers = np.asarray(Image.open(label_map)).copy()
    numbers[50, 5] = 99
    Image.fromarray(numbers).save(tmp_path / "wrong.png")
    with pytest.raises(SemsynthError, match=r"wrong\.png.*: ids outside the class set .*: 99 \(1 pixels\)"):
        synthesize(models, tmp_path / "wrong.png", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_too_little_room_is_told_before_the_work(
    models: Models, label_map: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, start: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(SemsynthError, match=r"cannot write .*pixels\.raw: the disk is full"):
        synthesize(models, label_map, tmp_path / "out")
    monkeypatch.delattr(os, "posix_fallocate")
    assert synthesize(models, label_map, tmp_path / "out").made == 4


def test_another_process_at_work(models: Models, label_map: Path, tmp_path: Path) -> None:
    job = job_of(models("layout"), label_map, (96, 160), 96)
    with (
        TileFolder(tmp_path / "map.tiles", job),
        pytest.raises(SemsynthError, match=r"another process is making tiles in .*map\.tiles: wait"),
    ):
        TileFolder(tmp_path / "map.tiles", job)


def test_a_folder_of_something_else(models: Models, label_map: Path, tmp_path: Path) -> None:
    (tmp_path / "map.tiles").mkdir()
    (tmp_path / "map.tiles" / "letter.txt").write_text("mine")
    with pytest.raises(SemsynthError, match=r"map\.tiles is not empty and holds no tiles"):
        TileFolder(tmp_path / "map.tiles", job_of(models("layout"), label_map, (96, 160), 96))
    assert (tmp_path / "map.tiles" / "letter.txt").read_text() == "mine"
