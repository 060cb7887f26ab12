"""A discriminator on the features of a frozen network.

Sauer et al., "Projected GANs Converge Faster", NeurIPS 2021: features of four resolutions, mixed at random over
channels and over scales, one small discriminator for each. The layout is read by projection (Miyato and Koyama, "cGANs
with Projection Discriminator", ICLR 2018), place by place as in Richter et al., "Enhancing Photorealism Enhancement",
2021.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.config import Config
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.models.backbones import Backbone
from semsynth.ops.spectral_norm import conv2d

NEGATIVE_SLOPE = 0.2
EMBEDDING_DEVIATION = 0.05
"""Standard deviation of the labels' first embeddings."""
SPECTRUM = -1.2
"""Power of the frequency that amplitudes of photographs follow (Tolhurst et al., "Amplitude spectra of natural images",
1992)."""
MEASURED = 4
"""Images of noise that the features' deviations are measured on."""


class FeatureDiscriminatorConfig(Config):
    """The discriminator on frozen features."""

    backbone: Literal["efficientnet_lite0", "mobilenet_v1", "vgg16"] = "efficientnet_lite0"
    """The frozen network."""
    size: int | None = Field(256, ge=32, le=2**14)
    """Shorter side of what it sees, in pixels: photos and pictures are resized alike; None leaves them as they are."""
    strides: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = (4, 8, 16, 32)
    """Of the features, each twice the one before."""
    mixed_channels: tuple[Annotated[int, Field(ge=1, le=8192)], ...] = (32, 64, 128, 256)
    """Channels of each of the features after mixing."""
    mixing_seed: int = Field(0, ge=-(2**63), lt=2**63)
    """Seed of the fixed random mixing."""
    halvings: tuple[Annotated[int, Field(ge=0, le=12)], ...] = (2, 1, 1, 0)
    """Convolutions of stride 2 in the discriminator of each of the features."""
    width: int = Field(64, ge=1, le=8192)
    """Channels of these discriminators."""
    layout: Literal["projection", "none"] = "projection"
    """Whether the layout counts, by the product of features with embeddings of the classes in their cells."""

    @model_validator(mode="after")
    def _fits(self) -> FeatureDiscriminatorConfig:
        lengths = {len(self.strides), len(self.mixed_channels), len(self.halvings)}
        if len(lengths) > 1 or not self.strides:
            raise ValueError("strides, mixed_channels and halvings must have one entry per scale each")
        if any(later != 2 * stride for stride, later in pairwise(self.strides)):
            raise ValueError(f"strides must double from one to the next, got {', '.join(map(str, self.strides))}")
        return self


class FeatureDiscriminator(nn.Module):
    """One small discriminator for each scale of a frozen network's features.

    The state holds the fixed mixing and the network's checksum, but not the network: whoever resumes gives its file
    again.
    """

    backbone_sha256: Tensor

    def __init__(self, config: FeatureDiscriminatorConfig, channels: int, backbone: Backbone) -> None:
        """Set up discriminators for a backbone.

        Args:
            config: the strides must be those of ``backbone``.
            channels: of the layouts, or of the images that take their place.
            backbone: loaded with ``load_backbone(config.backbone, path, config.strides)``.
        """
        super().__init__()
        if tuple(tap.stride for tap in backbone.taps) != config.strides or backbone.name != config.backbone:
            raise ValueError(f"the backbone is {backbone.name} with {backbone.taps}, the configuration is {config}")
        self.config = config
        self.backbone = backbone
        self.mixing = _Mixing([tap.channels for tap in backbone.taps], config.mixed_channels, config.mixing_seed)
        labels = channels if config.layout == "projection" else 0
        self.heads = nn.ModuleList(
            _Head(channels, halvings, config.width, labels)
            for channels, halvings in zip(config.mixed_channels, config.halvings, strict=True)
        )
        self.register_buffer("backbone_sha256", torch.frombuffer(bytearray.fromhex(backbone.sha256), dtype=torch.uint8))
        self.mixing.measure(self.backbone(_photograph_like_noise(config.size or 256, config.mixing_seed)))

    def forward(self, layout: LayoutBatch | Tensor, images: Tensor) -> list[Tensor]:
        """Judge images under their layouts, in the precision of the weights even under autocast.

        Args:
            layout: N layouts, or conditioning images [N,C,H,W]; what differs from them in size is scaled.
            images: [M,3,H,W] in [-1,1]; M is a multiple of N and the images repeat the layouts in order, for example
                ``torch.cat([fake, real])``.

        Returns:
            Per scale, the finest first, logits [M,1,h,w].
        """
        if images.shape[0] % len(layout):
            raise ValueError(f"{images.shape[0]} images do not fit {len(layout)} layouts")
        with torch.autocast(images.device.type, enabled=False):
            features = self.mixing(self.backbone(resized(images, self.config.size)))
            return [head(feature, layout) for head, feature in zip(self.heads, features, strict=True)]

    def class_axes(self) -> dict[str, int]:
        """Of the parameters that have a channel for each class of the layouts: the axis."""
        return {name: 0 for name, _ in self.named_parameters() if name.endswith(".embedding")}

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        stored = state_dict.get(f"{prefix}backbone_sha256")
        if stored is not None and not torch.equal(stored.cpu(), self.backbone_sha256.cpu()):
            expected, found = bytes(stored.tolist()).hex(), self.backbone.sha256
            raise SemsynthError(
                f"{self.backbone.path} is not the network that this discriminator was trained on (SHA-256 "
                f"{found[:12]}.., not {expected[:12]}..): give that one with `feature_weights`"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)


