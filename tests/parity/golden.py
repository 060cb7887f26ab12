"""Golden cases: numbers that the official codes produced, and a record of what was compared with them.

A case is a pair NAME.json (options, what was run, scalars) and NAME.safetensors. Every tensor and every
scalar of it has to be used: as an input, in a comparison, or named as not applicable with a reason.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor

TOLERANCE = 1e-5
"""Largest difference that is allowed, relative to the largest magnitude in the golden tensor."""
SYSTEM_TOLERANCES: dict[str | None, float] = {"crn": 1e-4}
"""The same for systems whose numbers come from single precision only, in TensorFlow."""
NOISE = 1e-8
"""Magnitudes below this are rounding noise around an exact zero (the gradient of a bias before a batch norm): they have
to agree to TOLERANCE * NOISE, absolutely."""

VANISHED = 1e-11
"""Of its layer's scale: what is left in double precision of a gradient that vanishes by theory."""

DTYPE = torch.float64
"""What everything here runs in. Most golden numbers were computed in single precision and stray up to 5e-6 from the
truth; a second single-precision run, which adds up in another order, would add its own error to that."""

SYSTEMS = {"fecacc9": "spade", "14b3b3c": "pix2pixhd", "e89c281": "crn", "aeb875f": "oasis"}
"""Commit of an official code -> the system here that repeats it."""

_ABOUT = {
    "commit", "cls", "opt", "seed", "dtype", "mode", "description", "torch", "tensorflow", "state_storage", "tensors",
    "vgg_widths", "nhidden", "layout",
}  # fmt: skip
"""Keys of the JSON that describe the run; all others hold numbers to compare."""


