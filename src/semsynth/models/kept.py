"""Pictures of layouts that are being edited: what a stroke does not reach is kept.

The layout of the next picture is compared with that of the last one as each stage samples it. From the first stage that
reads a difference, a rectangle of each stage's features is computed again: what the stage before changed, grown by how
far the stage looks, joined with what it reads differently, grown likewise. Nothing else can change, and since layouts
are compared, not strokes, nothing can drift: a picture is that of its layout whatever came before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from semsynth.layout import LayoutBatch, Size
from semsynth.layout.difference import Reading
from semsynth.models.generator import LayoutGenerator
from semsynth.models.local import LocalStage, StageAreas, check_local, run_each, run_stage
from semsynth.ops.rectangle import Rectangle

MAX_SHARE = 0.8
"""Of the whole picture's multiplications: beyond, the whole is made. ``benchmarks/strokes.py`` measures it."""

MIN_STEP = 4
"""Sides of rectangles are multiples of it."""


@dataclass(frozen=True, eq=False)
class _Kept:
    """A picture with everything that the next one is compared with."""

    readings: list[Reading | None]
    """What each stage read of the layout."""
    style: Tensor | None
    """[N,z_dim]; None also for a map of noise, which is among the readings."""
    size: Size
    features: list[Tensor]
    """What each stage made; the last is the picture."""

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors, each counted once."""
        tensors = [*self.features, *(x for one in self.readings if one for x in (one.values, one.vectors))]
        return sum({x.data_ptr(): x.nbytes for x in [*tensors, self.style] if x is not None}.values())

    def leads_to(self, count: int, style: Tensor | None, size: Size) -> bool:
        """Whether nothing but layouts can make ``count`` pictures of this style and size differ from it."""
        same_style = style is self.style if style is None or self.style is None else torch.equal(style, self.style)
        return same_style and (len(self.features[-1]), self.size) == (count, size)


class KeptPicture:
    """The last picture that a generator made, and the way from it to the next one.

    The generator must stay as it is, in evaluation mode. Threads must take turns.
    """

    def __init__(self, generator: LayoutGenerator, max_bytes: int, max_share: float = MAX_SHARE) -> None:
        """Begin without a picture.

        Args:
            generator: one with ``is_local``.
            max_bytes: a picture that takes more is not kept.
            max_share: of the whole picture's multiplications, up to which a part is made again.

        Raises:
            SemsynthError: normalisation takes its statistics from the whole picture.
        """
        check_local(generator)
        self._generator = generator
        self._max_bytes, self._max_share = max_bytes, max_share
        self._kept: _Kept | None = None
        self.share: float = 1.0
        """Of the whole picture's multiplications, how many the last one took."""

    @property
    def nbytes(self) -> int:
        """Bytes that are kept."""
        return 0 if self._kept is None else self._kept.nbytes

    def drop(self) -> None:
        """Keep nothing."""
        self._kept = None

    def update(self, layout: LayoutBatch, style: Tensor | None, size: Size) -> Tensor:
        """The picture of a layout.

        Args:
            layout: as the generator takes it.
            style: likewise.
            size: (height, width) of the picture.

        Returns:
            [N,3,H,W], equal to the generator's up to float rounding.
        """
        with torch.no_grad():
            return self._update(layout, style, size)

    def _update(self, layout: LayoutBatch, style: Tensor | None, size: Size) -> Tensor:
        stages = self._generator.local_stages(layout, style, size)
        readings = [None if one.layout is None else Reading.of(one.layout, one.vectors) for one in stages]
        vector = style.clone() if style is not None and style.dim() == 2 else None
        # Whatever goes wrong from here on, a picture of which only a part is made again must not be found.
        kept, self._kept = self._kept, None
        if kept is not None and kept.leads_to(len(layout), vector, size):
            areas = changed_areas(stages, _differences(kept.readings, readings), size)
            self.share = share_of(stages, areas, size)
            if self.share <= self._max_share:
                _make_again(stages, areas, kept.features, size)
                self._kept = _Kept(readings, vector, size, kept.features)
                return kept.features[-1].clone()
        del kept  # before there is another
        self.share = 1.0
        return self._make(stages, readings, vector, size)

    def _make(
        self, stages: Sequence[LocalStage], readings: list[Reading | None], style: Tensor | None, size: Size
    ) -> Tensor:
        """The whole picture; keeps it unless it is too large."""
        found: _Kept | None = _Kept(readings, style, size, [])
        for x in run_each(stages):
            if found is not None:
                found.features.append(x)
                found = found if found.nbytes <= self._max_bytes else None
        self._kept = found
        return x if found is None else x.clone()


def stage_sizes(stages: Sequence[LocalStage], size: Size) -> list[Size]:
    """(height, width) of each stage's features for a picture of ``size``."""
    found: list[Size] = []
    for stage in reversed(stages):
        found.append(size)
        size = (size[0] // 2, size[1] // 2) if stage.doubles else size
    return found[::-1]


def changed_areas(
    stages: Sequence[LocalStage], differences: Sequence[Rectangle | None], size: Size
) -> list[StageAreas | None]:
    """What has to be made again.

    Args:
        stages: of a generator.
        differences: where each stage reads something else than before; None: nowhere.
        size: (height, width) of the picture.

    Returns:
        For each stage the part of its features that may change, and what it needs for them; None: nothing changes.
    """
    found: list[StageAreas | None] = []
    changed: Rectangle | None = None
    for stage, difference, whole in zip(stages, differences, stage_sizes(stages, size), strict=True):
        if changed is not None:
            changed = (changed.doubled() if stage.doubles else changed).grown(stage.reach, whole)
        if difference is not None:
            reached = difference.grown(stage.layout_reach, whole)
            changed = reached if changed is None else changed.joined(reached)
        found.append(
            None if changed is None else StageAreas(_of_few_sizes(changed.grown(stage.reach, whole), whole), changed)
        )
    return found


def share_of(stages: Sequence[LocalStage], areas: Sequence[StageAreas | None], size: Size) -> float:
    """The part of the whole picture's multiplications that making ``areas`` takes."""
    taken = sum(stage.products * area.given.area for stage, area in zip(stages, areas, strict=True) if area is not None)
    sizes = stage_sizes(stages, size)
    return taken / sum(stage.products * height * width for stage, (height, width) in zip(stages, sizes, strict=True))


def _make_again(
    stages: Sequence[LocalStage], areas: Sequence[StageAreas | None], features: list[Tensor], size: Size
) -> None:
    """Write what changed into the features that all stages made."""
    before, have = None, Rectangle.whole(size)
    for stage, area, x, whole in zip(stages, areas, features, stage_sizes(stages, size), strict=True):
        if area is not None:
            area.made.of(x).copy_(run_stage(stage, area, before, have))
        before, have = x, Rectangle.whole(whole)


def _differences(before: list[Reading | None], now: list[Reading | None]) -> list[Rectangle | None]:
    return [None if a is None or b is None else a.difference(b) for a, b in zip(before, now, strict=True)]


def _of_few_sizes(area: Rectangle, whole: Size) -> Rectangle:
    """``area`` with some pixels more: a library may prepare code for each size that it meets, slowly."""
    height, width = (min(_rounded_up(side), limit) for side, limit in zip(area.size, whole, strict=True))
    return area.stretched((height, width), whole)


def _rounded_up(side: int) -> int:
    """To a multiple of a quarter of the next smaller power of two."""
    step = max(MIN_STEP, 1 << max(0, (side - 1).bit_length() - 3))
    return -(-side // step) * step
