"""The comparison's folder, and what ``comparison.json`` in it says.

``comparison.json`` (the plan and everything measured), ``index.html`` with ``pictures/``, and ``runs/NAME/``, an
ordinary run folder for each entry.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from semsynth.classes import ClassInfo
from semsynth.comparison.plan import Budget, Entry, Plan
from semsynth.config import Config, dump_config, load_config
from semsynth.data.fingerprint import DataFingerprint
from semsynth.errors import SemsynthError
from semsynth.training.run import RunFolder, changed_setting
from semsynth.training.trainer import Data
from semsynth.version import __version__

Curve = tuple[tuple[int, float], ...]
"""(step, value), ascending."""


class Result(Config):
    """What training one entry gave."""

    complete: bool = False
    """Whether the budget is spent."""
    error: str | None = None
    """Why its training ended before the budget did; the numbers are those until then."""
    parameters: dict[str, int] = Field(default_factory=dict)
    """By network, discriminators and encoders too; frozen networks of losses are not counted."""
    steps: int = 0
    images_seen: int = 0
    seconds: float = 0.0
    """Training time over all sessions."""
    images_per_second: float = 0.0
    """Median over the log lines."""
    peak_memory: int | None = None
    """Bytes: of the GPU's allocator, else resident memory of the process, libraries and perceptual network included;
    None where the system does not tell."""
    device: str = ""
    curves: dict[str, Curve] = Field(default_factory=dict)
    """Unweighted loss terms by ``phase/term``, means over parts of the training; the last value is the last log
    line's."""
    scores: dict[str, float] = Field(default_factory=dict)
    """Measured quality by name."""
    pictures: tuple[str, ...] = ()
    """Files of the folder, one for each shown layout."""


class Shown(Config):
    """A validation layout on the page."""

    name: str
    layout: str
    """File of the folder: its colours."""
    photo: str | None
    """File of the folder: the photograph, where there is one."""


class Record(Config):
    """``comparison.json``."""

    semsynth: str = __version__
    """The version that wrote it."""
    plan: Plan
    classes: str
    """Name of the class set."""
    legend: tuple[ClassInfo, ...] = ()
    """The classes of the shown layouts."""
    num_images: int
    """Training images."""
    shards: str | None = None
    """Fingerprint of the shards; None for a dataset folder."""
    fingerprint: DataFingerprint | None = None
    """Of a dataset folder; None for shards, and in comparisons of older versions."""
    configs: dict[str, dict[str, Any]]
    """Every entry's configuration, resolved."""
    shown: tuple[Shown, ...] = ()
    results: dict[str, Result] = Field(default_factory=dict)
    """By entry, as far as they are trained."""


class ComparisonFolder:
    """The paths of a comparison."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.record = root / "comparison.json"
        self.page = root / "index.html"
        self.pictures = root / "pictures"

    def run(self, entry: Entry) -> RunFolder:
        """The entry's run folder."""
        return RunFolder(self.root / "runs" / entry.folder)

    def open(self) -> Record:
        """Read ``comparison.json``.

        Raises:
            SemsynthError: it is missing or not valid.
        """
        if not self.record.is_file():
            raise SemsynthError(
                f"there is no comparison in {self.root} ({self.record.name} is missing): say what to compare"
            )
        return load_config(Record, self.record)

    def save(self, record: Record) -> None:
        """Write ``comparison.json``."""
        dump_config(record, self.record)

    def kept(self, new: Record, data: Data) -> Record:
        """A new record with what the folder holds of the same comparison already.

        Entries may have been added or left out, and the budget may have grown.

        Raises:
            SemsynthError: the folder holds something else, the same entries with other settings, or results of data
                that have changed since.
        """
        if not self.record.exists():
            RunFolder(self.root).check_unused()
            return new
        old = self.open()
        self._check_shared(old.plan, new.plan)
        self._check_configs(old, new)
        difference = data.difference(old.shards, old.fingerprint)
        if difference is not None:
            raise SemsynthError(
                f"{new.plan.data} has changed since the comparison in {self.root} began ({difference}): restore it, or "
                "choose another folder"
            )
        results = {name: result for name, result in old.results.items() if name in new.configs}
        if old.plan.budget != new.plan.budget:
            begun: dict[str, Any] = {"complete": False, "scores": {}, "pictures": ()}
            results = {name: one.model_copy(update=begun) for name, one in results.items()}
        return new.model_copy(update={"results": results})

    def _check_shared(self, old: Plan, new: Plan) -> None:
        before, now = (
            {
                "data": plan.data,
                "perceptual_weights": plan.perceptual_weights or "none",
                "feature_weights": ", ".join(plan.feature_weights.values()) or "none",
                "seed": plan.seed,
            }
            for plan in (old, new)
        )
        for name, value in before.items():
            if now[name] != value:
                self._refuse(f"{name} is {now[name]}", value)
        if _size(old.budget) > _size(new.budget) or (old.budget.steps is None) != (new.budget.steps is None):
            self._refuse(f"the budget is {described(new.budget)}", described(old.budget))

    def _check_configs(self, old: Record, new: Record) -> None:
        for name in (name for name in new.configs if name in old.configs):
            changed = changed_setting(old.configs[name], new.configs[name])
            if changed is not None:
                key, before, now = changed
                self._refuse(f"{name}: {key} is {now}", before)

    def _refuse(self, now: str, before: object) -> None:
        raise SemsynthError(f"{self.record}: {now}, but was {before}: restore it, or choose another folder")


def described(budget: Budget) -> str:
    """``600 steps`` or ``2.5 minutes``."""
    if budget.steps is not None:
        return f"{budget.steps:,} step{'' if budget.steps == 1 else 's'}"
    return f"{budget.minutes:g} minute{'' if budget.minutes == 1 else 's'}"


def _size(budget: Budget) -> float:
    return budget.steps or budget.minutes or 0