def golden_folders() -> list[Path]:
    """Where the cases are: $SEMSYNTH_GOLDEN, folders divided as in $PATH, or both of the shared folder."""
    given = os.environ.get("SEMSYNTH_GOLDEN")
    if given is not None:
        return [Path(folder) for folder in given.split(os.pathsep)]
    shared = Path(os.environ.get("SEMSYNTH_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    return [shared / "golden", shared / "golden-more"]


class Case:
    """One golden case."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        self.about: dict[str, Any] = json.loads(path.read_text())
        self.opt: dict[str, Any] = self.about.get("opt", {})
        self.cls: str = self.about.get("cls", "")
        self.differences: dict[str, float] = {}
        """What was compared -> the relative difference."""
        self.reasons: dict[str, str] = {}
        """What is not applicable -> why."""
        self.used: set[str] = set()
        with safe_open(path.with_suffix(".safetensors"), "pt") as file:
            self.tensors = frozenset(file.keys())
        self._scalars = dict(_leaves({key: value for key, value in self.about.items() if key not in _ABOUT}))

    @property
    def system(self) -> str | None:
        """The system that the case is of; None for a commit that no one has named yet."""
        return SYSTEMS.get(str(self.about.get("commit"))[:7])

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def stored(self, name: str) -> Tensor:
        """A tensor as stored; it counts as used."""
        self.used.add(name)
        with safe_open(self.path.with_suffix(".safetensors"), "pt") as file:
            return file.get_tensor(name)

    def input(self, name: str, dtype: torch.dtype = DTYPE) -> Tensor:
        """A floating point tensor that the computation starts from."""
        return self.stored(name).to(dtype)

    def under(self, prefix: str) -> list[str]:
        """Names of the tensors that begin with ``prefix``, the prefix cut off."""
        return sorted(name.removeprefix(prefix) for name in self.tensors if name.startswith(prefix))

    def state(self, prefix: str, dtype: torch.dtype = DTYPE) -> dict[str, Tensor]:
        """The official state dict under ``prefix``: stored in half precision, exactly, and cast to ``dtype``."""
        values = {name: self.stored(prefix + name) for name in self.under(prefix)}
        return {name: value.to(dtype) if value.is_floating_point() else value for name, value in values.items()}

    def scalar(self, name: str) -> float:
        """A number of the JSON by its dotted path; it counts as used."""
        self.used.add(name)
        return self._scalars[name]

    def section(self, key: str) -> Any:
        """A whole entry of the JSON; every number in it counts as used."""
        self.used.update(name for name in self._scalars if name == key or name.startswith(f"{key}."))
        return self.about[key]

    def compare(
        self,
        name: str,
        actual: Tensor | float,
        expected: Tensor | float | None = None,
        tolerance: float | None = None,
    ) -> None:
        """Require that ``actual`` agrees with what is stored under ``name``.

        Args:
            name: of a tensor, or the dotted path of a scalar; a remark in brackets may follow it.
            actual: what was computed here.
            expected: a part of what is stored, where not all of it is meant, or what is stored in another order.
            tolerance: the largest difference that is allowed; None: TOLERANCE, or that of the case's system.
        """
        key = name.split(" (")[0]
        if expected is None:
            expected = self.stored(key) if key in self.tensors else self.scalar(key)
        expected, actual = torch.as_tensor(expected), torch.as_tensor(actual).detach()
        if expected.shape != actual.shape and actual.numel() == expected.numel() == 1:
            actual = actual.reshape(expected.shape)
        assert actual.shape == expected.shape, f"{name}: {list(actual.shape)}, golden {list(expected.shape)}"
        difference = _difference(actual, expected)
        self.differences[name] = difference
        limit = SYSTEM_TOLERANCES.get(self.system, TOLERANCE) if tolerance is None else tolerance
        assert difference <= limit, f"{name}: differs by {difference:.2e} of the largest magnitude"

    def compare_digest(self, name: str, actual: Tensor) -> None:
        """Compare with a digest, [sum, Euclidean norm, first elements] of a tensor."""
        expected = self.stored(name).double()
        flat = actual.detach().double().flatten()
        total, norm, first = flat.sum(), flat.norm(), flat[: expected.numel() - 2]
        assert expected.numel() - 2 == min(len(first), flat.numel()), f"{name}: shape {list(actual.shape)}"
        # A sum may cancel: its scale is that of the summands.
        scale = max(float(expected[0].abs()), float(expected[1]), NOISE)
        self.differences[f"{name} (sum)"] = float((total - expected[0]).abs()) / scale
        assert self.differences[f"{name} (sum)"] <= TOLERANCE, f"{name}: sums differ"
        self.compare(f"{name} (norm)", norm, expected[1])
        self.compare(f"{name} (first)", first, expected[2:])

    def require_vanishing(self, name: str, actual: Tensor, scale: float) -> None:
        """Require that a stored tensor and ours are nothing but rounding around an exact zero.

        Args:
            name: of the tensor, for example the gradient of a bias that a normalisation takes away again.
            actual: what was computed here.
            scale: magnitude of the numbers whose sum vanishes.
        """
        for value in (actual.detach(), self.stored(name)):
            assert float(value.double().abs().max()) <= TOLERANCE * scale, f"{name}: not zero"
        self.differences[name] = float(actual.detach().abs().max()) / scale

    def compare_gradients(
        self, prefix: str, gradients: Mapping[str, Tensor], left_out: Collection[str] = ()
    ) -> list[str]:
        """Require that gradients agree with all that are stored under ``prefix``; returns those that vanish.

        A bias before a normalisation has no effect, so its gradient is zero but for rounding, which is whatever the
        precision of the run makes it. Such a gradient, found by ours in double precision, has to vanish officially,
        too, relative to its layer's scale: the largest gradient of the layer's weights.

        Args:
            prefix: of the stored tensors.
            gradients: official name of a parameter -> ours, all parameters of a network.
            left_out: full names of stored gradients that were declared not applicable.
        """
        assert set(gradients) == {name for name in self.under(prefix) if prefix + name not in left_out}
        vanishing = []
        for name, gradient in gradients.items():
            layer = name.rpartition(".")[0]
            beside = [float(gradients[one].abs().max()) for one in gradients if one.rpartition(".")[0] == layer]
            scale = max(beside)
            if name.endswith(".bias") and float(gradient.abs().max()) <= VANISHED * scale:
                self.require_vanishing(prefix + name, gradient, scale)
                vanishing.append(name)
            else:
                self.compare(prefix + name, gradient)
        return vanishing

    def require_equal(self, name: str, actual: Tensor) -> None:
        """Require that ``actual`` equals what is stored under ``name`` exactly."""
        expected = self.stored(name)
        assert torch.equal(actual.to(torch.float64), expected.to(torch.float64)), f"{name}: not equal"
        self.differences[name] = 0.0

    def not_applicable(self, reason: str, *names: str) -> None:
        """Declare that tensors or scalars say nothing about this implementation."""
        for name in names:
            assert name in self.tensors or name in self._scalars, f"there is no {name} in {self.name}"
            self.reasons[name] = reason

    def finish(self) -> None:
        """Require that nothing was left out."""
        left_out = (self.tensors | self._scalars.keys()) - self.used - self.reasons.keys()
        assert not left_out, f"{self.name}: nothing was compared with {sorted(left_out)[:20]}"
        assert self.differences, f"{self.name}: nothing was compared"

    def summary(self) -> str:
        """One line: how much was compared, and the largest relative difference."""
        if not self.differences:
            return f"{self.name}: nothing compared"
        largest = max(self.differences, key=self.differences.__getitem__)
        counts = Counter(self.reasons.values())
        skipped = "".join(f"; {count} not applicable: {reason}" for reason, count in counts.items())
        return f"{self.name}: {len(self.differences)} compared, {self.differences[largest]:.1e} at {largest}{skipped}"


Check = Callable[[Case], None]


def _leaves(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Dotted path and value of everything in nested dictionaries."""
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from ((f"{key}.{path}", leaf) for path, leaf in _leaves(item))
        else:
            yield key, item


def _difference(actual: Tensor, expected: Tensor) -> float:
    """The largest difference over the largest expected magnitude, beyond the rounding of half-precision storage."""
    wide = expected.double()
    difference = (actual.double() - wide).abs()
    if expected.dtype == torch.float16:
        half_a_step = torch.from_numpy(np.spacing(expected.abs().numpy()).astype(np.float64)) / 2
        difference = (difference - half_a_step).clamp_min(0)
    if not expected.numel():
        return 0.0
    assert difference.isfinite().all(), "not finite"
    return float(difference.max()) / max(float(wide.abs().max()), NOISE)
