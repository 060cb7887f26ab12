"""What browsers and the server say to one another, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from semsynth.config import Config
from semsynth.study.answers import Choice


class StudyMessage(Config):
    """What a participant is told before anything is shown."""

    question: str
    instructions: str
    consent: str
    timed: bool
    ties: bool
    layout: bool
    height: int
    """Of the largest picture, in CSS pixels, as the width."""
    width: int
    minutes: int
    """How long an assignment may stay without an answer."""


class Screen(Config):
    """The window, measured by the page."""

    width: Annotated[int, Field(ge=1, le=100_000)]
    height: Annotated[int, Field(ge=1, le=100_000)]
    pixel_ratio: Annotated[float, Field(gt=0, le=20, allow_inf_nan=False)]
    frames_per_second: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]


class JoinRequest(Config):
    """Somebody who agreed to take part."""

    worker: Annotated[str, Field(min_length=1, max_length=128)]
    """The platform's worker id, or a random one that the browser keeps."""
    screen: Screen
    robot: bool = False
    """Whether it is a program; it then needs the operator's token, and its answers are marked."""


class ShownPair(Config):
    """A pair to show. Sentinels look like any other."""

    practice: bool
    left: str
    """URL, as all pictures'."""
    right: str
    layout: str | None
    exposure: float | None
    """Seconds; None: unlimited."""


class JoinReply(Config):
    """An assignment."""

    token: str
    pairs: tuple[ShownPair, ...]
    answered: tuple[int, ...]
    """Positions of the pairs that have an answer."""


class AnswerRequest(Config):
    """One answer."""

    key: Annotated[str, Field(pattern=r"^[\w-]{8,64}$")]
    """Drawn by the browser; the same whenever the answer is sent again."""
    trial: Annotated[int, Field(ge=0, le=10_000)]
    choice: Choice
    response_seconds: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
    shown_seconds: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None
    dropped_frames: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class AnswerReply(Config):
    """The answer is stored."""

    complete: bool
    code: str | None = None
    """Completion code, with the last answer."""
    note: str | None = None
    """Why there is no code with the last answer."""


class RefusedReply(Config):
    """Why a request was refused."""

    reason: str
    message: str
    code: str | None = None
    """Completion code, where the reason is that everything is done."""


class PauseRequest(Config):
    """The operator stops or resumes giving out assignments."""

    paused: bool


class LivePreference(Config):
    """Answers so far, before exclusions, to a pair of methods."""

    first: str
    second: str
    first_preferred: int
    second_preferred: int
    ties: int
    low: float
    """Wilson's interval, as ``high``."""
    high: float


class LiveWorker(Config):
    """A person as the rules see them so far."""

    worker: str
    state: Literal["active", "complete", "expired", "too_fast"]
    answers: int
    sentinels: int
    sentinels_right: int
    excluded_for: tuple[str, ...]


class ProgressReply(Config):
    """What the operator page shows."""

    study: str
    assignments: int
    open: int
    active: int
    complete: int
    answers: int
    robots: int
    """Answers of robots: they are marked, and counted nowhere else here."""
    paused: bool
    preferences: tuple[LivePreference, ...]
    workers: tuple[LiveWorker, ...]
