"""What the input channels of a network mean."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from semsynth.config import Config


class LayoutEncoding(Config):
    """How a network's input channels stand for a layout."""

    num_classes: int = Field(ge=0, le=2**16)
    """Classes of the class set."""
    void: Literal["none", "after", "before"] = "none"
    """Void's channel: none (all channels zero there), after the classes (SPADE's "dontcare") or before them (OASIS)."""
    edges: bool = False
    """Whether the last channel marks instance boundaries."""

    @property
    def num_labels(self) -> int:
        """Channels that stand for a class or for void."""
        return self.num_classes + (self.void != "none")

    @property
    def num_channels(self) -> int:
        """All channels."""
        return self.num_labels + self.edges

    @property
    def num_symbols(self) -> int:
        """Distinct values of :attr:`Level.symbols`; one more than the last stands for "outside the image"."""
        return (self.num_labels + 1) * (2 if self.edges else 1)

    def channel_of_index(self) -> NDArray[np.int64]:
        """[K+1]: class index (void last) -> channel; ``num_labels`` means "no channel"."""
        table = np.arange(self.num_classes + 1) + (self.void == "before")
        table[-1] = {"none": self.num_labels, "after": self.num_classes, "before": 0}[self.void]
        return table

    def symbol_channels(self, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Tensor:
        """[num_symbols + 1, num_channels]: the channels that each symbol stands for; the last row is zero.

        One tensor for each device and format, not to be written to: moving it there again in each forward pass would
        make a GPU wait.
        """
        return _symbol_channels(self, torch.device(device), dtype)


@lru_cache(maxsize=64)
def _symbol_channels(encoding: LayoutEncoding, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(False):  # else no gradient could flow past it later
        labels = torch.eye(encoding.num_labels + 1, encoding.num_labels)  # the last row is "no channel"
        if encoding.edges:
            labels = labels.repeat_interleave(2, 0)
            labels = torch.cat([labels, torch.tensor([0.0, 1.0]).repeat(encoding.num_labels + 1)[:, None]], 1)
        return F.pad(labels, (0, 0, 0, 1)).to(device, dtype)
