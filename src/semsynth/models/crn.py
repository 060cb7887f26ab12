"""Cascaded refinement networks: from a layout of a few pixels, each module doubles the resolution.

Chen and Koltun, "Photographic Image Synthesis with Cascaded Refinement Networks", ICCV 2017: section 3.2 and figure 3,
section 3.4 (collections); official ``demo_256p.py``, ``demo_512p.py`` and ``demo_1024p.py``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from semsynth.layout import LayoutBatch, Level
from semsynth.layout_ops.conv import layout_conv2d
from semsynth.models.description import Sizes
from semsynth.models.generator import GeneratorConfig, LayoutGenerator, check_size, register
from semsynth.ops.doubled_conv import doubled_conv2d
from semsynth.ops.initialization import initialize_glorot_uniform
from semsynth.ops.layer_norm import LayerNormLeakyReLU

NEGATIVE_SLOPE = 0.2
"""Of every leaky ReLU (official code)."""

PAPER_WIDTHS = (1024, 1024, 1024, 1024, 1024, 512, 512, 128, 32)
"""Feature maps d_i of the modules for 4 x 8 to 1024 x 2048 (section 3.2)."""


@register
class CRNGeneratorConfig(GeneratorConfig):
    """The cascade; the defaults make 256 x 512 from 4 x 8."""

    family: Literal["crn"] = "crn"
    refinements: int = Field(7, ge=1, le=12)
    """Refinement modules. The first works at the layout's size halved ``refinements - 1`` times: 4 x 8 for layouts of
    256 x 512 and 7 modules, 512 x 1024 and 8, 1024 x 2048 and 9; 4 x 4 for 256 x 256 and 7."""
    widths: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = PAPER_WIDTHS
    """Feature maps of the modules, the coarsest first; those beyond ``refinements`` are of larger cascades."""
    width_scale: float = Field(1.0, gt=0, le=64)
    """Factor on all widths, for small machines."""
    count: int = Field(1, ge=1, le=256)
    """Pictures made of one layout at once (section 3.4: k)."""
    checkpointing: bool = False
    """Whether training keeps only what goes from module to module, and computes the rest again when it is needed."""

    @property
    def images_per_layout(self) -> int:
        """k, the pictures of a collection."""
        return self.count

    @property
    def sizes(self) -> Sizes:
        """Multiples of a pixel of the first module: the number of modules stays, the first one's size follows."""
        return Sizes(1 << (self.refinements - 1))

    @property
    def scaled_widths(self) -> tuple[int, ...]:
        """Feature maps of the modules in use."""
        return tuple(max(1, round(width * self.width_scale)) for width in self.widths[: self.refinements])

    @model_validator(mode="after")
    def _widths_suffice(self) -> Self:
        if len(self.widths) < self.refinements or min(self.widths) < 1:
            raise ValueError(f"widths {list(self.widths)}: {self.refinements} modules need as many, all positive")
        return self

    def build(self) -> CascadedRefinementNetwork:
        """The generator, newly initialised."""
        return CascadedRefinementNetwork(self)

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows that the last module will look up, for instance in a data-loader worker.

        Raises:
            SemsynthError: a size that the cascade does not make.
        """
        check_size(self, layout.size)
        layout.full.patches(3, 1, 1)
        return layout


class RefinementModule(nn.Module):
    """Two 3 x 3 convolutions, each with layer norm and leaky ReLU (figure 3)."""

    def __init__(self, in_channels: int, width: int, num_labels: int) -> None:
        super().__init__()
        self.num_labels = num_labels
        self.conv_0 = nn.Conv2d(num_labels + in_channels, width, 3, padding=1, bias=False)
        self.norm_0 = LayerNormLeakyReLU(width, NEGATIVE_SLOPE)
        self.conv_1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_1 = LayerNormLeakyReLU(width, NEGATIVE_SLOPE)

    def forward(self, layout: Level | Tensor, features: Tensor | None) -> Tensor:
        """Refine.

        Args:
            layout: N layouts of h x w, or their soft form [N,C,h,w] at less than full resolution.
            features: [N,in,h/2,w/2] of the module before; None for the first.

        Returns:
            [N,width,h,w].
        """
        if features is None:
            x = layout_conv2d(layout, self.conv_0.weight, padding=1)
        else:
            of_layout, of_features = self.conv_0.weight.split([self.num_labels, features.shape[1]], 1)
            x = doubled_conv2d(features, of_features)
            x = x + layout_conv2d(layout, of_layout, padding=1).to(x.dtype)
        x = self.norm_0(x)
        return self.norm_1(self.conv_1(x))  # type: ignore[no-any-return]


class CascadedRefinementNetwork(LayoutGenerator):
    """Layout to image, or to a collection of k images."""

    def __init__(self, config: CRNGeneratorConfig) -> None:
        super().__init__()
        self.config: CRNGeneratorConfig = config
        widths = config.scaled_widths
        self.cascade = nn.ModuleList(
            RefinementModule(before, width, config.encoding.num_channels)
            for before, width in zip((0, *widths), widths, strict=False)
        )
        self.to_rgb = nn.Conv2d(widths[-1], 3 * config.count, 1)
        initialize_glorot_uniform(self)

    def forward(self, layout: LayoutBatch, style: Tensor | None = None) -> Tensor:
        """Synthesise.

        Args:
            layout: N layouts of H x W, multiples of ``config.sizes.step``.
            style: None; there are no styles.

        Returns:
            [N*k,3,H,W] near [-1,1] but not limited to it, the k = ``config.count`` images of a layout together.

        Raises:
            SemsynthError: a size that the cascade does not make.
        """
        if style is not None:
            raise ValueError("cascaded refinement networks take no style")
        check_size(self.config, layout.size)
        x: Tensor | None = None
        for number in range(self.config.refinements):
            x = self.refine(number, layout, x)
        assert x is not None
        images: Tensor = self.to_rgb(x)  # [N,3*k,H,W]
        return images.reshape(-1, 3, *layout.size)  # [N*k,3,H,W]

    def extended(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """A shorter cascade's tensors: modules that it lacks begin anew, as does an output layer that cannot fit."""
        own = self.state_dict()
        if "to_rgb.weight" not in state:
            return state
        first_new = 1 + max((int(key.split(".")[1]) for key in state if key.startswith("cascade.")), default=-1)
        grows = first_new < self.config.refinements
        if not grows and own["to_rgb.weight"].shape[0] == state["to_rgb.weight"].shape[0]:
            return state
        new = ("to_rgb.", *(f"cascade.{number}." for number in range(first_new, self.config.refinements)))
        kept = {key: value for key, value in state.items() if not key.startswith("to_rgb.")}
        return kept | {key: value for key, value in own.items() if key.startswith(new)}

    def refine(self, number: int, layout: LayoutBatch, features: Tensor | None) -> Tensor:
        """Run one module of the cascade.

        Args:
            number: which, from 0 on.
            layout: N layouts of H x W.
            features: what the module before made; None for the first.

        Returns:
            [N,d,h,w], h and w the layout's size halved once for each module that is still to come.
        """
        module, halvings = self.cascade[number], self.config.refinements - 1 - number
        labels: Level | Tensor = layout.full
        if halvings:
            soft = layout.averaged(layout.size[0] >> halvings, layout.size[1] >> halvings)
            labels = soft.to(self.to_rgb.weight.dtype if features is None else features.dtype)
        if self.config.checkpointing and torch.is_grad_enabled():
            return checkpoint(module, labels, features, use_reentrant=False, preserve_rng_state=False)  # type: ignore[no-any-return]
        return module(labels, features)  # type: ignore[no-any-return]
