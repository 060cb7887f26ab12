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
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from official_trees import SIZE, halves, photo
from PIL import Image

from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.ids import instance_map, translated
from semsynth.data.importers.pairs import Listing, Pair, import_listing, own_instances
from semsynth.data.placing import in_parallel
from semsynth.data.progress import silent
from semsynth.data.source_files import few, read_lines, required
from semsynth.errors import SemsynthError
from semsynth.images import encode_png
from semsynth.layout import Layout
from semsynth.layout.instances import objects

CLASSES = ClassSet(
    name="two", classes=(ClassInfo(id=1, name="sky", color=(0, 0, 255)), ClassInfo(id=2, name="car", color=(255, 0, 0)))
)


def layout(left: int = 1, right: int = 2) -> Layout:
    labels = halves(left, right, dtype=np.uint16)
    return Layout(labels, CLASSES, halves(1, 700, dtype=np.int32))


def made(count: int, read: Callable[[], Layout] = layout, photos: Callable[[], bytes] | None = None) -> Listing:
    photos = photos or partial(encode_png, photo())
    pairs = [Pair("train" if index else "val", f"{index:02d}", photos, read, own_instances) for index in range(count)]
    return Listing(tuple(pairs), CLASSES)


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


def test_the_first_error_ends_it() -> None:
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 3:
            raise SemsynthError("item 3")

    with pytest.raises(SemsynthError, match="item 3"):
        in_parallel(work, range(10_000), silent)
    assert len(begun) < 10_000


def test_label_maps_outside_the_class_set_are_named(tmp_path: Path) -> None:
    source = tmp_path / "label.png"
    source.write_bytes(encode_png(halves(1, 9)))
    pair = Pair("train", "a", partial(encode_png, photo()), source)
    with pytest.raises(SemsynthError, match=r"label\.png: ids outside the class set 'two': 9 \(24 pixels\)"):
        import_listing(Listing((pair,), CLASSES), tmp_path / "out")
    assert files(tmp_path / "out") == ["classes.json"]


def test_translated() -> None:
    numbers = np.array([[0, 7, 900], [7, 0, 0]])
    assert translated(numbers, {900: 3, 0: VOID, 7: 1}, Path("a")).tolist() == [[VOID, 1, 3], [1, VOID, VOID]]
    with pytest.raises(SemsynthError, match=r"seg\.png holds ids .*: 7 \(2 pixels\), 900 \(1 pixels\); restore"):
        translated(numbers, {0: VOID, 8: 1}, Path("seg.png"))


def test_instance_map() -> None:
    labels = np.array([[1, 1, 2, 2, 2, VOID, VOID]], np.uint16)
    numbers = np.array([[-1, -1, 40, 7, 40, 7, -1]])
    # 7 lies on the car at place 3; on void nothing is counted
    assert instance_map(labels, numbers).tolist() == [[1, 1, 257, 256, 257, 255, 255]]
    assert instance_map(labels, np.full((1, 7), -1)).tolist() == [[1, 1, 2, 2, 2, 255, 255]]


@given(
    arrays.arrays(np.uint16, SIZE, elements=st.sampled_from([1, 2, VOID])),
    arrays.arrays(np.int64, SIZE, elements=st.integers(-1, 4)),
)
def test_objects_of_instance_maps_are_those_of_the_source(labels: np.ndarray, numbers: np.ndarray) -> None:
    numbers = np.where(numbers >= 0, numbers * 3 + (labels == 2), -1)  # no object has two classes
    table = objects(Layout(labels, CLASSES, instance_map(labels, numbers)))
    known = labels != VOID
    keys = np.where(numbers >= 0, numbers, -labels.astype(np.int64))[known]
    assert sorted(table.pixels.tolist()) == sorted(np.unique(keys, return_counts=True)[1].tolist())
    assert set(table.instance_ids[table.instance_ids < 256].tolist()) <= {1, 2}


def test_official_files(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    with pytest.raises(SemsynthError, match=r"list\.txt is missing: it comes with a\.zip"):
        required(path, "it comes with a.zip")
    path.write_text("\ufeffone \n\n  two\r\n")
    assert read_lines(path) == ["one", "two"]
    path.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(SemsynthError, match=r"list\.txt is no text file"):
        read_lines(path)
    assert few(["a", "b"]) == "a, b"
    assert few(list("abcdefg")) == "a, b, c, d, e and 2 more"
