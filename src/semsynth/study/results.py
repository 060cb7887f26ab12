"""What an analysis finds; the report's HTML, JSON and CSV are three forms of it."""

from __future__ import annotations

from semsynth.config import Config
from semsynth.study.agreement import Agreement
from semsynth.study.exclusions import ExclusionReport
from semsynth.study.preference import Interval


class Preference(Config):
    """How often the first of two methods was preferred. Shares are of the answers that are no ties."""

    first: str
    second: str
    exposure: float | None
    """Seconds; None: unlimited, or all exposures together."""
    first_preferred: int
    second_preferred: int
    ties: int
    workers: int
    images: int
    share: float | None
    """Of the first method; None without answers."""
    wilson: Interval
    """As if answers were independent."""
    clustered: Interval
    """Two-way cluster bootstrap over people and pictures; Wilson's interval where all answers agree."""
    p_exact: float
    """Exact binomial test of 1/2, as if answers were independent."""
    p_exact_holm: float
    """Corrected for all preferences of the same list."""
    p_clustered: float
    """Of the cluster bootstrap; the exact one where all answers agree."""
    p_clustered_holm: float


class ImagePreference(Config):
    """As :class:`Preference`, of one picture."""

    first: str
    second: str
    image: str
    first_preferred: int
    second_preferred: int
    ties: int
    share: float | None
    wilson: Interval


class SideBias(Config):
    """How often the left picture was chosen, whatever it showed; sides are balanced, so 1/2 without bias."""

    left: int
    right: int
    share: float | None
    wilson: Interval
    p_exact: float


class Strength(Config):
    """A method's place on the common scale."""

    method: str
    strength: float
    """Log-odds: s_i - s_j is the logit of the probability that i is preferred to j. The mean is 0."""
    interval: Interval
    """Cluster bootstrap."""


class Ranking(Config):
    """All methods, the strongest first."""

    model: str
    """``Bradley-Terry`` or ``Davidson``."""
    strengths: tuple[Strength, ...]
    tie_parameter: float | None
    """Davidson's nu: 0 without ties; 1 if equal methods tie in a third of the answers."""


class StudyResults(Config):
    """Everything that is reported."""

    study: str
    question: str
    level: float
    """Of the intervals."""
    replicates: int
    """Of the bootstrap."""
    exclusions: ExclusionReport
    judgements: int
    """Answers that count, without sentinels."""
    median_response_seconds: float
    preferences: tuple[Preference, ...]
    """Of every pair of methods."""
    by_exposure: tuple[Preference, ...]
    """In a timed study: of every pair at every exposure."""
    ranking: Ranking | None
    """For three or more methods."""
    side: SideBias
    agreement: Agreement
    images: tuple[ImagePreference, ...]
    simulated: bool = False
    """Whether these are answers of a simulation only."""
    robots: int = 0
    """Answers of robots beside those of people; left out everywhere here."""
