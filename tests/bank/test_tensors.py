"""Files of tensors: written in pieces, read through memory maps."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from semsynth.bank.tensors import Pieces, map_tensors, write_tensors
from semsynth.errors import SemsynthError

SMALL = np.arange(5, dtype=np.uint8)
LARGE = np.arange(12, dtype=np.uint64).reshape(4, 3)
EXPECTED = {"small": (np.uint8, (5,)), "large": (np.uint64, (4, 3))}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "one.safetensors"
    write_tensors(file, {"small": SMALL, "large": Pieces((4, 3), np.uint64, (LARGE[:1], LARGE[1:]))})
    return file


def test_the_safetensors_library_reads_the_same(path: Path) -> None:
    tensors = safetensors.numpy.load_file(path)
    assert np.array_equal(tensors["small"], SMALL)
    assert np.array_equal(tensors["large"], LARGE)


def test_maps_are_read_only_and_equal(path: Path) -> None:
    mapped = map_tensors(path, EXPECTED)
    assert np.array_equal(mapped["large"], LARGE)
    with pytest.raises(ValueError, match="read-only"):
        mapped["small"][0] = 9


def test_tensors_without_entries_are_read(tmp_path: Path) -> None:
    path = tmp_path / "none.safetensors"
    write_tensors(path, {"none": np.zeros((0, 3), np.int32)})
    assert map_tensors(path, {"none": (np.int32, (0, 3))})["none"].shape == (0, 3)


@pytest.mark.parametrize(
    "expected", [{"other": (np.uint8, (5,))}, {"small": (np.uint8, (6,))}, {"small": (np.int32, (5,))}]
)
def test_other_tensors_are_refused(path: Path, expected: dict[str, tuple[type, tuple[int, ...]]]) -> None:
    with pytest.raises(SemsynthError, match=r"one.safetensors does not hold the tensor"):
        map_tensors(path, expected)


def test_damaged_files_are_refused(path: Path) -> None:
    whole = path.read_bytes()
    for broken, message in (
        (whole[:-1], "lies outside the file"),
        (b"", "its header is not valid JSON"),
        (b"\xff" * 64, "its header is not valid JSON"),
        (whole.replace(b"[96, 101]", b"[99, 104]"), "lies outside the file"),
    ):
        path.write_bytes(broken)
        with pytest.raises(SemsynthError, match=message):
            map_tensors(path, EXPECTED)
