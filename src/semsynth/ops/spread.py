"""Features that were learned for one size, spread over a larger one."""

from __future__ import annotations

import torch
from torch import Tensor

from semsynth.ops.rectangle import Rectangle


def spread(x: Tensor, size: tuple[int, int], area: Rectangle | None = None) -> Tensor:
    """Repeat features [N,C,h,w] over a larger size, block by block.

    All blocks but the first are mirrored at random, up and down, left and right or both, so that no pattern repeats.
    Which ones does not depend on ``x``.

    Args:
        x: the features.
        size: (height, width) to cover; the first h x w pixels, as far as there are so many, are ``x`` itself.
        area: the part that is wanted; None: all of it.

    Returns:
        [N,C,height,width], or the size of ``area``.
    """
    steps = x.shape[-2], x.shape[-1]
    if area is None and size == steps:
        return x
    wanted = area or Rectangle.whole(size)
    blocks = [-(-side // step) for side, step in zip(size, steps, strict=True)]
    mirrored = torch.randint(0, 2, (2, *blocks), generator=torch.Generator().manual_seed(0)).bool()
    mirrored[:, 0, 0] = False
    rows = torch.arange(wanted.top, wanted.bottom)[:, None]
    columns = torch.arange(wanted.left, wanted.right)
    of_pixels = mirrored[:, rows // steps[0], columns // steps[1]]  # [2,h,w]
    row, column = rows % steps[0], columns % steps[1]
    row = torch.where(of_pixels[0], steps[0] - 1 - row, row)
    column = torch.where(of_pixels[1], steps[1] - 1 - column, column)
    return x[..., row.to(x.device), column.to(x.device)]
