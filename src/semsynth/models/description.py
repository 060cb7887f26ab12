"""What a generator says of itself: the sizes of its pictures, and what it reads beside the condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from semsynth.layout import Size

DEFAULT_SIZE = (256, 256)
"""(height, width) near which pictures are made where neither the user nor the model names a size."""

StyleKind = Literal["vector", "noise", "features", "canvas"]
"""What the second input is, see :class:`StyleInput`."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of the pictures that a generator makes: multiples of a step, or a single one."""

    step: int = 1
    """Both sides are multiples of this number of pixels."""
    smallest: int = 1
    """Both sides have at least this number of pixels."""
    only: Size | None = None
    """(height, width) of the generator's only size; None: it makes others, too."""

    def nearest(self, size: Size) -> list[Size]:
        """The possible sizes next to ``size``: the nearest first, then the next smaller and larger one.

        The list is ``[size]`` if that size is possible.
        """
        if self.only is not None:
            return [self.only]
        return list(dict.fromkeys(self._rounded(size, extra) for extra in (self.step // 2, 0, self.step - 1)))

    def default(self, trained: Size | None) -> Size:
        """The size to make where nobody names one.

        Args:
            trained: (height, width) of the pictures in training; None: unknown, so that 256x256 takes its place.
        """
        return self.nearest(trained or DEFAULT_SIZE)[0]

    def _rounded(self, size: Size, extra: int) -> Size:
        """Both sides as multiples of the step: rounded down after adding ``extra``, but not below the smallest."""
        step, least = self.step, max(self.step, self.smallest)
        height, width = (max(least, (side + extra) // step * step) for side in size)
        return height, width


@dataclass(frozen=True)
class StyleInput:
    """What a generator reads beside the condition, so that one layout gives different pictures."""

    kind: StyleKind
    """Shape and source of the numbers, C = :attr:`channels`:

    - ``vector``: [N,C], standard normal, or what a style encoder finds in photographs;
    - ``noise``: standard normal, [N,C] for whole pictures or [N,C,H,W] with the same vector at all pixels of a region;
    - ``features``: [N,C,H,W], every pixel with the vector of its object, from an instance encoder or a style bank;
    - ``canvas``: [N,4,H,W], pieces of photos, 0..1, and 1 where there is one, from a memory bank.
    """
    channels: int
    """Length of a vector."""
