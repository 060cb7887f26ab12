"""What generators of photographs from layouts have in common, whatever their architecture."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from semsynth.config import Config
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding, Size, pixels
from semsynth.layout_ops.spade_layer import ModulationPath, choose_path, freeze_modulation
from semsynth.ops.spectral_norm import fold_spectral_norm


class GeneratorConfig(Config, ABC):
    """Base of the generators' configurations."""

    encoding: LayoutEncoding
    """What the layout's channels mean."""

    @property
    def images_per_layout(self) -> int:
        """Pictures that one pass makes of one layout."""
        return 1

    @abstractmethod
    def build(self) -> LayoutGenerator:
        """The generator, newly initialised."""

    @abstractmethod
    def nearest_sizes(self, size: Size) -> list[Size]:
        """The (height, width) next to ``size`` that the generator makes, the nearest first: ``size`` if it can."""

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Compute what the generator will look up, for instance in a data-loader worker; returns ``layout``."""
        return layout


class LayoutGenerator(nn.Module, ABC):
    """A network from layouts to photographs."""

    config: GeneratorConfig

    @abstractmethod
    def forward(self, layout: LayoutBatch, style: Tensor | None = None) -> Tensor:
        """Synthesise.

        Args:
            layout: N layouts of H x W, a size that the generator makes.
            style: what varies the pictures, where the generator reads something of the kind.

        Returns:
            [N*k,3,H,W] for values in [-1,1], k = ``config.images_per_layout``, the k pictures of a layout together.
        """

    def use(self, path: ModulationPath) -> None:
        """Choose how SPADE layers modulate, where there are any; the result is the same up to rounding."""
        choose_path(self, path)

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Fold everything that depends neither on layout nor on features: for inference, on its device already.

        Args:
            dtype: arithmetic from now on, for example bfloat16; what is folded is computed before the cast.
        """
        dtype = dtype or next(self.parameters()).dtype
        fold_spectral_norm(self)
        freeze_modulation(self, dtype)
        self.to(dtype)


def check_size(config: GeneratorConfig, size: Size) -> None:
    """Make sure that the generator makes pictures of ``size``.

    Raises:
        SemsynthError: it does not; the message names sizes that it makes.
    """
    possible = config.nearest_sizes(size)
    if size not in possible:
        others = " or ".join(pixels(one) for one in possible)
        raise SemsynthError(
            f"the generator cannot make {pixels(size)}, but {others}: set data.mode, data.load_size and data.crop_size"
        )


def multiples(size: Size, step: int) -> list[Size]:
    """Sizes whose sides are multiples of ``step``: the nearest to ``size`` first, then the next smaller and larger."""
    return list(dict.fromkeys(_multiple(size, step, extra) for extra in (step // 2, 0, step - 1)))


def _multiple(size: Size, step: int, extra: int) -> Size:
    """Both sides as multiples of ``step``: rounded down after adding ``extra``, but never to 0."""
    height, width = (max(step, (side + extra) // step * step) for side in size)
    return height, width
