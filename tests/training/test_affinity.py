"""Class affinity: shares, the matrix of them, and that folding the matrix equals putting it in front of a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from semsynth.classes import ClassInfo, ClassSet
from semsynth.config import override
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.training.affinity import affinity_matrix, checked_shares, read_shares
from semsynth.training.beginning import class_axes, for_classes


def class_set(*names: str) -> ClassSet:
    """Classes in this order."""
    return ClassSet(
        name="-".join(names), classes=tuple(ClassInfo(id=n, name=name, color=(n, 0, 0)) for n, name in enumerate(names))
    )


OLD = class_set("wall", "sky", "door", "grass")
NEW = class_set("tree", "sky", "gate")


def test_matrix_by_hand() -> None:
    shares = checked_shares({"gate": {"door": 3, "wall": 1, "sky": 0}}, OLD, NEW, "given")
    assert shares == {"gate": {"door": 0.75, "wall": 0.25}}
    expected = [[0.25, 0.25, 0.25, 0.25], [0, 1, 0, 0], [0.25, 0, 0.75, 0]]
    assert affinity_matrix(OLD, NEW, shares).tolist() == expected


def test_shares_come_before_names() -> None:
    shares = checked_shares({"sky": {"grass": 1}}, OLD, NEW, "given")
    assert affinity_matrix(OLD, NEW, shares)[1].tolist() == [0, 0, 0, 1]


@given(st.lists(st.floats(0, 1e6), min_size=4, max_size=4).filter(lambda row: sum(row) > 1e-6))
def test_rows_are_means(row: list[float]) -> None:
    shares = checked_shares({"tree": dict(zip(("wall", "sky", "door", "grass"), row, strict=True))}, OLD, NEW, "x")
    matrix = affinity_matrix(OLD, NEW, shares)
    torch.testing.assert_close(matrix[0], torch.tensor(row) / sum(row))
    torch.testing.assert_close(matrix.sum(1), torch.ones(3))


@pytest.mark.parametrize("system", ["spade", "oasis", "pix2pixhd"])
def test_folding_equals_the_matrix_in_front(system: str) -> None:
    """Every layer that reads, or judges, classes: with folded weights, or with trained ones and the matrix before."""
    preset = RECIPES[system].presets["small"]
    settings = [] if system == "oasis" else ["loss.perceptual=0"]
    old = RECIPES[system].build(override(preset(OLD, False), settings), OLD)
    new = RECIPES[system].build(override(preset(NEW, False), settings), NEW)
    matrix = affinity_matrix(OLD, NEW, {"tree": {"grass": 0.8, "wall": 0.2}, "gate": {"door": 0.5, "wall": 0.5}})
    torch.manual_seed(0)
    layers = 0
    for name, network in old.networks.items():
        first, axes = old.first_class_channel(name), class_axes(new.networks[name])
        state = network.state_dict()
        folded = for_classes(state, axes, matrix, first)
        for key, axis in axes.items():
            if state[key].ndim != 4 or axis != 1:
                continue
            rest = state[key].shape[1] - first - 4
            before, after = torch.randn(2, first, 9, 9), torch.randn(2, rest, 9, 9)
            classes = F.one_hot(torch.randint(3, (2, 9, 9)), 3).float().permute(0, 3, 1, 2)  # [N,L,h,w]
            mixed = torch.einsum("lk,nlhw->nkhw", matrix, classes)
            found = F.conv2d(torch.cat([before, classes, after], 1), folded[key])
            expected = F.conv2d(torch.cat([before, mixed, after], 1), state[key])
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
            layers += 1
    assert layers > 1


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"hedge": {"grass": 1}}, "is for \"hedge\", which 'tree-sky-gate' has not"),
        ({"tree": {"bush": 1}}, "begins with \"bush\", which 'wall-sky-door-grass' has not"),
        ({"tree": {"grass": -1}}, '"tree", "grass": a share is a number from 0 up, not -1'),
        ({"tree": {"grass": float("nan")}}, "not nan"),
        ({"tree": {"grass": float("inf")}}, "not inf"),
        ({"tree": {"grass": True}}, "not True"),
        ({"tree": {"grass": "much"}}, "not much"),
        ({"tree": {"grass": 0}}, 'the shares of "tree" sum to 0'),
        ({"tree": {"grass": 1e308, "wall": 1e308}}, "sum to inf"),
        ({"tree": {}}, '"tree" needs shares'),
        ({"tree": ["grass"]}, '"tree" needs shares'),
        ({str(n): {} for n in range(999)}, 'is for "0", "1", "2", which'),
    ],
)
def test_wrong_shares_are_one_line(shares: dict[str, object], message: str) -> None:
    with pytest.raises(SemsynthError) as caught:
        checked_shares(shares, OLD, NEW, "a.json")
    assert str(caught.value).startswith("a.json")
    assert message in str(caught.value)


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "affinity.json"
    file.write_text(json.dumps({"tree": {"grass": 1}}))
    assert read_shares(file) == {"tree": {"grass": 1}}
    file.write_text("[1]")
    with pytest.raises(SemsynthError, match=r"affinity\.json must hold"):
        read_shares(file)