class _Mixing(nn.Module):
    """Fixed random mixing of channels, then of scales from the coarsest down, each scale brought to deviation 1.

    Without it a discriminator wins by the few features that tell most, and the others teach nothing (Projected GAN,
    section 3.2).
    """

    scale: Tensor

    def __init__(self, channels: list[int], mixed: tuple[int, ...], seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)

        def draw(outputs: int, inputs: int, kernel: int) -> Tensor:
            shape, fan_in = (outputs, inputs, kernel, kernel), inputs * kernel * kernel
            return torch.randn(shape, generator=generator) * float(fan_in**-0.5)

        self.count = len(mixed)
        for number, (inputs, outputs) in enumerate(zip(channels, mixed, strict=True)):
            self.register_buffer(f"of_channels{number}", draw(outputs, inputs, 1))
        for number, (outputs, inputs) in enumerate(pairwise(mixed)):
            self.register_buffer(f"of_scales{number}", draw(outputs, inputs, 3))
        self.register_buffer("scale", torch.ones(self.count))

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Per scale [N,C,h,w] -> [N,C',h,w]."""
        mixed = [F.conv2d(x, getattr(self, f"of_channels{number}")) for number, x in enumerate(features)]
        for number in reversed(range(self.count - 1)):
            above = F.interpolate(mixed[number + 1], size=mixed[number].shape[2:], mode="nearest")
            above = F.conv2d(above, getattr(self, f"of_scales{number}"), padding=1)
            mixed[number] = (mixed[number] + above) * 0.5**0.5
        return [x * factor for x, factor in zip(mixed, self.scale, strict=True)]

    @torch.no_grad()
    def measure(self, features: list[Tensor]) -> None:
        """Choose the factors such that the mixed features have deviation 1."""
        self.scale.fill_(1)
        self.scale.copy_(torch.stack([1 / x.std() for x in self(features)]))


class _Head(nn.Module):
    """The discriminator of one scale."""

    def __init__(self, channels: int, halvings: int, width: int, labels: int) -> None:
        super().__init__()
        convs = [
            conv2d(channels if number == 0 else width, width, 4, stride=2, padding=1, spectral=True)
            for number in range(halvings)
        ]
        convs.append(conv2d(width if halvings else channels, width, 3, padding=1, spectral=True))
        self.convs = nn.ModuleList(convs)
        self.to_logits = conv2d(width, 1, 1, spectral=True)
        self.embedding = nn.Parameter(torch.randn(labels, width) * EMBEDDING_DEVIATION) if labels else None

    def forward(self, x: Tensor, layout: LayoutBatch | Tensor) -> Tensor:
        """[M,C,h,w] -> logits [M,1,h',w']."""
        for conv in self.convs:
            x = F.leaky_relu(conv(x), NEGATIVE_SLOPE)
        logits: Tensor = self.to_logits(x)
        if self.embedding is None:
            return logits
        shares = _class_shares(layout, x.shape[2], x.shape[3]).to(x)
        embedded = torch.einsum("nchw,cd->ndhw", shares, self.embedding)
        products: Tensor = (x.unflatten(0, (-1, len(shares))) * embedded).sum(2, keepdim=True).flatten(0, 1)
        return logits + products / math.sqrt(x.shape[1])


def resized(images: Tensor, size: int | None) -> Tensor:
    """Images [N,C,H,W] with a shorter side of ``size`` pixels: bilinear, antialiased where it reduces."""
    height, width = images.shape[2:]
    shorter = min(height, width)
    if size is None or size == shorter:
        return images
    target = (round(height * size / shorter), round(width * size / shorter))
    return F.interpolate(images, target, mode="bilinear", align_corners=False, antialias=shorter > size)


def _class_shares(layout: LayoutBatch | Tensor, height: int, width: int) -> Tensor:
    """[N,C,height,width]: how much of each cell each channel has."""
    if isinstance(layout, Tensor):
        return F.adaptive_avg_pool2d(layout, (height, width))
    return layout.averaged(height, width)


def _photograph_like_noise(size: int, seed: int) -> Tensor:
    """[4,3,size,size] in [-1,1]: noise with the spectrum of photographs and hardly any colour.

    Deviations are measured on it, not on the first batch, so that they depend on neither data nor order and are equal
    in all processes. Mixed features of photographs then have deviations near 1, larger at coarse scales: on landscapes,
    facades and streets 0.9 to 1.5 for EfficientNet-lite0 and MobileNet v1, 0.75 to 1.9 for VGG-16 (measured).
    """
    generator = torch.Generator().manual_seed(seed)
    white = torch.randn(MEASURED, 4, size, size, generator=generator)
    frequencies = torch.fft.fftfreq(size)
    distance = (frequencies[:, None].square() + frequencies.square()).sqrt()
    distance[0, 0] = torch.inf  # no mean
    noise: Tensor = torch.fft.ifft2(torch.fft.fft2(white) * distance**SPECTRUM).real
    noise = noise / noise.std((2, 3), keepdim=True)
    colour = noise[:, :1] + 0.3 * noise[:, 1:]
    return (0.5 * colour / colour.std((1, 2, 3), keepdim=True)).clamp(-1, 1)
