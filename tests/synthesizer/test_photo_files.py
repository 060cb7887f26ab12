"""Files to files in one process: what is read how often, and that nothing is written before everything is checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import CLASSES, save_tiny_model, save_tiny_pix2pixhd

import semsynth
from semsynth.data.facades import draw_facade
from semsynth.data.progress import Progress
from semsynth.errors import SemsynthError
from semsynth.images import decode_image, save_png
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components
from semsynth.synthesizer import Synthesizer, load
from semsynth.synthesizer.conditions import ConditionReader
from semsynth.synthesizer.map_files import list_maps
from semsynth.synthesizer.photo_files import CheckedMaps

SIDE = 32


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    for seed in range(6):
        draw_facade(seed, SIDE).save(tmp_path / "maps" / f"front_{seed}.png")
    return tmp_path / "maps"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the maps that were decoded, one for each time."""
    names: list[str] = []
    real = ConditionReader.open

    def counting(self: ConditionReader, source: Path | Layout, instances: Path | None = None) -> object:
        if isinstance(source, Path):
            names.append(source.stem)
        return real(self, source, instances)

    monkeypatch.setattr(ConditionReader, "open", counting)
    return names


@pytest.mark.parametrize(("held", "twice"), [(6 * SIDE * SIDE * 2, 0), (4 * SIDE * SIDE * 2, 2), (0, 6)])
def test_maps_are_decoded_once_within_the_limit_and_photos_are_the_same(
    with_styles: Synthesizer, maps: Path, tmp_path: Path, opened: list[str], held: int, twice: int
) -> None:
    files = list_maps([maps], tmp_path / "out")
    choice = with_styles.style(seed=2)
    checked = CheckedMaps(with_styles, files, choice, held_bytes=held)
    checked.check()
    assert sorted(opened) == [one.path.stem for one in files]
    assert not (tmp_path / "out").exists()
    checked.write_photos([choice])
    assert len(opened) == 6 + twice
    for one in files:
        expected = np.asarray(with_styles(Layout.open(one.path, CLASSES), choice)).astype(int)
        assert np.abs(decode_image(one.photos[0]) - expected).max() <= 1  # other sums in a batch


def test_from_python_as_on_the_command_line(folder: Path, maps: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []

    def progress(name: str) -> Progress:
        return lambda done, total: told.append((name, done, total))

    done = semsynth.synthesize_files(
        [maps / "front_0.png", str(maps / "front_3.png")],
        str(tmp_path / "out"),
        folder,
        seed=4,
        count=2,
        contact_sheet=True,
        device="cpu",
        precision="float32",
        progress=progress,
    )
    names = ["front_0_seed4", "front_0_seed5", "front_3_seed4", "front_3_seed5"]
    assert done.photos == tuple(tmp_path / "out" / f"{name}.png" for name in names)
    assert done.contact_sheet == tmp_path / "out" / "contact_sheet.png"
    assert all(path.is_file() for path in (*done.photos, done.contact_sheet))
    assert told == [("checking", 1, 2), ("checking", 2, 2), *(("synthesising", n, 4) for n in (1, 2, 3, 4))]


def test_notes_are_told_once_each(tmp_path: Path, maps: Path) -> None:
    plain = save_tiny_model(tmp_path / "plain", styles=False)
    for name in ("odd", "even_odder"):
        draw_facade(0, 32).resized((70, 100)).save(maps / f"{name}.png")
    notes: list[str] = []
    semsynth.synthesize_files(maps, tmp_path / "out", plain, device="cpu", tell=notes.append)
    assert notes == [
        f"{maps / name}.png is 100x70, which this model cannot make: resized to 96x64" for name in ("even_odder", "odd")
    ]


def test_a_bad_map_at_the_end_leaves_nothing(folder: Path, maps: Path, tmp_path: Path) -> None:
    save_png(maps / "zz.png", np.full((SIDE, SIDE), 77, np.uint8))
    with pytest.raises(SemsynthError, match=r"zz\.png: ids outside the class set"):
        semsynth.synthesize_files(maps, tmp_path / "out", folder, device="cpu")
    assert not (tmp_path / "out").exists()


def test_styles_of_objects_from_a_file_and_as_a_mapping_are_the_same(tmp_path: Path) -> None:
    model = save_tiny_pix2pixhd(tmp_path / "objects")
    layout = instances_from_components(draw_facade(0, SIDE))
    layout.save(tmp_path / "maps/a.png", tmp_path / "instances/a.png")
    assert layout.instances is not None
    wanted = int(layout.instances[0, 0])
    Image.fromarray(np.full((8, 8, 3), (250, 20, 20), np.uint8)).save(tmp_path / "red.png")
    (tmp_path / "styles.json").write_text(json.dumps({str(wanted): "red.png"}))
    for out, styles in (("file", tmp_path / "styles.json"), ("mapping", {wanted: tmp_path / "red.png"})):
        semsynth.synthesize_files(
            tmp_path / "maps",
            tmp_path / out,
            model,
            object_styles=styles,
            instances=tmp_path / "instances",
            device="cpu",
            precision="float32",
        )
    expected = load(model, "cpu", "float32")(layout, object_styles={wanted: tmp_path / "red.png"})
    for out in ("file", "mapping"):
        assert np.array_equal(decode_image(tmp_path / out / "a.png"), np.asarray(expected))
