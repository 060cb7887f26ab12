"""What goes into the store of a study, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from semsynth.errors import SemsynthError
from semsynth.study.answers import Choice

Reason = Literal["paused", "full", "done", "unknown", "expired", "conflict", "invalid", "too_fast", "too_many", "robot"]

TOO_FAST = "the answers came faster than a person can compare pictures: they do not count, and there is no code"


class RefusedError(SemsynthError):
    """A request that the study does not allow; nothing was stored.

    Attributes:
        reason: which rule it breaks.
        session: for ``done``, the finished session.
        seconds: for ``too_many``, after which asking again helps.
    """

    def __init__(self, reason: Reason, message: str, session: str | None = None, seconds: int | None = None) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.session, self.seconds = session, seconds


@dataclass(frozen=True)
class NewAnswer:
    """What a participant sends.

    Attributes:
        key: drawn by the sender, the same whenever the answer is sent again.
        trial: position in the assignment.
        choice: what was chosen.
        response_seconds: from the pictures' appearance to the answer.
        shown_seconds: measured exposure, in a timed study.
        dropped_frames: frames that the exposure missed.
    """

    key: str
    trial: int
    choice: Choice
    response_seconds: float
    shown_seconds: float | None = None
    dropped_frames: int = 0


@dataclass(frozen=True)
class Received:
    """An answer that is stored.

    Attributes:
        complete: whether the assignment has all its answers.
        too_fast: whether they came faster than a person can give them: then the assignment goes to somebody else.
    """

    complete: bool
    too_fast: bool = False


@dataclass(frozen=True)
class Joined:
    """A person's session.

    Attributes:
        session: its id.
        assignment: number of the assignment.
        answered: trials whose answers are stored already.
    """

    session: str
    assignment: int
    answered: frozenset[int]


@dataclass(frozen=True)
class StudyProgress:
    """How far the study is: numbers of assignments per state, and of answers of people and of robots."""

    assignments: int
    open: int
    active: int
    complete: int
    answers: int
    robots: int
    paused: bool
