"""The design of a study: what is shown to whom, how often, and which answers count; all fixed beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from semsynth.config import Config, validated
from semsynth.documents import read_yaml
from semsynth.errors import SemsynthError

REAL = "real"
"""What the folder of real photos is called among the methods."""

Seconds = Annotated[float, Field(gt=0, le=3600)]
Share = Annotated[float, Field(ge=0, le=1)]


class Exclusions(Config):
    """Whose answers do not count, said before the first one is given. The defaults are this package's choice."""

    min_sentinel_accuracy: Share = 0.8
    """Workers who answer a smaller share of the sentinels right are left out; without sentinels nobody is."""
    min_response_seconds: Annotated[float, Field(ge=0)] = 0.2
    """Answers given sooner after the pictures appeared count as fast: nobody compares two pictures in that time."""
    max_fast_share: Share = 0.1
    """Workers with a larger share of fast answers are left out."""
    max_side_share: Share = 0.95
    """Workers who choose one side in a larger share of at least ``min_side_answers`` answers are left out."""
    min_side_answers: Annotated[int, Field(ge=1)] = 10
    """Fewer answers say nothing about a side."""
    max_exposure_error: Annotated[float, Field(gt=0)] = 0.034
    """Timed answers whose measured exposure is off by more seconds are left out: two frames at 60 Hz."""


class StudyDesign(Config):
    """Everything about a study but its pictures."""

    name: Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")] = "study"
    """Names the report."""
    question: Annotated[str, Field(min_length=1, max_length=300)] = "Which picture looks more realistic?"
    """What is asked at every pair."""
    instructions: Annotated[str, Field(max_length=4000)] = (
        "You will see pairs of pictures. Choose the one that answers the question better. "
        "There is no wrong answer where you are unsure: choose what you see first."
    )
    """Read before the first pair; empty lines separate paragraphs."""
    consent: Annotated[str, Field(max_length=4000)] = (
        "Taking part is voluntary, and you can stop at any time by closing this page. We store your choices, how long "
        "they took, the size of your window, and a pseudonym; nothing that says who you are."
    )
    """What participants agree to before anything else."""
    compare: Literal["all", "first"] = "all"
    """All pairs of methods, or the first method with every other one."""
    compare_real: bool = False
    """Whether the real photos are one of the methods."""
    images: Annotated[int, Field(ge=1)] | None = None
    """Pictures per pair of methods (and per exposure time), at most; None takes all."""
    judgements: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many different people judge each question, which is a pair of methods, a picture and an exposure time."""
    exposures: tuple[Seconds, ...] = ()
    """Seconds for which a pair can be seen; empty: as long as it takes."""
    batch: Annotated[int, Field(ge=1, le=1000)] = 50
    """Questions of one assignment, at most."""
    sentinels: Annotated[int, Field(ge=0, le=1000)] = 0
    """Pairs per assignment, besides, whose answer is beyond doubt."""
    sentinel: Literal["real", "damaged"] = "damaged"
    """A real photo with the last method's picture, or a picture with a damaged copy of itself."""
    sentinel_exposure: Seconds | None = None
    """Seconds for which sentinels can be seen in a timed study; None: the longest of ``exposures``."""
    practice: Annotated[int, Field(ge=0, le=100)] = 0
    """Pairs at the start of an assignment that are not stored as judgements; made as sentinels are."""
    show_layout: bool = False
    """Whether the layout is shown with the pair."""
    region: str | None = None
    """A class, as id or name: its region is highlighted in both pictures, and only pictures that have it are shown."""
    min_region: Share = 0.005
    """Least share of a picture that the region must cover."""
    ties: bool = False
    """Whether 'no difference' is an answer."""
    shown_size: tuple[Annotated[int, Field(ge=16)], Annotated[int, Field(ge=16)]] | None = None
    """(height, width) in pixels into which pictures are scaled, keeping their proportions; None: as they are."""
    batches_per_worker: Annotated[int, Field(ge=1)] = 1
    """Assignments that one person may do; never two of one round, so nobody is asked the same twice."""
    expiry_minutes: Annotated[float, Field(gt=0, le=10080)] = 60
    """An assignment without an answer for so long goes to somebody else."""
    min_approval_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    """On crowd platforms: only workers whose lifetime approval rate is greater."""
    exclusions: Exclusions = Exclusions()
    """Whose answers do not count."""
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Confidence level of all intervals."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Fixes pictures, pairs, sides and order."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if list(self.exposures) != sorted(set(self.exposures)):
            raise ValueError("exposures must be different and ascend")
        if self.sentinel_exposure is not None and not self.exposures:
            raise ValueError("sentinel_exposure needs exposures: without them nothing is timed")
        return self

    @property
    def timed(self) -> bool:
        """Whether pairs disappear after a while."""
        return bool(self.exposures)


def load_design(given: str, presets: dict[str, StudyDesign]) -> StudyDesign:
    """A preset by its name, or a YAML file; its key ``preset`` names what the file's other keys change.

    Raises:
        SemsynthError: neither a preset nor a readable file; no YAML; unknown keys or impossible values.
    """
    if given in presets:
        return presets[given]
    path = Path(given)
    if not path.is_file():
        raise SemsynthError(f"`design={given}`: no such file, and no preset (there are: {', '.join(presets)})")
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise SemsynthError(f"{path}: expected lines such as 'judgements: 5', found {type(values).__name__}")
    base = values.pop("preset", None)
    if base is not None and base not in presets:
        raise SemsynthError(f"{path}: there is no preset '{base}' (there are: {', '.join(presets)})")
    start = presets[base].model_dump() if base is not None else {"name": path.stem}
    return validated(StudyDesign, _merged(start, values), str(path))


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    inner = {
        key: _merged(base[key], value)
        for key, value in changes.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return base | changes | inner
