"""Layouts of every kind that the two-path tests run on."""

from __future__ import annotations

import torch

from semsynth.layout import LayoutBatch, LayoutEncoding

KINDS = ("one class", "noise", "blocks", "edges", "void", "batch")


def layout_batch(kind: str, size: tuple[int, int], num_classes: int = 5) -> LayoutBatch:
    """A batch of layouts with a property; deterministic."""
    generator = torch.Generator().manual_seed(1)
    void = "after" if kind == "batch" else "none"
    encoding = LayoutEncoding(num_classes=num_classes, void=void, edges=kind in ("edges", "batch"))
    n = 3 if kind == "batch" else 1
    height, width = size
    if kind == "one class":
        labels = torch.full((n, height, width), 2)
    elif kind == "noise":
        labels = torch.randint(0, num_classes, (n, height, width), generator=generator)
    else:
        coarse = torch.randint(0, encoding.num_labels, (n, -(-height // 8), -(-width // 8)), generator=generator)
        labels = coarse.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, :height, :width].contiguous()
    if kind == "void":
        labels[:, 3:11, 5:20] = encoding.num_labels
    instances = torch.randint(0, 9, (n, -(-height // 6), -(-width // 6)), generator=generator)
    instances = instances.repeat_interleave(6, 1).repeat_interleave(6, 2)[:, :height, :width]
    return LayoutBatch.from_channels(labels, encoding, instances if encoding.edges else None)
