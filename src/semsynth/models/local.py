"""Generators whose pixels depend on nothing but their surroundings, and parts of their pictures.

A stage that looks ``reach`` pixels around makes the right features inside a rectangle if it is given ``reach`` pixels
more on each side: what its borders of zeros spoil is then cut off. So a picture's rectangle needs a rectangle of each
stage's features, a little larger at each step towards the first one, and half as wide at each doubling. No stage
computes a pixel twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.layout import Level, Size, pixels
from semsynth.ops.norm import ParameterFreeNorm
from semsynth.ops.rectangle import Rectangle

Run = Callable[[Tensor | None, Rectangle | None], Tensor]
"""Features [N,C,h,w] of a rectangle (None: of the whole picture) -> this stage's, of the same rectangle."""


@dataclass(frozen=True)
class LocalStage:
    """A step of a generator."""

    run: Run
    """The first stage of all is given no features."""
    reach: int
    """Pixels around each that the result depends on, by way of the features."""
    doubles: bool = False
    """Whether the features are enlarged to twice their size first, each pixel to four."""
    layout: Level | Tensor | None = None
    """What it reads of the layout, at the size of its features; None: nothing."""
    layout_reach: int = 0
    """Pixels around each that the result depends on, by way of the layout."""
    vectors: Tensor | None = None
    """[R,K], what each of the layout's labels stands for; None: a channel of its own."""
    products: int = 0
    """Multiplications of its convolutions for a pixel of the result."""


def norm_of_the_whole(network: nn.Module) -> ParameterFreeNorm | None:
    """A normalisation of ``network`` that takes its statistics from the whole picture; None: there is none."""
    norms = (module for module in network.modules() if isinstance(module, ParameterFreeNorm))
    return next((norm for norm in norms if not norm.uses_running_statistics), None)


def check_local(network: nn.Module) -> None:
    """Make sure that no normalisation of ``network`` takes its statistics from the whole picture.

    Raises:
        SemsynthError: one does.
    """
    norm = norm_of_the_whole(network)
    if norm is not None:
        reason = "in training" if norm.kind != "instance" else "always"
        raise SemsynthError(
            f"a generator with {norm.kind} norm makes no parts of pictures {reason}: its statistics are those of "
            "the whole picture"
        )


def run_whole(stages: Sequence[LocalStage]) -> Tensor:
    """The picture that stages make one after another."""
    features = run_each(stages)
    x = next(features)
    for made in features:
        x = made
    return x


def run_each(stages: Sequence[LocalStage]) -> Iterator[Tensor]:
    """What stages make of all pixels, one after another; the last is the picture."""
    x: Tensor | None = None
    for stage in stages:
        x = stage.run(F.interpolate(x, scale_factor=2, mode="nearest") if x is not None and stage.doubles else x, None)
        yield x


def run_part(stages: Sequence[LocalStage], box: Rectangle, size: Size) -> Tensor:
    """A rectangle of that picture.

    Args:
        stages: of a generator.
        box: the rectangle.
        size: (height, width) of the whole picture.

    Returns:
        [N,3,h,w], the same as that part of :func:`run_whole` up to float rounding.

    Raises:
        SemsynthError: ``box`` is empty or reaches out of the picture.
    """
    if not Rectangle.whole(size).covers(box) or min(box.size) < 1:
        raise SemsynthError(
            f"box (top {box.top}, left {box.left}, bottom {box.bottom}, right {box.right}): a picture of "
            f"{pixels(size)} has no such part"
        )
    x, have = None, Rectangle.whole(size)
    for stage, areas in zip(stages, needed_areas(stages, box, size), strict=True):
        x, have = run_stage(stage, areas, x, have), areas.made
    assert x is not None
    return x


@dataclass(frozen=True)
class StageAreas:
    """What a stage is given, and the part of it that comes out right and is wanted."""

    given: Rectangle
    made: Rectangle


def needed_areas(stages: Sequence[LocalStage], box: Rectangle, size: Size) -> list[StageAreas]:
    """The rectangles of each stage that ``box`` of a picture of (height, width) ``size`` needs."""
    found: list[StageAreas] = []
    for stage in reversed(stages):
        given = box.grown(stage.reach, size)
        found.append(StageAreas(given, box))
        if stage.doubles:
            box, size = given.halved(), (size[0] // 2, size[1] // 2)
        else:
            box = given
    return found[::-1]


def run_stage(stage: LocalStage, areas: StageAreas, x: Tensor | None, have: Rectangle) -> Tensor:
    """Features of ``areas.made``.

    Args:
        stage: of a generator.
        areas: what it needs for these features, and they.
        x: the features of the stage before; None: it is the first.
        have: their rectangle, in which is what the stage needs.
    """
    features = x
    if x is not None:
        cut = areas.given.halved() if stage.doubles else areas.given
        features = cut.within(have).of(x)
        if stage.doubles:
            features = F.interpolate(features, scale_factor=2, mode="nearest")
            features = areas.given.within(cut.doubled()).of(features)
    return areas.made.within(areas.given).of(stage.run(features, areas.given))


def halo(stages: Sequence[LocalStage]) -> int:
    """How far around a rectangle of the picture the first features reach on which it depends, in pixels."""
    reach, doublings = 0, 0
    for stage in reversed(stages):
        reach += stage.reach
        if stage.doubles:
            reach, doublings = -(-reach // 2), doublings + 1
    return reach << doublings


def largest_stage(stages: Sequence[LocalStage]) -> int:
    """Run all stages; how many numbers enter and leave the one that has most of them."""
    given, found = 0, 0
    for stage, made in zip(stages, run_each(stages), strict=True):
        found = max(found, made.numel() + given * (4 if stage.doubles else 1))
        given = made.numel()
    return found
