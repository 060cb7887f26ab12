"""Instance-wise average pooling (pix2pixHD, section 3.4): one segment sum, whatever the number of objects."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.layout_ops.conv import look_up, segment_sum
from semsynth.ops.windows import DistinctRows, distinct_values


@dataclass(frozen=True, eq=False)
class ObjectMap:
    """The objects of N instance maps, numbered over all of them: by image, then by ascending instance id."""

    places: DistinctRows
    """For each of the N*H*W pixels its object, 0..S-1; ``rows`` [S,1] are image * 2^32 + instance id."""
    shape: torch.Size
    """(N, H, W)."""

    @classmethod
    def of(cls, instances: Tensor) -> ObjectMap:
        """From instance maps [N,H,W] of integers from -2^31 to 2^31 - 1; an id counts anew in each image."""
        images = torch.arange(instances.shape[0], device=instances.device) << 32
        return cls(distinct_values(images[:, None, None] + (instances.long() & 0xFFFFFFFF)), instances.shape)

    def __len__(self) -> int:
        """S, the number of objects."""
        return self.places.count

    @property
    def images(self) -> Tensor:
        """[S] int64: the image that each object is in."""
        return self.places.rows[:, 0] >> 32

    @property
    def ids(self) -> Tensor:
        """[S] int64: the instance id of each object."""
        low = self.places.rows[:, 0] & 0xFFFFFFFF
        return torch.where(low >= 2**31, low - 2**32, low)

    @property
    def pixels(self) -> Tensor:
        """[S] int64: how many pixels each object has."""
        ends = F.pad(self.places.offsets[1:], (0, 1), value=self.places.order.numel())
        return (ends - self.places.offsets).long()

    def to(self, device: torch.device | str, non_blocking: bool = False) -> ObjectMap:
        """The same on ``device``."""
        return ObjectMap(self.places.to(device, non_blocking), self.shape)

    def pin_memory(self) -> ObjectMap:
        """The same in page-locked memory."""
        return ObjectMap(self.places.pin_memory(), self.shape)


def object_means(x: Tensor, objects: ObjectMap) -> Tensor:
    """Average features over every object.

    Args:
        x: [N,C,H,W].
        objects: S of them, in maps of the same size.

    Returns:
        [S,C].
    """
    rows = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])  # [N*H*W,C]
    return _SegmentSum.apply(rows, objects.places) / objects.pixels[:, None]  # type: ignore[no-untyped-call, no-any-return]


def spread(values: Tensor, objects: ObjectMap) -> Tensor:
    """Give every pixel its object's values: [S,C] -> [N,C,H,W], channels-last in memory."""
    n, height, width = objects.shape
    return look_up(values, objects.places).view(n, height, width, -1).permute(0, 3, 1, 2)


class _SegmentSum(torch.autograd.Function):
    """:func:`segment_sum` with a gradient."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, rows: Tensor, places: DistinctRows) -> Tensor:
        ctx.places = places  # type: ignore[attr-defined]
        return segment_sum(rows, places)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> tuple[Tensor, None]:
        return F.embedding(ctx.places.index, grads[0]), None  # type: ignore[attr-defined]
