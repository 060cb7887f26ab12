"""A bank holds the segments of its photos."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn_banks import CLASSES, HOUSE, PHOTOS, RULES

from semsynth.bank.memory import MemoryBank
from semsynth.bank.segments import find_segments
from semsynth.classes import builtin
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError


def test_pieces_are_the_segments_of_the_photos(bank: MemoryBank, dataset: Path) -> None:
    samples = DatasetFolder(dataset, "train")
    assert bank.photos == list(samples.names)
    numbers = iter(np.lexsort((np.arange(len(bank)), bank.images)))
    for image, sample in enumerate(samples):
        assert np.array_equal(bank.photo(image), sample.image)
        assert np.array_equal(bank.labels(image), sample.layout.labels)
        for segment in find_segments(sample.layout.labels, RULES):
            piece = bank.piece(next(numbers))
            assert (piece.image, piece.class_id, piece.top, piece.left) == (image, segment.class_id, *segment.box[:2])
            assert np.array_equal(piece.mask, segment.mask)
            assert np.array_equal(piece.thin_mask, segment.thin_mask)
            assert np.array_equal(piece.colour, sample.image[segment.window])
            assert np.array_equal(piece.labels, sample.layout.labels[segment.window])
    assert next(numbers, None) is None, "the bank has no other segments"


def test_segments_are_sorted_by_class_and_photo(bank: MemoryBank) -> None:
    assert (np.diff(bank.class_ids) >= 0).all()
    place = bank.of_class(HOUSE)
    assert (bank.class_ids[place] == HOUSE).all()
    assert (bank.class_ids == HOUSE).sum() == place.stop - place.start > 0
    assert (np.diff(bank.images[place]) >= 0).all()
    assert bank.of_class(99) == slice(len(bank), len(bank))
    assert any(bank.piece(number).thin_mask.sum() > bank.areas[number] for number in range(len(bank)))


def test_other_processes_open_the_bank_anew(bank: MemoryBank) -> None:
    sent = pickle.dumps(bank)
    assert len(sent) < 500
    assert np.array_equal(pickle.loads(sent).piece(3).colour, bank.piece(3).colour)


def test_numbers_outside_are_refused(bank: MemoryBank) -> None:
    for read, number in ((bank.piece, len(bank)), (bank.piece, -1), (bank.photo, PHOTOS), (bank.labels, -1)):
        with pytest.raises(IndexError, match=r"the bank has \d+"):
            read(number)


def test_layouts_of_other_classes_are_refused(bank: MemoryBank) -> None:
    bank.check_classes(CLASSES)
    with pytest.raises(SemsynthError, match=r"'drawn'.*'cmp_facades'.* only the layout's have 0 as 'background'"):
        bank.check_classes(builtin("cmp_facades"))


def test_a_folder_that_is_not_a_bank_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"is not a memory bank: it has no bank\.json"):
        MemoryBank.open(tmp_path)


@pytest.mark.parametrize("file", ["segments.safetensors", "photos-00001.safetensors"])
def test_files_that_are_missing_or_cut_off_are_named(bank: MemoryBank, tmp_path: Path, file: str) -> None:
    copy = Path(shutil.copytree(bank.folder, tmp_path / "copy"))
    (copy / file).write_bytes((copy / file).read_bytes()[:-1])
    with pytest.raises(SemsynthError, match=f"{file} is truncated"):
        MemoryBank.open(copy)
    (copy / file).unlink()
    with pytest.raises(SemsynthError, match=f"{file} is missing"):
        MemoryBank.open(copy)


def test_segments_that_point_outside_of_the_bank_are_refused(bank: MemoryBank, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bank.folder, tmp_path / "copy"))
    path = copy / "segments.safetensors"
    content = path.read_bytes()
    images = bank.images.tobytes()
    assert content.count(images) == 1
    path.write_bytes(content.replace(images, (bank.images + PHOTOS).astype(np.int32).tobytes()))
    with pytest.raises(SemsynthError, match="is damaged: segments lie outside the bank"):
        MemoryBank.open(copy)
