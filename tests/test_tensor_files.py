"""What keeps the content of a file from taking the place of a network's tensors."""

from __future__ import annotations

import pytest
import torch

from semsynth.tensor_files import misfits

EXPECTED = {"weight": torch.zeros(2), "weights._extra_state": {"epoch": 1}}


def test_what_a_module_keeps_beside_tensors_has_other_values() -> None:
    assert misfits(EXPECTED, {"weight": torch.ones(2), "weights._extra_state": {"epoch": 7}}) == []


@pytest.mark.parametrize("kept", [{"epoch": "7"}, {"epoch": True}, {"epochs": 7}, {}, 7, None, torch.ones(1)])
def test_and_of_the_same_kinds(kept: object) -> None:
    (problem,) = misfits(EXPECTED, {"weight": torch.ones(2), "weights._extra_state": kept})
    assert problem.startswith("weights._extra_state is ")
