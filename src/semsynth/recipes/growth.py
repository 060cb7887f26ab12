"""Coarse to fine: a system is trained at half the size first, where a step costs a quarter, and then at its own.

Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and Variation", ICLR
2018, section 2. The weights of both sizes are the same; what is larger is the generator's first features, or how often
their resolution doubles. No paper of the systems here trains that way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.config import validated
from semsynth.data.sample import Batch
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.models.generator import LayoutGenerator
from semsynth.recipes.base import Networks, RecipeConfig, Step

FADE_IN_IMAGES = 4000
"""Of the later stage, unless a setting says otherwise."""

C = TypeVar("C", bound=RecipeConfig)


class Fading:
    """Lets pictures of a new size, and photos, appear gradually."""

    def __init__(self, coarse: LayoutGenerator, steps: int) -> None:
        """Fade in during so many steps; ``coarse`` is the generator as it was, with the weights of the new one."""
        self.coarse, self.steps = coarse, steps

    def __call__(self, networks: Networks, batch: Batch, step: Step) -> tuple[Networks, Batch, Step]:
        """What a phase sees of its networks and its batch in a step."""
        share = step.number / self.steps
        if share >= 1:
            return networks, batch, step
        photos = torch.lerp(enlarged(F.avg_pool2d(batch.image, 2)), batch.image, share)
        generator: Any = _Faded(networks["generator"], self.coarse.train(networks["generator"].training), share)
        return {**networks, "generator": generator}, replace(batch, image=photos), step


class _Faded:
    """A generator whose pictures are a mixture; it owns nothing, so it is no module."""

    def __init__(self, fine: nn.Module, coarse: LayoutGenerator, share: float) -> None:
        self.fine, self.coarse, self.share = fine, coarse, share

    def __call__(self, layout: LayoutBatch, z: Tensor | None = None) -> Tensor:
        fine: Tensor = self.fine(layout, z)
        coarse = self.coarse(layout, z).to(fine.dtype)  # what wraps the fine one may have converted its pictures
        return torch.lerp(enlarged(coarse), fine, self.share)


def enlarged(images: Tensor) -> Tensor:
    """[N,C,h,w] -> [N,C,2h,2w], every pixel four times."""
    return F.interpolate(images, scale_factor=2, mode="nearest")


def coarse_to_fine(config: C, generator: Mapping[str, object], others: Mapping[str, object]) -> dict[str, C]:
    """Two stages: at the size of a configuration, then at twice that size for half as many epochs.

    Args:
        config: of the first stage.
        generator: what changes of the generator's configuration, besides ``crop_size``.
        others: other fields of the second stage.

    Returns:
        The configurations by stage, in order; each begins with the weights of the one before.

    Raises:
        SemsynthError: data of no fixed size, or a generator that does not grow.
    """
    data, values = config.data, config.model_dump()
    if data.output_size is None:
        raise SemsynthError(
            f"data.mode={data.mode} leaves photos at many sizes, but stages double a size that is given: set data.mode "
            "to fixed or to one that crops"
        )
    height, width = data.output_size
    values["data"] |= {"load_size": 2 * data.load_size, "crop_size": 2 * data.crop_size}
    values["generator"] |= {"crop_size": 2 * values["generator"]["crop_size"], **generator}
    values["schedule"]["epochs"] = max(1, config.schedule.epochs // 2)
    values["schedule"]["decay_epochs"] = config.schedule.decay_epochs // 2
    values |= {"fade_in_images": FADE_IN_IMAGES, **others}
    later = validated(type(config), values, f"the second stage, of {2 * width}x{2 * height}")
    return {f"1-{width}x{height}": config, f"2-{2 * width}x{2 * height}": later}
