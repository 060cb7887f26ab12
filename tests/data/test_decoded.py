"""Samples decoded into one file: the same as from a dataset folder."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path

import numpy as np
import pytest

from semsynth.classes import builtin
from semsynth.data import decoded
from semsynth.data.decoded import INDEX, PIXELS, DecodedSamples, write_decoded
from semsynth.data.folder import DatasetFolder
from semsynth.data.sample import Sample
from semsynth.data.toy import write_toy
from semsynth.errors import SemsynthError
from semsynth.layout import ConditionPicture, Layout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DatasetFolder:
    root = tmp_path_factory.mktemp("data") / "toy"
    write_toy(root, 6, size=33)
    return DatasetFolder(root, "train", instances=True)


def assert_equal(one: Sample, other: Sample) -> None:
    assert one.name == other.name
    assert np.array_equal(one.image, other.image)
    assert np.array_equal(one.layout.labels, other.layout.labels)
    assert one.layout.instances is not None
    assert np.array_equal(one.layout.instances, other.layout.instances)
    assert one.layout.classes.classes == other.layout.classes.classes


def test_every_sample_comes_back(folder: DatasetFolder, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    write_decoded(folder, tmp_path, lambda *step: steps.append(step))
    assert steps[-1] == (len(folder), len(folder))
    read = DecodedSamples(tmp_path)
    assert len(read) == len(folder)
    for number in range(len(folder)):
        assert_equal(read[number], folder[number])
    read[0].layout.labels[:] = 7  # a copy: the file stays as it is
    assert_equal(read[0], folder[0])


def test_sizes_may_differ_and_parts_be_absent(tmp_path: Path) -> None:
    rng, classes = np.random.default_rng(0), builtin("cmp_facades")
    samples = [
        Sample(
            "a", Layout(rng.integers(0, 12, (5, 7)).astype(np.uint16), classes), rng.integers(0, 9, (5, 7, 3), "u1")
        ),
        Sample("b", Layout(np.zeros((3, 3), np.uint16), classes, np.full((3, 3), -4, np.int32))),
    ]
    write_decoded(samples, tmp_path / "layouts")
    read = DecodedSamples(tmp_path / "layouts")
    assert np.array_equal(read[0].layout.labels, samples[0].layout.labels)
    assert read[0].layout.instances is None
    assert np.array_equal(read[0].image, samples[0].image)
    assert read[1].image is None
    assert np.array_equal(read[1].layout.instances, samples[1].layout.instances)
    pictures = [Sample("c", ConditionPicture(rng.integers(0, 256, (4, 6, 3), "u1")), None)]
    write_decoded(pictures, tmp_path / "pictures")
    assert np.array_equal(DecodedSamples(tmp_path / "pictures")[0].picture.pixels, pictures[0].picture.pixels)


def test_workers_get_the_place_not_the_pixels(folder: DatasetFolder, tmp_path: Path) -> None:
    write_decoded(folder, tmp_path)
    read = DecodedSamples(tmp_path)
    assert_equal(read[1], folder[1])  # the file is open
    sent = pickle.dumps(read)
    assert len(sent) < (tmp_path / PIXELS).stat().st_size
    assert_equal(pickle.loads(sent)[1], folder[1])


def test_it_is_done_once(folder: DatasetFolder, tmp_path: Path) -> None:
    write_decoded(folder, tmp_path)
    before = (tmp_path / PIXELS).stat()
    write_decoded(folder, tmp_path, lambda *_: pytest.fail("decoded again"))
    assert (tmp_path / PIXELS).stat() == before


def test_a_full_disk_leaves_nothing_half_written(
    folder: DatasetFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> dict[str, np.ndarray]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(decoded, "_arrays", full)
    with pytest.raises(SemsynthError, match="the disk is full"):
        write_decoded(folder, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_file_that_was_cut_is_refused(folder: DatasetFolder, tmp_path: Path) -> None:
    write_decoded(folder, tmp_path)
    with (tmp_path / PIXELS).open("r+b") as file:
        file.truncate(100)
    with pytest.raises(SemsynthError, match=f"not what {INDEX} beside it tells"):
        DecodedSamples(tmp_path)
