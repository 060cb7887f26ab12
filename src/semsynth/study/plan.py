"""A planned study as it lies on the disk: which pair is shown in which assignment, on which side, for how long."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from semsynth.config import Config, dump_config, load_config
from semsynth.errors import SemsynthError
from semsynth.study.design import StudyDesign

PLAN = "plan.json"
PICTURES = "pictures"
"""Sub-folder of the pictures, under names that tell nothing."""
FORMAT = 1

Side = Literal["left", "right"]
Kind = Literal["practice", "sentinel", "judgement"]
Method = Annotated[str, Field(pattern=r"^[\w.+-]{1,64}$")]
PictureFile = Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.png$")]


class Trial(Config):
    """One pair, shown once."""

    kind: Kind
    image: str
    """Name that the pictures of all methods share."""
    left: str
    right: str
    """Methods."""
    left_picture: PictureFile
    right_picture: PictureFile
    layout_picture: PictureFile | None = None
    exposure: float | None = None
    """Seconds; None: unlimited."""
    expected: Side | None = None
    """The right answer, where there is one."""


class Assignment(Config):
    """What one person does in one go."""

    round: int
    """No person gets two assignments of different rounds, which hold the same questions."""
    trials: tuple[Trial, ...] = Field(min_length=1)

    @cached_property
    def sentinels(self) -> int:
        """How many sentinels there are."""
        return sum(trial.kind == "sentinel" for trial in self.trials)


class StudyPlan(Config):
    """A study: its design, its pairs of methods, and every assignment."""

    format: int
    design: StudyDesign
    methods: tuple[Method, ...] = Field(min_length=2)
    pairs: tuple[tuple[Method, Method], ...] = Field(min_length=1)
    """Compared methods; results are the share that prefers the first."""
    images: tuple[str, ...]
    size: tuple[int, int]
    """(height, width) in pixels of the largest shown picture."""
    assignments: tuple[Assignment, ...] = Field(min_length=1)
    """By their position, which is their number."""

    @model_validator(mode="after")
    def _known_format(self) -> Self:
        if self.format != FORMAT:
            raise ValueError(f"format {self.format} is not {FORMAT}: plan the study again with this version")
        return self

    @cached_property
    def num_judgements(self) -> int:
        """Judgements of all assignments, without sentinels and practice."""
        return sum(trial.kind == "judgement" for assignment in self.assignments for trial in assignment.trials)


def save_plan(plan: StudyPlan, study: Path) -> None:
    """Write ``plan.json`` of the folder ``study``."""
    dump_config(plan, study / PLAN)


def load_plan(study: Path) -> StudyPlan:
    """Read ``plan.json`` of the folder ``study``.

    Raises:
        SemsynthError: no such file, or it is damaged.
    """
    if not (study / PLAN).is_file():
        raise SemsynthError(f"{study} holds no {PLAN}: make one with `semsynth study plan --out {study}`")
    return load_config(StudyPlan, study / PLAN)
