"""Clustering and the bank: by hand, round trips, and damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from semsynth.classes import VOID
from semsynth.errors import SemsynthError
from semsynth.layout_ops.objects import ObjectMap
from semsynth.styles.bank import STYLES, StyleBank, draw_numbers
from semsynth.styles.objects import ObjectVectors, cluster, object_classes

MODES = {7: torch.tensor([[1.0, 0, 0], [0, 1, 0]]), 3: torch.tensor([[0.5, 0.5, 0.5]])}


def test_clusters_by_hand():
    vectors = np.array([[0.0], [0.2], [10.0], [5.0], [9.0], [7.0]])
    found = ObjectVectors(vectors, np.array([1, 1, 1, 1, 2, 2]), np.array([1.0, 1, 1, 0.1, 0.1, 0.1]))
    centres = cluster(found, modes=2)
    np.testing.assert_allclose(centres[1], [[0.1], [10.0]])  # the larger cluster first; the small object is left out
    assert centres[2].tolist() == [[8.0]], "only small objects: their mean"


def test_no_more_modes_than_distinct_objects():
    found = ObjectVectors(np.array([[1.0], [1.0], [2.0]]), np.array([4, 4, 4]), np.ones(3))
    assert cluster(found, modes=10)[4].tolist() == [[1.0], [2.0]]


def test_the_class_of_an_object_is_that_of_most_of_it():
    objects = ObjectMap.of(torch.tensor([[[5, 5, 5, 9]], [[9, 9, 9, 9]]]))
    labels = torch.tensor([[[1, 2, 2, VOID]], [[3, 3, 3, 1]]])
    assert object_classes(objects, labels).tolist() == [2, VOID, 3]


def test_drawing_takes_each_objects_own_modes():
    bank = StyleBank(MODES, 3)
    drawn = bank.draw(np.array([7, 7, 3, 11]), np.array([4, 5, 9, 1], np.uint64))
    assert drawn.tolist() == [[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0.5], [0, 0, 0]]


@given(st.integers(0, 2**63 - 1), st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20, unique=True))
def test_an_objects_number_does_not_depend_on_the_others(seed, ids):
    together = draw_numbers(seed, np.array(ids))
    assert together.tolist() == [draw_numbers(seed, np.array([one]))[0] for one in ids]
    assert len(set(together.tolist())) == len(ids)


def test_the_numbers_of_a_seed_never_change():
    """Seeds are written down: a release that draws others would change everybody's photos."""
    assert draw_numbers(0, np.array([26001])).tolist() == [12167751644249208023]
    assert draw_numbers(5, np.array([26001])).tolist() == [12029564736871702683]


def test_a_saved_bank_comes_back(tmp_path: Path):
    StyleBank(MODES, 3, "by hand").save(tmp_path, "abc")
    bank = StyleBank.load(tmp_path, "abc")
    assert bank is not None
    assert bank.about == "by hand"
    assert list(bank.modes) == [3, 7]
    assert all(torch.equal(bank.modes[key], MODES[key]) for key in MODES)
    assert StyleBank.load(tmp_path / "elsewhere", "abc") is None


def test_other_weights_and_damaged_files_are_refused(tmp_path: Path):
    StyleBank(MODES, 3).save(tmp_path, "abc")
    with pytest.raises(SemsynthError, match="other weights: run 'semsynth styles fit"):
        StyleBank.load(tmp_path, "def")
    data = (tmp_path / STYLES).read_bytes()
    for broken in (data[:-5], b"", b"nonsense" * 9):
        (tmp_path / STYLES).write_bytes(broken)
        with pytest.raises(SemsynthError, match="is not a style bank"):
            StyleBank.load(tmp_path, "abc")


def test_modes_that_are_not_numbers_and_hostile_metadata_are_refused(tmp_path: Path):
    StyleBank({3: torch.tensor([[1.0, float("nan"), 0.0]])}, 3).save(tmp_path, "abc")
    with pytest.raises(SemsynthError, match="class 3 hold NaN or infinity"):
        StyleBank.load(tmp_path, "abc")
    for metadata in ("[" * 10_000, '{"format": 1, "format": 1}', "[]", '{"format": "new"}'):
        (tmp_path / STYLES).write_bytes(safetensors.torch.save({"modes.3": torch.ones(1, 3)}, {"semsynth": metadata}))
        with pytest.raises(SemsynthError, match="is not a style bank") as failure:
            StyleBank.load(tmp_path, "abc")
        assert len(str(failure.value)) < 600


def test_modes_of_another_length_are_refused():
    with pytest.raises(SemsynthError, match=r"the modes of class 3 are \[1, 3\]"):
        StyleBank(MODES, 4)
