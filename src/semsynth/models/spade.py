"""The SPADE generator: a layout modulates every normalisation layer.

Park, Liu, Wang and Zhu, "Semantic Image Synthesis with Spatially-Adaptive Normalization", CVPR 2019:
section 3, equations 1-3 (the layer), figures 2 and 3 (layer and generator), table 5 (the variants).
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.config import Config
from semsynth.layout import LayoutBatch, LayoutEncoding, Level, Size
from semsynth.ops.layout_conv import layout_conv2d
from semsynth.ops.layout_tables import Projection, hidden_vectors, modulate, project
from semsynth.ops.norm import EPSILON, Normalized, NormKind, ParameterFreeNorm, normalize_together
from semsynth.ops.spectral_norm import conv2d, fold_spectral_norm

NEGATIVE_SLOPE = 0.2
"""Of every leaky ReLU (official generator.py and architecture.py)."""

ModulationPath = Literal["tables", "dense"]
"""How modulation is computed: by layout tables or by dense convolutions; the results are equal up to rounding."""

WIDTHS = (16, 16, 16, 8, 4, 2, 1)
"""Output channels of head, middle_0, middle_1, up_0 .. up_3 in units of the generator's width (figure 3)."""


class SPADEGeneratorConfig(Config):
    """The generator's variants (table 5; the paper's 61M, 96M and 141M parameters differ in ``width``)."""

    encoding: LayoutEncoding
    """What the layout's channels mean."""
    width: int = Field(64, ge=1)
    """Channels of the last block; the first has 16 times as many."""
    crop_size: int = Field(256, ge=32)
    """Width of the images the generator makes, in pixels."""
    aspect_ratio: float = Field(1.0, gt=0)
    """Width / height of the images."""
    upsamplings: Literal[5, 6, 7] = 5
    """How often resolution doubles (official "normal", "more", "most"); the seventh adds the block ``up_4``."""
    norm: NormKind = "sync_batch"
    """The parameter-free normalisation that is modulated."""
    frozen_statistics: bool = False
    """Normalise by the running statistics in training, too: to go on with a trained generator and styles where batches
    are small. Statistics of two images take away what they have in common, such as a colour."""
    kernel_size: Literal[1, 3, 5] = 3
    """Of the three convolutions of every SPADE layer."""
    hidden: int = Field(128, ge=1)
    """Channels between a SPADE layer's two convolutions (128 in the official code)."""
    spectral: bool = True
    """Spectral normalisation of the residual blocks' convolutions."""
    input: Literal["layout", "noise"] = "layout"
    """What enters the first layer: the downsampled layout or a random vector."""
    z_dim: int = Field(256, ge=1)
    """Length of the random vector."""

    @property
    def start_size(self) -> Size:
        """(height, width) of the first features; rounds half to even as the official code does."""
        width = self.crop_size // 2**self.upsamplings
        return round(width / self.aspect_ratio), width

    @property
    def output_size(self) -> Size:
        """(height, width) of the images."""
        height, width = self.start_size
        return height * 2**self.upsamplings, width * 2**self.upsamplings

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Find the windows that a generator will look up, for instance in a data-loader worker; returns ``layout``."""
        height, width = self.start_size
        if self.input == "layout":
            layout.at(height, width).patches(3, 1, 1)
        for level in range(self.upsamplings + 1):
            layout.at(height * 2**level, width * 2**level).windows(self.kernel_size)
        return layout


class SPADE(nn.Module):
    """Spatially-adaptive normalisation (equation 1).

    ``norm(x) * (1 + gamma) + beta``, where gamma and beta come from the layout by two convolutions.
    """

    path: ModulationPath = "tables"

    def __init__(self, channels: int, config: SPADEGeneratorConfig) -> None:
        super().__init__()
        self._frozen: tuple[Projection, Projection] | None = None
        kernel, hidden = config.kernel_size, config.hidden
        self.norm = ParameterFreeNorm(config.norm, channels)
        self.norm.frozen = config.frozen_statistics
        self.shared = nn.Conv2d(config.encoding.num_channels, hidden, kernel, padding=kernel // 2)
        self.gamma = nn.Conv2d(hidden, channels, kernel, padding=kernel // 2)
        self.beta = nn.Conv2d(hidden, channels, kernel, padding=kernel // 2)

    def forward(self, x: Tensor, level: Level, normalized: Normalized | None = None) -> Tensor:
        """Modulate.

        Args:
            x: [N,C,h,w].
            level: the layout at h x w.
            normalized: x normalised, where the caller has it already.

        Returns:
            [N,C,h,w].
        """
        if self.path == "tables":
            return self._from_tables(x, level, normalized)
        hidden = F.relu(self.shared(level.one_hot(x.dtype)))  # [N,H,h,w]
        gamma, beta = self.gamma(hidden), self.beta(hidden)
        value = self.norm(x) if normalized is None else normalized.value
        return value * (1 + gamma) + beta  # type: ignore[no-any-return]

    def freeze(self, dtype: torch.dtype) -> None:
        """Compute what does not depend on the layout once and for all, and keep it in ``dtype``: for inference only."""
        if self.norm.uses_running_statistics:
            with torch.no_grad():
                gamma, beta = self._folded()
                self._frozen = gamma.to(dtype), beta.to(dtype)

    def _from_tables(self, x: Tensor, level: Level, normalized: Normalized | None) -> Tensor:
        source: Tensor | Normalized
        if normalized is None and self.norm.uses_running_statistics:
            (gamma, beta), source = self._frozen or self._folded(), x
        else:
            gamma = Projection.of(self.gamma.weight, _bias(self.gamma) + 1)
            beta = Projection.of(self.beta.weight, _bias(self.beta))
            source = normalized or normalize_together(x, self.norm)
        hidden = hidden_vectors(level, self.shared.weight, _bias(self.shared))
        places = level.windows(self.shared.kernel_size[0]).arrangements
        return modulate(source, project(hidden, places, gamma), project(hidden, places, beta), places)

    def _folded(self) -> tuple[Projection, Projection]:
        """Gamma and beta for x instead of norm(x) = scale * x + shift."""
        scale = (self.norm.running_var + EPSILON).rsqrt()
        shift = -self.norm.running_mean * scale
        gamma_weight, gamma_bias = self.gamma.weight, _bias(self.gamma) + 1
        beta_weight = self.beta.weight + gamma_weight * shift.view(-1, 1, 1, 1)
        beta = Projection.of(beta_weight, _bias(self.beta) + gamma_bias * shift)
        return Projection.of(gamma_weight * scale.view(-1, 1, 1, 1), gamma_bias * scale), beta


class SPADEResBlock(nn.Module):
    """Residual block whose three normalisations are SPADE layers (figure 3, left)."""

    def __init__(self, in_channels: int, out_channels: int, config: SPADEGeneratorConfig) -> None:
        super().__init__()
        middle = min(in_channels, out_channels)
        self.learned_shortcut = in_channels != out_channels
        self.norm_0 = SPADE(in_channels, config)
        self.conv_0 = conv2d(in_channels, middle, 3, padding=1, spectral=config.spectral)
        self.norm_1 = SPADE(middle, config)
        self.conv_1 = conv2d(middle, out_channels, 3, padding=1, spectral=config.spectral)
        if self.learned_shortcut:
            self.norm_s = SPADE(in_channels, config)
            self.conv_s = conv2d(in_channels, out_channels, 1, bias=False, spectral=config.spectral)

    def forward(self, x: Tensor, level: Level) -> Tensor:
        """[N,in,h,w] and the layout at h x w -> [N,out,h,w]."""
        normalized = None
        if self.learned_shortcut and not self.norm_0.norm.uses_running_statistics:
            normalized = normalize_together(x, self.norm_0.norm, self.norm_s.norm)
        dx = self.conv_0(_activate(self.norm_0(x, level, normalized)))
        dx = self.conv_1(_activate(self.norm_1(dx, level)))
        shortcut = self.conv_s(self.norm_s(x, level, normalized)) if self.learned_shortcut else x
        return dx.add_(shortcut)  # type: ignore[no-any-return]


class SPADEGenerator(nn.Module):
    """Layout (and a random vector) to image (figure 3, right)."""

    def __init__(self, config: SPADEGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * factor for factor in WIDTHS]
        height, width = config.start_size
        if config.input == "noise":
            self.fc: nn.Linear | nn.Conv2d = nn.Linear(config.z_dim, widths[0] * height * width)
        else:
            self.fc = nn.Conv2d(config.encoding.num_channels, widths[0], 3, padding=1)
        self.head = SPADEResBlock(widths[0], widths[0], config)
        self.middle_0 = SPADEResBlock(widths[0], widths[1], config)
        self.middle_1 = SPADEResBlock(widths[1], widths[2], config)
        self.up_0 = SPADEResBlock(widths[2], widths[3], config)
        self.up_1 = SPADEResBlock(widths[3], widths[4], config)
        self.up_2 = SPADEResBlock(widths[4], widths[5], config)
        self.up_3 = SPADEResBlock(widths[5], widths[6], config)
        last = widths[6]
        if config.upsamplings == 7:
            self.up_4 = SPADEResBlock(last, last // 2, config)
            last //= 2
        self.to_rgb = nn.Conv2d(last, 3, 3, padding=1)

    @property
    def stages(self) -> list[tuple[SPADEResBlock, bool]]:
        """The blocks in order, each with whether resolution doubles before it."""
        stages = [
            (self.head, False),
            (self.middle_0, True),
            (self.middle_1, self.config.upsamplings >= 6),
            (self.up_0, True),
            (self.up_1, True),
            (self.up_2, True),
            (self.up_3, True),
        ]
        return [*stages, (self.up_4, True)] if self.config.upsamplings == 7 else stages

    def forward(self, layout: LayoutBatch, z: Tensor | None = None, size: Size | None = None) -> Tensor:
        """Synthesise.

        Args:
            layout: N layouts of any size; every level is sampled from them.
            z: [N,z_dim] random vectors, for ``input="noise"`` only.
            size: (height, width) of the images, multiples of ``2**upsamplings``; other than the
                configuration's only for ``input="layout"``.

        Returns:
            [N,3,H,W] in [-1,1].
        """
        height, width = self._start_size(size)
        x = self._first_features(layout.at(height, width), z)  # [N,16*width,h,w]
        for block, double in self.stages:
            if double:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(x, layout.at(x.shape[2], x.shape[3]))
        return F.tanh(self.to_rgb(F.leaky_relu(x, NEGATIVE_SLOPE)))

    def use(self, path: ModulationPath) -> None:
        """Choose how modulation is computed; the result is the same up to rounding."""
        for module in self.modules():
            if isinstance(module, SPADE):
                module.path = path

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Fold everything that depends neither on layout nor on features: for inference, on its device already.

        Args:
            dtype: arithmetic from now on, for example bfloat16; what is folded is computed before the cast.
        """
        dtype = dtype or self.to_rgb.weight.dtype
        fold_spectral_norm(self)
        for module in self.modules():
            if isinstance(module, SPADE):
                module.freeze(dtype)
        self.to(dtype)

    def _start_size(self, size: Size | None) -> Size:
        if size is None or size == self.config.output_size:
            return self.config.start_size
        step = 2**self.config.upsamplings
        if self.config.input == "noise" or size[0] % step or size[1] % step:
            possible = f"{self.config.output_size} from noise, multiples of {step} from a layout"
            raise ValueError(f"cannot make {size}: {possible}")
        return size[0] // step, size[1] // step

    def _first_features(self, level: Level, z: Tensor | None) -> Tensor:
        if isinstance(self.fc, nn.Conv2d):
            return layout_conv2d(level, self.fc.weight, self.fc.bias, padding=1)
        if z is None:
            raise ValueError("this generator starts from a random vector: give z")
        features = self.fc(z).view(-1, 16 * self.config.width, *level.size)
        return features.to(memory_format=torch.channels_last)  # type: ignore[no-any-return]


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, NEGATIVE_SLOPE, inplace=True)


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias
