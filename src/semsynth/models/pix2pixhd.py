"""pix2pixHD's coarse-to-fine generator.

Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs", CVPR 2018:
section 3.2 and figure 3 (global generator G1, local enhancers G2, G3, ...), section 3.3 (instance boundaries),
section 3.4 (instance features as additional input channels); official ``models/networks.py``.
pix2pixHD++, its options ``spectral`` and ``layout_at_every_layer``: Park et al., "Semantic Image Synthesis with
Spatially-Adaptive Normalization", CVPR 2019, section 4 and table 4.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, Self, overload

from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.layout import LayoutBatch, Level, Size
from semsynth.layout_ops.conv import concat_conv2d
from semsynth.layout_ops.pyramid import halved, halved_layout
from semsynth.layout_ops.spade_layer import SPADE
from semsynth.models.description import Sizes, StyleInput
from semsynth.models.generator import GeneratorConfig, LayoutGenerator, register
from semsynth.ops.conv_norm import ConvNormKind, conv_norm, normalized
from semsynth.ops.spectral_norm import conv2d, conv_transpose2d

BORDER = 3
"""Padding of the first and the last convolution, which are 7 x 7."""

Condition = LayoutBatch | Tensor
"""Layouts of H x W, or a conditioning image or layouts in dense form, [N,C,H,W]."""


@register
class Pix2PixHDGeneratorConfig(GeneratorConfig):
    """The generator; the defaults are G1 of the paper."""

    family: Literal["pix2pixhd"] = "pix2pixhd"
    width: int = Field(64, ge=1, le=8192)
    """Channels of the global generator's first layer; each enhancer has half as many as what it enhances."""
    downsamplings: int = Field(4, ge=1, le=12)
    """How often the global generator halves its input's size."""
    blocks: int = Field(9, ge=0, le=256)
    """Residual blocks of the global generator."""
    enhancers: int = Field(0, ge=0, le=8)
    """Local enhancers; each doubles the size: G1 makes 1024 x 512 where G1 and G2 make 2048 x 1024."""
    enhancer_blocks: int = Field(3, ge=0, le=256)
    """Residual blocks of each local enhancer."""
    norm: ConvNormKind = "instance"
    """Normalisation after every convolution but the last."""
    spectral: bool = False
    """Spectral normalisation of all convolutions but the last (not in the paper; pix2pixHD++ of the SPADE paper)."""
    layout_at_every_layer: Literal["none", "concat", "spade"] = "none"
    """Where the condition is read besides the first layer: nowhere, beside the features that enter every residual
    block, or by SPADE layers in place of all norms (the last two: the SPADE paper's table 4)."""
    hidden: int = Field(128, ge=1, le=8192)
    """Channels between a SPADE layer's two convolutions."""
    features: int = Field(0, ge=0, le=8192)
    """Channels of instance features beside the layout's (section 3.4: 3); 0: none."""
    image_channels: int = Field(0, ge=0, le=8192)
    """Channels of an image that is the condition, instead of a layout (official ``label_nc=0``: 3); 0: a layout."""

    @property
    def condition_channels(self) -> int:
        """Channels of the condition, instance features not counted."""
        return self.image_channels + self.encoding.edges if self.image_channels else self.encoding.num_channels

    @property
    def multiple(self) -> int:
        """Sides of a size that all layers halve evenly are multiples of this."""
        return 1 << (self.downsamplings + self.enhancers)

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        if self.layout_at_every_layer == "spade" and self.norm == "none":
            raise ValueError("layout_at_every_layer=spade needs a norm to modulate: instance, batch or sync_batch")
        if self.layout_at_every_layer == "spade" and self.features:
            raise ValueError("layout_at_every_layer=spade does not know instance features: set generator.features=0")
        return self

    def build(self) -> Pix2PixHDGenerator:
        """The generator, newly initialised."""
        return Pix2PixHDGenerator(self)

    @property
    def sizes(self) -> Sizes:
        """Any size: what does not fit is padded and cut back."""
        return Sizes()

    @property
    def export_step(self) -> int:
        """A graph does not pad."""
        return self.multiple

    @property
    def picture_channels(self) -> int:
        """Of the image that is the condition, where there is one."""
        return self.image_channels

    @property
    def style(self) -> StyleInput | None:
        """The instance features, where there are any."""
        return StyleInput("features", self.features) if self.features else None

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows that a generator will look up, for instance in a data-loader worker; returns ``layout``."""
        padded = _padded(layout, self.multiple)
        padded.full.patches(2 * BORDER + 1, 1, BORDER, reflect=True)
        height, width = padded.size
        for halvings in range(self.downsamplings + self.enhancers + 1):
            if self.layout_at_every_layer == "spade":
                padded.at(height >> halvings, width >> halvings).windows(3)
            elif self.layout_at_every_layer == "concat" and self._blocks_at(halvings):
                padded.at(height >> halvings, width >> halvings).patches(3, 1, 1, reflect=True)
        return layout

    def _blocks_at(self, halvings: int) -> int:
        """Residual blocks whose features are so many times halved."""
        if halvings == self.downsamplings + self.enhancers:
            return self.blocks
        return self.enhancer_blocks if 1 <= halvings <= self.enhancers else 0


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside an identity; the first may read the condition, too."""

    def __init__(self, width: int, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        self.concat = config.layout_at_every_layer == "concat"
        more = config.condition_channels if self.concat else 0
        self.conv_0 = conv2d(more + width, width, 3, spectral=config.spectral)
        self.norm_0 = _norm(width, config)
        self.conv_1 = conv2d(width, width, 3, spectral=config.spectral)
        self.norm_1 = _norm(width, config)

    def forward(self, x: Tensor, condition: Condition) -> Tensor:
        """[N,C,h,w] -> [N,C,h,w]."""
        if self.concat:
            dx = concat_conv2d(self.conv_0, _sampled(condition, x), x, reflect=True)
        else:
            dx = self.conv_0(_mirror(x, 1))
        dx = _normalized(self.norm_0, dx, condition, relu=True)
        return _normalized(self.norm_1, self.conv_1(_mirror(dx, 1)), condition, residual=x)


class Halving(nn.Module):
    """A convolution of stride 2 that doubles the channels."""

    def __init__(self, width: int, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        self.conv = conv2d(width, 2 * width, 3, stride=2, padding=1, spectral=config.spectral)
        self.norm = _norm(2 * width, config)

    def forward(self, x: Tensor, condition: Condition) -> Tensor:
        """[N,C,h,w] -> [N,2C,h/2,w/2]."""
        return _normalized(self.norm, self.conv(x), condition, relu=True)


class Doubling(nn.Module):
    """A transposed convolution of stride 2 that halves the channels."""

    def __init__(self, width: int, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        options = {"stride": 2, "padding": 1, "output_padding": 1}
        self.conv = conv_transpose2d(width, width // 2, 3, **options, spectral=config.spectral)
        self.norm = _norm(width // 2, config)

    def forward(self, x: Tensor, condition: Condition) -> Tensor:
        """[N,C,h,w] -> [N,C/2,2h,2w]."""
        return _normalized(self.norm, self.conv(x), condition, relu=True)


class GlobalGenerator(nn.Module):
    """G1 without its last layer: front-end, residual blocks, back-end."""

    def __init__(self, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        widths = [config.width * 2**i for i in range(config.downsamplings + 1)]
        self.first = _first_conv(widths[0], config)
        self.first_norm = _norm(widths[0], config)
        self.front = nn.ModuleList(Halving(width, config) for width in widths[:-1])
        self.blocks = nn.ModuleList(ResidualBlock(widths[-1], config) for _ in range(config.blocks))
        self.back = nn.ModuleList(Doubling(width, config) for width in widths[:0:-1])

    def forward(self, layout: Level | Tensor, features: Tensor | None, condition: Condition) -> Tensor:
        """Synthesise.

        Args:
            layout: a level, or its soft form [N,C,h,w].
            features: [N,F,h,w], where the configuration has any.
            condition: what later layers read, of any size.

        Returns:
            [N,width,h,w].
        """
        x = concat_conv2d(self.first, layout, features, reflect=True)
        x = _normalized(self.first_norm, x, condition, relu=True)
        for module in (*self.front, *self.blocks, *self.back):
            x = module(x, condition)
        return x


class LocalEnhancer(nn.Module):
    """G2, G3, ...: adds detail at twice the resolution of the features it is given."""

    def __init__(self, width: int, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        self.first = _first_conv(width, config)
        self.first_norm = _norm(width, config)
        self.front = Halving(width, config)
        self.blocks = nn.ModuleList(ResidualBlock(2 * width, config) for _ in range(config.enhancer_blocks))
        self.back = Doubling(2 * width, config)

    def forward(self, layout: Level | Tensor, features: Tensor | None, condition: Condition, coarse: Tensor) -> Tensor:
        """As :meth:`GlobalGenerator.forward` at 2h x 2w, with coarse features [N,2*width,h,w] -> [N,width,2h,2w]."""
        x = concat_conv2d(self.first, layout, features, reflect=True)
        x = _normalized(self.first_norm, x, condition, relu=True)
        x = self.front(x, condition) + coarse
        for block in self.blocks:
            x = block(x, condition)
        return self.back(x, condition)  # type: ignore[no-any-return]


class Pix2PixHDGenerator(LayoutGenerator):
    """G = {G1, G2, ...}: layout (and instance features) to image."""

    def __init__(self, config: Pix2PixHDGeneratorConfig) -> None:
        super().__init__()
        self.config: Pix2PixHDGeneratorConfig = config
        widths = [config.width // 2**i for i in range(config.enhancers + 1)]
        if any(wide != 2 * narrow for wide, narrow in pairwise(widths)):
            raise ValueError(f"width {config.width} cannot be halved for {config.enhancers} enhancers")
        self.coarse = GlobalGenerator(config)
        self.enhancers = nn.ModuleList(LocalEnhancer(width, config) for width in widths[1:])
        self.to_rgb = nn.Conv2d(widths[-1], 3, 2 * BORDER + 1)

    def forward(self, layout: Condition, features: Tensor | None = None) -> Tensor:
        """Synthesise.

        Sides that the layers cannot halve evenly are padded with the outermost pixels and cut back.

        Args:
            layout: N layouts of H x W, or a conditioning image [N,C,H,W] in [-1,1].
            features: [N,F,H,W] instance features, where the configuration has any.

        Returns:
            [N,3,H,W] in [-1,1].
        """
        height, width = _size(layout)
        x = self.last_features(layout, features)
        image = F.tanh(self.to_rgb(_mirror(x, BORDER)))
        return image[:, :, :height, :width]

    def extended(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a generator with fewer enhancers: the next enhancer and the output layer begin anew."""
        there = len({key.split(".")[1] for key in state if key.startswith("enhancers.")})
        if there >= self.config.enhancers:
            return state
        new = ("to_rgb.", f"enhancers.{there}.")
        kept = {key: value for key, value in state.items() if not key.startswith("to_rgb.")}
        return {key: value for key, value in self.state_dict().items() if key.startswith(new)} | kept

    def last_features(self, condition: Condition, features: Tensor | None = None) -> Tensor:
        """What the last layer reads, [N,C,H',W'] with sides that are multiples of ``config.multiple``."""
        if (features is not None) != bool(self.config.features):
            wanted = f"[N,{self.config.features},H,W]" if self.config.features else "no"
            raise ValueError(f"this generator takes {wanted} instance features")
        multiple = self.config.multiple
        condition = _padded(condition, multiple)
        finest = condition if isinstance(condition, Tensor) else condition.full
        pyramid: list[tuple[Level | Tensor, Tensor | None]] = [
            (finest, None if features is None else _padded(features, multiple))
        ]
        for _ in self.enhancers:
            finer, finer_features = pyramid[-1]
            soft = halved_layout(finer, self.to_rgb.weight.dtype)
            pyramid.append((soft, None if finer_features is None else halved(finer_features)))
        x: Tensor = self.coarse(*pyramid.pop(), condition)
        for enhancer in self.enhancers:
            x = enhancer(*pyramid.pop(), condition, x)
        return x


def _first_conv(width: int, config: Pix2PixHDGeneratorConfig) -> nn.Conv2d:
    """The 7 x 7 convolution over cat[layout, instance features]."""
    return conv2d(config.condition_channels + config.features, width, 2 * BORDER + 1, spectral=config.spectral)


def _norm(channels: int, config: Pix2PixHDGeneratorConfig) -> nn.Module:
    if config.layout_at_every_layer == "spade" and config.norm != "none":
        return SPADE(channels, config.condition_channels, norm=config.norm, hidden=config.hidden)
    return conv_norm(config.norm, channels)


def _normalized(
    norm: nn.Module, x: Tensor, condition: Condition, *, relu: bool = False, residual: Tensor | None = None
) -> Tensor:
    """[N,C,h,w] -> [N,C,h,w], with what follows the norm; ``x`` may be overwritten."""
    if not isinstance(norm, SPADE):
        return normalized(norm, x, relu=relu, residual=residual)
    value: Tensor = norm(x, _sampled(condition, x))
    if relu:
        value = F.relu(value, inplace=True)
    return value if residual is None else residual + value


def _sampled(condition: Condition, x: Tensor) -> Level | Tensor:
    """The condition at the size of features [N,C,h,w], by nearest neighbours."""
    height, width = x.shape[2:]
    if isinstance(condition, Tensor):
        return F.interpolate(condition, (height, width), mode="nearest")
    return condition.at(height, width)


def _size(condition: Condition) -> Size:
    if isinstance(condition, Tensor):
        return condition.shape[2], condition.shape[3]
    return condition.size


@overload
def _padded(x: Tensor, multiple: int) -> Tensor: ...
@overload
def _padded(x: LayoutBatch, multiple: int) -> LayoutBatch: ...
@overload
def _padded(x: Condition, multiple: int) -> Condition: ...
def _padded(x: Condition, multiple: int) -> Condition:
    """Repeat the last rows and columns until both sides are multiples of ``multiple``, and at least two of it.

    The innermost features are mirrored by a pixel, so they need two.
    """
    height, width = _size(x)
    bottom, right = (max(-side % multiple, 2 * multiple - side) for side in (height, width))
    if not bottom and not right:
        return x
    if isinstance(x, Tensor):
        return F.pad(x, (0, right, 0, bottom), mode="replicate")
    return x.padded(bottom, right)


def _mirror(x: Tensor, width: int) -> Tensor:
    return F.pad(x, (width,) * 4, mode="reflect")
