"""What all importers share: limits, order of files, interruptions, faults."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from official_trees import SKY_AND_CAR, halves, photo
from PIL import Image

from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.pairs import Listing, Pair, import_listing, own_instances
from semsynth.errors import SemsynthError
from semsynth.images import encode_png
from semsynth.layout import Layout


def layout(left: int = 1, right: int = 2) -> Layout:
    labels = halves(left, right, dtype=np.uint16)
    return Layout(labels, SKY_AND_CAR, halves(1, 700, dtype=np.int32))


def made(count: int, read: Callable[[], Layout] = layout, photos: Callable[[], bytes] | None = None) -> Listing:
    photos = photos or partial(encode_png, photo())
    pairs = [Pair("train" if index else "val", f"{index:02d}", photos, read, own_instances) for index in range(count)]
    return Listing(tuple(pairs), SKY_AND_CAR)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_what_is_no_file_in_the_source_is_written(tmp_path: Path) -> None:
    assert import_listing(made(3), tmp_path) == {"val": 1, "train": 2}
    sample = DatasetFolder(tmp_path, "train", instances=True)[1]
    assert sample.name == "02"
    assert np.array_equal(sample.layout.labels, layout().labels)
    assert np.array_equal(sample.layout.instances, layout().instances)
    assert np.array_equal(sample.image, photo())


def test_a_limit_is_of_every_split(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    counts = import_listing(made(9), tmp_path, limit=3, progress=lambda *step: steps.append(step))
    assert counts == {"val": 1, "train": 3}
    assert DatasetFolder(tmp_path, "train").names == ("01", "02", "03")
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert import_listing(made(9), tmp_path) == {"val": 1, "train": 8}


@pytest.mark.parametrize(("form", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".png"), ("BMP", ".png")])
def test_made_photos_keep_their_bytes_or_become_png(tmp_path: Path, form: str, suffix: str) -> None:
    buffer = BytesIO()
    Image.fromarray(photo()).save(buffer, form, **({"lossless": True} if form == "WEBP" else {}))
    import_listing(made(1, photos=buffer.getvalue), tmp_path)
    written = tmp_path / f"val/images/00{suffix}"
    if form in ("JPEG", "PNG"):
        assert written.read_bytes() == buffer.getvalue()
    else:
        assert np.array_equal(np.asarray(Image.open(written)), photo())


def test_an_interruption_stops_it_and_it_goes_on(tmp_path: Path) -> None:
    reads: list[int] = []

    def read() -> Layout:
        reads.append(1)
        return layout()

    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_listing(made(400, read), tmp_path, progress=interrupt)
    first = len(reads)
    assert 2 <= first < 400
    labels = list(tmp_path.glob("*/labels/*"))
    assert len(labels) == first
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    assert import_listing(made(400, read), tmp_path) == {"val": 1, "train": 399}
    assert len(reads) == 400
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())


def test_missing_parts_of_a_sample_are_made_again(tmp_path: Path) -> None:
    import_listing(made(2), tmp_path)
    whole = files(tmp_path)
    for name in ("images/01.png", "labels/01.png", "instances/01.png"):
        content = (tmp_path / "train" / name).read_bytes()
        (tmp_path / "train" / name).unlink()
        import_listing(made(2), tmp_path)
        assert files(tmp_path) == whole
        assert (tmp_path / "train" / name).read_bytes() == content


def test_a_sample_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> Layout:
        raise SemsynthError("seg.png is damaged")

    with pytest.raises(SemsynthError, match=r"seg\.png is damaged"):
        import_listing(made(3, fail), tmp_path)
    assert files(tmp_path) == ["classes.json"]


def test_a_full_disk_leaves_whole_files_and_no_label_map_without_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls, lock = Path.write_bytes, [0], threading.Lock()

    def write_bytes(self: Path, data: bytes) -> int:
        with lock:
            calls[0] += 1
            full = calls[0] > 8
        if full:
            real(self, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(SemsynthError, match="disk is full"):
        import_listing(made(9), tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.part"))
    for label in tmp_path.glob("*/labels/*"):
        assert (label.parent.parent / "images" / label.name).exists()
        assert (label.parent.parent / "instances" / label.name).exists()
    for path in tmp_path.rglob("*.png"):
        Image.open(path).load()
    import_listing(made(9), tmp_path)
    assert len(DatasetFolder(tmp_path, "train", instances=True)) == 8


def test_label_maps_outside_the_class_set_are_named(tmp_path: Path) -> None:
    source = tmp_path / "label.png"
    source.write_bytes(encode_png(halves(1, 9)))
    pair = Pair("train", "a", partial(encode_png, photo()), source)
    with pytest.raises(SemsynthError, match=r"label\.png: ids outside the class set 'two': 9 \(24 pixels\)"):
        import_listing(Listing((pair,), SKY_AND_CAR), tmp_path / "out")
    assert files(tmp_path / "out") == ["classes.json"]
