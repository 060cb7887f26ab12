"""The import of photographs with their edge maps."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsynth.classes import builtin
from semsynth.data.condition_folder import ConditionFolder
from semsynth.data.edges import EdgeSettings, edge_map
from semsynth.data.importers.edges import import_edges
from semsynth.data.placing import copy
from semsynth.errors import SemsynthError
from semsynth.images import decode_image, save_png

CANNY = EdgeSettings()


def photo(seed: int) -> np.ndarray:
    cells = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return cells.repeat(6, 0).repeat(6, 1)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(10):
        Image.fromarray(photo(seed)).save(folder / f"p{seed}.jpg", quality=95)
    return folder


def test_import(photos: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    out = tmp_path / "out"
    assert import_edges(photos, out, CANNY, progress=lambda *step: steps.append(step)) == {"train": 9, "val": 1}
    assert steps == [(done, 10) for done in range(1, 11)]
    train, val = ConditionFolder(out, "train"), ConditionFolder(out, "val")
    assert sorted(train.names + val.names) == [f"p{seed}" for seed in range(10)]
    sample = train[0]
    source = photos / f"{sample.name}.jpg"
    assert (out / "train/images" / source.name).samefile(source)
    assert np.array_equal(sample.image, decode_image(source))
    assert np.array_equal(sample.picture.pixels[..., 1], edge_map(decode_image(source), CANNY))
    assert sample.picture.pixels.any()


def test_division_is_a_function_of_the_names(photos: Path, tmp_path: Path) -> None:
    def val(out: str, share: float) -> set[str]:
        import_edges(photos, tmp_path / out, CANNY, val_share=share)
        return {path.stem for path in (tmp_path / out).glob("val/conditions/*")}

    assert val("a", 0.3) == val("b", 0.3)
    assert len(val("a", 0.3)) == 3
    assert val("c", 0.2) < val("d", 0.5)
    assert val("e", 0) == set()
    assert len(val("f", 1)) == 9  # something is left to train on
    assert len(val("g", 0.001)) == 1
    before = val("b", 0.3)
    for seed in range(10, 20):
        Image.fromarray(photo(seed)).save(photos / f"p{seed}.jpg")
    assert before < val("b", 0.3)  # more photos move none of those that are there


def test_divided_sources(photos: Path, tmp_path: Path) -> None:
    source = tmp_path / "divided"
    for split, seeds in (("train", (0, 1)), ("val/images", (2,)), ("test", (3, 4))):
        (source / split).mkdir(parents=True)
        for seed in seeds:
            shutil.copy(photos / f"p{seed}.jpg", source / split)
    assert import_edges(source, tmp_path / "out", CANNY, place=copy) == {"train": 2, "val": 1, "test": 2}
    assert ConditionFolder(tmp_path / "out", "val").names == ("p2",)
    copied = tmp_path / "out/test/images/p4.jpg"
    assert not copied.samefile(source / "test/p4.jpg")
    assert copied.read_bytes() == (source / "test/p4.jpg").read_bytes()
    with pytest.raises(SemsynthError, match="divided into train, val, test already: leave out `val_share`"):
        import_edges(source, tmp_path / "other", CANNY, val_share=0.1)


def test_an_interrupted_import_goes_on(photos: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        import_edges(photos, out, CANNY, progress=interrupt)
    done = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert len(done) >= 4
    assert import_edges(photos, out, CANNY) == {"train": 9, "val": 1}
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())
    assert len(ConditionFolder(out, "train")) == 9
    assert not list(out.rglob("*.part"))


def test_a_damaged_photo_is_named_and_the_import_goes_on_without_it(photos: Path, tmp_path: Path) -> None:
    broken = photos / "p3.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    out = tmp_path / "out"
    with pytest.raises(SemsynthError, match=r"p3\.jpg is truncated or damaged"):
        import_edges(photos, out, CANNY)
    assert not list(out.rglob("p3.*"))
    broken.unlink()
    import_edges(photos, out, CANNY)
    names = [name for split in ("train", "val") for name in ConditionFolder(out, split).names]
    assert sorted(names) == [f"p{seed}" for seed in range(10) if seed != 3]


def test_what_does_not_continue_is_refused(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    import_edges(photos, out, CANNY)
    with pytest.raises(SemsynthError, match=r"edges\.json tells of edges found in another way"):
        import_edges(photos, out, EdgeSettings(sigma=2))
    builtin("camvid").save(tmp_path / "labelled/classes.json")
    with pytest.raises(SemsynthError, match="holds a dataset with label maps"):
        import_edges(photos, tmp_path / "labelled", CANNY)
    assert [path.name for path in (tmp_path / "labelled").iterdir()] == ["classes.json"]


def test_sources_without_photos(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SemsynthError, match="there is no folder"):
        import_edges(tmp_path / "none", tmp_path / "out", CANNY)
    with pytest.raises(SemsynthError, match="empty holds no pictures"):
        import_edges(tmp_path / "empty", tmp_path / "out", CANNY)
    save_png(photos / "p1.png", photo(1))
    with pytest.raises(SemsynthError, match="have one name"):
        import_edges(photos, tmp_path / "out", CANNY)
    assert not (tmp_path / "out").exists()


def test_without_scikit_image(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(SemsynthError, match=r"pip install 'semsynth\[edges\]'"):
        import_edges(photos, tmp_path / "out", CANNY)


def test_photos_stay_in_their_split_and_divided_ones_must_not_move(photos: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "out", []
    counts = import_edges(photos, out, CANNY)
    assert import_edges(photos, out, CANNY, val_share=0.5, tell=told.append) == counts
    assert "4 samples" in told[0]
    (tmp_path / "divided/train").mkdir(parents=True)
    for path in photos.iterdir():
        shutil.copy(path, tmp_path / "divided/train")
    with pytest.raises(SemsynthError, match=r"val has 'p\d' already, which goes to train now"):
        import_edges(tmp_path / "divided", out, CANNY)


def test_edges_of_photos_that_changed_are_drawn_anew(photos: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "out", []
    import_edges(photos, out, CANNY, val_share=0)
    stamps = {path: path.stat().st_mtime_ns for path in (out / "train/conditions").iterdir()}
    (photos / "p1.jpg").unlink()
    Image.fromarray(photo(77)).save(photos / "p1.png")
    (photos / "p2.jpg").unlink()
    import_edges(photos, out, CANNY, val_share=0, tell=told.append)
    changed = {path.stem for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp}
    assert changed == {"p1"}
    sample = ConditionFolder(out, "train")[1]
    assert np.array_equal(sample.image, photo(77))
    assert np.array_equal(sample.picture.pixels[..., 1], edge_map(photo(77), CANNY))
    assert told == [
        f"{out} holds 1 sample that is no longer in the source: train/p2; remove the files, or import into a new folder"
    ]
