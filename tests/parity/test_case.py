"""The parity tests' own book-keeping: it has to notice what it is there for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from parity.golden import Case
from parity.test_golden import find_check
from safetensors.torch import save_file
from torch import Tensor

COMMITS = {"spade": "fecacc920c13", "crn": "e89c28100000"}


def make_case(folder: Path, tensors: dict[str, Tensor], system: str = "spade", **about: Any) -> Case:
    save_file(tensors, folder / "case.safetensors")
    (folder / "case.json").write_text(json.dumps({"commit": COMMITS[system], "cls": "Anything", **about}))
    return Case(folder / "case.json")


def test_a_difference_beyond_the_tolerance_fails(tmp_path: Path) -> None:
    case = make_case(tmp_path, {"out": torch.tensor([100.0, 1.0])})
    case.compare("out", torch.tensor([100.0, 1.0009]))  # 9e-6 of the largest magnitude
    with pytest.raises(AssertionError, match=r"differs by 1.1\de-05"):
        case.compare("out", torch.tensor([100.0, 1.0011]))


def test_nan_and_shape_fail(tmp_path: Path) -> None:
    case = make_case(tmp_path, {"out": torch.ones(2)})
    with pytest.raises(AssertionError, match="not finite"):
        case.compare("out", torch.tensor([1.0, torch.nan]))
    with pytest.raises(AssertionError, match=r"\[1, 2\], golden \[2\]"):
        case.compare("out", torch.ones(1, 2))


def test_half_precision_storage_allows_its_own_rounding_only(tmp_path: Path) -> None:
    case = make_case(tmp_path, {"out": torch.tensor([1.0]).half()})
    case.compare("out", torch.tensor([1.0 + 2**-11]))  # half way to the next number in half precision
    with pytest.raises(AssertionError, match="differs"):
        case.compare("out", torch.tensor([1.0 + 2**-11 + 1e-4]))


def test_everything_has_to_be_compared(tmp_path: Path) -> None:
    tensors = {"out": torch.ones(1), "forgotten": torch.ones(1)}
    case = make_case(tmp_path, tensors, scalars={"a": 1.0, "deep": {"b": 2.0}}, seed=3)
    case.compare("out", torch.ones(1))
    case.compare("scalars.a", 1.0)
    with pytest.raises(AssertionError, match=r"\['forgotten', 'scalars.deep.b'\]"):
        case.finish()
    case.compare("scalars.deep.b", 2.0)
    case.not_applicable("for a test", "forgotten")
    case.finish()
    assert case.summary() == "case: 3 compared, 0.0e+00 at out; 1 not applicable: for a test"


def test_digest(tmp_path: Path) -> None:
    values = torch.linspace(-1, 2, 7)
    case = make_case(tmp_path, {"digest": torch.cat([values.sum()[None], values.norm()[None], values[:3]])})
    case.compare_digest("digest", values)
    with pytest.raises(AssertionError, match="sums differ"):
        case.compare_digest("digest", values + torch.eye(7)[6] * 1e-3)
    with pytest.raises(AssertionError, match="differs"):
        case.compare_digest("digest", values[[1, 0, 2, 3, 4, 5, 6]])


def test_only_cases_of_missing_systems_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parity.test_golden.RECIPES", {"spade": None})
    with pytest.raises(AssertionError, match="no test claims case: add 'Anything'"):
        find_check(make_case(tmp_path, {"out": torch.ones(1)}))
    with pytest.raises(pytest.skip.Exception, match="system not built yet: crn"):
        find_check(make_case(tmp_path, {"out": torch.ones(1)}, system="crn"))


def test_gradients_that_vanish_are_measured_by_their_layer(tmp_path: Path) -> None:
    stored = {"grad.a.weight": torch.tensor([2.0, -4.0]), "grad.a.bias": torch.tensor([3e-5])}
    ours = {"a.weight": torch.tensor([2.0, -4.0]).double(), "a.bias": torch.tensor([-1e-13]).double()}
    assert make_case(tmp_path, stored).compare_gradients("grad.", ours) == ["a.bias"]  # 3e-5 < 1e-5 * 4
    stored["grad.a.bias"] = torch.tensor([5e-5])
    with pytest.raises(AssertionError, match=r"grad.a.bias: not zero"):
        make_case(tmp_path, stored).compare_gradients("grad.", ours)


def test_small_gradients_that_do_not_vanish_are_compared_as_others_are(tmp_path: Path) -> None:
    stored = {"grad.a.weight": torch.tensor([2.0]), "grad.a.bias": torch.tensor([1.0e-9])}
    ours = {"a.weight": torch.tensor([2.0]).double(), "a.bias": torch.tensor([1.1e-9]).double()}
    with pytest.raises(AssertionError, match=r"grad.a.bias: differs"):
        make_case(tmp_path, stored).compare_gradients("grad.", ours)


def test_every_gradient_has_to_be_there(tmp_path: Path) -> None:
    case = make_case(tmp_path, {"grad.a.weight": torch.ones(1), "grad.b.weight": torch.ones(1)})
    with pytest.raises(AssertionError):
        case.compare_gradients("grad.", {"a.weight": torch.ones(1)})
    case.not_applicable("for a test", "grad.b.weight")
    assert case.compare_gradients("grad.", {"a.weight": torch.ones(1)}, left_out=["grad.b.weight"]) == []
