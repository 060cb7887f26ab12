"""How much each class of a dataset looks like each class that a model was trained with.

Weights that belong to a class are rows, or columns, of a few layers. A matrix of shares in front of a trained network
(class affinity transfer: Careil, Verbeek and Lathuiliere, "Few-Shot Semantic Image Synthesis with Class Affinity
Transfer", CVPR 2023) therefore folds into them exactly: W_new[c] = sum over s of A[c,s] W_old[s].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from semsynth.classes import ClassSet
from semsynth.documents import read_json
from semsynth.errors import SHOWN_PROBLEMS, SemsynthError, shortened

Shares = dict[str, dict[str, float]]
"""New class -> trained class -> share, each above 0; the shares of a class sum to 1."""


def read_shares(file: Path) -> Mapping[str, object]:
    """Read ``{"new class": {"trained class": share}}`` from a JSON file; :func:`checked_shares` checks what it says.

    Raises:
        SemsynthError: the file cannot be read, or is no JSON object.
    """
    content = read_json(file)
    if not isinstance(content, dict):
        raise SemsynthError(f'{file} must hold {{"new class": {{"trained class": share}}}}')
    return content


def checked_shares(shares: Mapping[str, object], old: ClassSet, new: ClassSet, source: str) -> Shares:
    """Make sure that shares are of these classes, and let those of each class sum to 1.

    Args:
        shares: by new class; classes may be left out.
        old: the model's classes.
        new: the dataset's.
        source: what messages call the shares.

    Raises:
        SemsynthError: unknown classes, shares that are no numbers from 0 up, or a class whose shares are all 0.
    """
    _check_names(shares, new, source, "is for")
    result: Shares = {}
    for name, row in shares.items():
        if not isinstance(row, Mapping) or not row:
            raise SemsynthError(f'{source}: "{shortened(name)}" needs shares, as {{"{old.classes[0].name}": 1}}')
        _check_names(row, old, source, "begins with")
        values = {key: _share(value, f'{source}: "{name}", "{key}"') for key, value in row.items()}
        total = sum(values.values())
        if not 0 < total < math.inf:
            raise SemsynthError(f'{source}: the shares of "{name}" sum to {total:g}: give one above 0, or leave it out')
        result[name] = {key: value / total for key, value in values.items() if value > 0}
    return result


def affinity_matrix(old: ClassSet, new: ClassSet, shares: Shares | None = None) -> Tensor:
    """[L,K]: how much each of L new classes begins with the weights of each of K trained ones; rows sum to 1.

    A class without shares begins with the class of its name or, if there is none, with the mean of all.
    """
    each = dict(zip((item.name for item in old.classes), torch.eye(old.num_classes), strict=True))
    mean = torch.full((old.num_classes,), 1 / old.num_classes)
    given = shares or {}
    rows = [
        torch.stack([share * each[key] for key, share in given[item.name].items()]).sum(0)
        if item.name in given
        else each.get(item.name, mean)
        for item in new.classes
    ]
    return torch.stack(rows)


def _check_names(names: Mapping[str, object], classes: ClassSet, source: str, what: str) -> None:
    known = [item.name for item in classes.classes]
    unknown = [name for name in names if name not in known]
    if unknown:
        shown = ", ".join(f'"{shortened(name)}"' for name in unknown[:SHOWN_PROBLEMS])
        raise SemsynthError(
            f"{source} {what} {shown}, which '{classes.name}' has not: its classes are {shortened(', '.join(known))}"
        )


def _share(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise SemsynthError(f"{what}: a share is a number from 0 up, not {shortened(value)}")
    return float(value)
