"""Rectangles of pixels, and how they grow through the layers of a network."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Rectangle:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the last ones excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def whole(cls, size: tuple[int, int]) -> Rectangle:
        """All pixels of a picture of (height, width) ``size``."""
        return cls(0, 0, *size)

    @classmethod
    def around(cls, mask: Tensor) -> Rectangle | None:
        """The smallest one with all pixels at which ``mask`` [H,W] is true; None: there are none."""
        rows, columns = (mask.any(axis).nonzero().flatten() for axis in (1, 0))
        if not len(rows):
            return None
        return cls(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.size[0] * self.size[1]

    def grown(self, pixels: int, size: tuple[int, int]) -> Rectangle:
        """With so many pixels more on each side, as far as a picture of (height, width) ``size`` has them."""
        height, width = size
        return Rectangle(
            max(0, self.top - pixels),
            max(0, self.left - pixels),
            min(height, self.bottom + pixels),
            min(width, self.right + pixels),
        )

    def stretched(self, size: tuple[int, int], whole: tuple[int, int]) -> Rectangle:
        """With more pixels around it, so that it has (height, width) ``size``.

        Args:
            size: no less than its own.
            whole: (height, width) of the picture, no less than ``size``: it is not left.
        """
        top, left = (
            min(max(0, first - (side - old) // 2), limit - side)
            for first, old, side, limit in zip((self.top, self.left), self.size, size, whole, strict=True)
        )
        return Rectangle(top, left, top + size[0], left + size[1])

    def halved(self) -> Rectangle:
        """What covers it in a picture of half the size."""
        return Rectangle(self.top // 2, self.left // 2, -(-self.bottom // 2), -(-self.right // 2))

    def doubled(self) -> Rectangle:
        """The same pixels in a picture of twice the size."""
        return Rectangle(2 * self.top, 2 * self.left, 2 * self.bottom, 2 * self.right)

    def joined(self, other: Rectangle) -> Rectangle:
        """The smallest rectangle that covers both."""
        return Rectangle(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def covers(self, other: Rectangle) -> bool:
        """Whether all pixels of ``other`` belong to it."""
        return self.joined(other) == self

    def of(self, x: Tensor) -> Tensor:
        """The part of a tensor [...,H,W]: a view."""
        return x[..., self.top : self.bottom, self.left : self.right]

    def within(self, other: Rectangle) -> Rectangle:
        """The same pixels, counted from the first one of ``other``, which covers them."""
        return Rectangle(self.top - other.top, self.left - other.left, self.bottom - other.top, self.right - other.left)
