"""From folders of pictures and a design to a folder that can be served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, cycle
from pathlib import Path

import numpy as np

from semsynth.classes import ClassSet
from semsynth.errors import SemsynthError
from semsynth.files import make_folder
from semsynth.study.balance import Deal, Questions, deal_rounds, draw_questions, spread
from semsynth.study.design import REAL, StudyDesign
from semsynth.study.pictures import DAMAGED, LAYOUT, PictureWriter, check_sizes, match_pictures
from semsynth.study.plan import FORMAT, PICTURES, PLAN, Assignment, Kind, StudyPlan, Trial, save_plan

_RESERVED = (REAL, "tie", "left", "right")


@dataclass(frozen=True)
class Sources:
    """Where a study's pictures come from.

    Attributes:
        methods: at least one folder by method.
        real: folder of the real photos.
        layouts: folder of the label maps.
        classes: what the label maps' ids mean; None: they are shown as they are.
        common: whether names that a folder lacks are left out.
    """

    methods: Mapping[str, Path]
    real: Path | None = None
    layouts: Path | None = None
    classes: ClassSet | None = None
    common: bool = False


def make_study(sources: Sources, design: StudyDesign, out: Path) -> tuple[StudyPlan, list[str]]:
    """Plan a study and write its folder: ``plan.json`` and ``pictures/``.

    Returns:
        The plan, and notes on what was left out.

    Raises:
        SemsynthError: folders that do not match, pictures of different sizes, a design that needs what is not given,
            or ``out`` holds a study already. Nothing is written then.
    """
    if (out / PLAN).exists():
        raise SemsynthError(f"{out} holds a study already: choose another `out`, so that its answers keep their plan")
    methods = _methods(sources, design)
    folders = dict(sources.methods)
    if sources.real is not None:
        folders[REAL] = sources.real
    if sources.layouts is not None:
        folders[LAYOUT] = sources.layouts
    names, files, notes = match_pictures(folders, sources.common)
    notes += check_sizes(names, files)

    drawing, naming, damage = (
        np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(design.seed).spawn(3)
    )
    region = _region(sources, design)
    writer = PictureWriter(files, out / PICTURES, naming, design.shown_size, sources.classes, region)
    if region is not None:
        names, left_out = _with_region(names, writer, design)
        notes += left_out
    if design.images is not None and len(names) < design.images:
        notes.append(f"the design asks for {design.images} pictures per pair, there are {len(names)}")

    planner = _Planner(design, methods, pairs_of(methods, design), names, writer, drawing)
    assignments = tuple(planner.assignments())
    writer.rng = damage
    make_folder(out)
    writer.write()
    used = sorted({names.index(trial.image) for assignment in assignments for trial in assignment.trials})
    plan = StudyPlan(
        format=FORMAT,
        design=design,
        methods=methods,
        pairs=planner.pairs,
        images=tuple(names[number] for number in used),
        size=writer.size,
        assignments=assignments,
    )
    save_plan(plan, out)
    return plan, notes


def pairs_of(methods: Sequence[str], design: StudyDesign) -> tuple[tuple[str, str], ...]:
    """The pairs of methods that the design compares."""
    if design.compare == "first":
        return tuple((methods[0], other) for other in methods[1:])
    return tuple(combinations(methods, 2))


def _methods(sources: Sources, design: StudyDesign) -> tuple[str, ...]:
    for name in sources.methods:
        if name in _RESERVED:
            raise SemsynthError(f"`methods={name}`: this name has a meaning of its own; choose another one")
    if (design.compare_real or (design.sentinels + design.practice and design.sentinel == "real")) and not sources.real:
        raise SemsynthError(
            f"the design '{design.name}' shows real photos: give their folder with `real`, or set sentinel: damaged"
        )
    if (design.show_layout or design.region is not None) and sources.layouts is None:
        raise SemsynthError(f"the design '{design.name}' needs layouts: give their folder with `layouts`")
    methods = (*sources.methods, *((REAL,) if design.compare_real else ()))
    if len(methods) < 2:
        raise SemsynthError("a comparison needs two methods: give two `methods`, or compare_real: true")
    return methods


def _region(sources: Sources, design: StudyDesign) -> int | None:
    if design.region is None:
        return None
    if sources.classes is None:
        raise SemsynthError(f"region {design.region}: give `classes`, which says what the layouts' ids mean")
    if design.region.isascii() and design.region.isdigit():
        return int(design.region)
    return sources.classes[design.region].id


def _with_region(
    names: tuple[str, ...], writer: PictureWriter, design: StudyDesign
) -> tuple[tuple[str, ...], list[str]]:
    """The pictures that show enough of the region, and a note on the others."""
    kept = tuple(name for name in names if writer.region_share(name) >= design.min_region)
    if not kept:
        raise SemsynthError(f"region {design.region}: no layout shows {design.min_region:.1%} of it")
    few = len(names) - len(kept)
    return kept, [f"{few} pictures show less than {design.min_region:.1%} of {design.region}"] if few else []


@dataclass
class _Planner:
    """Turns dealt questions into assignments."""

    design: StudyDesign
    methods: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    writer: PictureWriter
    rng: np.random.Generator

    def __post_init__(self) -> None:
        self.checks = cycle(self.rng.permutation(len(self.names)).tolist())  # pictures of sentinels and practice

    def assignments(self) -> Iterator[Assignment]:
        """Every assignment, round by round."""
        exposures = max(1, len(self.design.exposures))
        questions = draw_questions(len(self.pairs), exposures, len(self.names), self.design.images, self.rng)
        for number, deal in enumerate(deal_rounds(questions, self.design.batch, self.design.judgements, self.rng)):
            for batch in deal.batches:
                trials = [self._judgement(questions, deal, question) for question in batch.tolist()]
                for position in spread(len(trials), self.design.sentinels, self.rng).tolist():
                    trials.insert(position, self._check("sentinel"))
                practice = [self._check("practice") for _ in range(self.design.practice)]
                yield Assignment(round=number, trials=(*practice, *trials))

    def _judgement(self, questions: Questions, deal: Deal, question: int) -> Trial:
        first, second = self.pairs[questions.pair[question]]
        left, right = (first, second) if deal.first_left[question] else (second, first)
        exposures = self.design.exposures
        exposure = exposures[questions.exposure[question]] if exposures else None
        return self._trial("judgement", self.names[questions.image[question]], left, right, exposure)

    def _check(self, kind: Kind) -> Trial:
        """A pair with a right answer, on a random side."""
        design, image = self.design, self.names[next(self.checks)]
        good, bad = REAL, next(method for method in reversed(self.methods) if method != REAL)
        if design.sentinel == "damaged":
            good = REAL if REAL in self.writer.files else self.methods[0]
            bad = good + DAMAGED
        exposure = (design.sentinel_exposure or design.exposures[-1]) if design.timed else None
        if self.rng.integers(2):
            return self._trial(kind, image, good, bad, exposure).model_copy(update={"expected": "left"})
        return self._trial(kind, image, bad, good, exposure).model_copy(update={"expected": "right"})

    def _trial(self, kind: Kind, image: str, left: str, right: str, exposure: float | None) -> Trial:
        request = self.writer.request
        return Trial(
            kind=kind,
            image=image,
            left=left,
            right=right,
            left_picture=request(left, image),
            right_picture=request(right, image),
            layout_picture=request(LAYOUT, image) if self.design.show_layout else None,
            exposure=exposure,
        )
