"""pix2pixHD's feature encoder: a photograph to one low-dimensional vector per object (section 3.4).

Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs", CVPR 2018, figure 6;
official ``models/networks.py`` (Encoder).
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.config import Config
from semsynth.layout_ops.objects import ObjectMap, object_means, spread
from semsynth.ops.conv_norm import ConvNormKind, conv_norm, normalized

BORDER = 3


class InstanceEncoderConfig(Config):
    """The encoder; the defaults are the official ones."""

    width: int = Field(16, ge=1, le=8192)
    """Channels of the first layer (official ``nef``)."""
    downsamplings: int = Field(4, ge=0, le=12)
    """How often the size is halved, and doubled again."""
    features: int = Field(3, ge=1, le=8192)
    """Length of an object's vector."""
    norm: ConvNormKind = "instance"
    """Normalisation after every convolution but the last."""

    def build(self) -> InstanceEncoder:
        """The encoder, newly initialised."""
        return InstanceEncoder(self)


class InstanceEncoder(nn.Module):
    """Encoder-decoder whose output is averaged over every object."""

    def __init__(self, config: InstanceEncoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * 2**i for i in range(config.downsamplings + 1)]
        self.first: nn.Conv2d = nn.Conv2d(3, widths[0], 2 * BORDER + 1)
        self.down: nn.ModuleList = nn.ModuleList(
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1) for width in widths[:-1]
        )
        self.up: nn.ModuleList = nn.ModuleList(
            nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1) for width in widths[:0:-1]
        )
        self.norms: nn.ModuleList = nn.ModuleList(conv_norm(config.norm, width) for width in [*widths, *widths[-2::-1]])
        self.last: nn.Conv2d = nn.Conv2d(widths[0], config.features, 2 * BORDER + 1)

    def forward(self, image: Tensor, objects: ObjectMap) -> Tensor:
        """[N,3,H,W] in [-1,1] and its objects -> [N,F,H,W] in [-1,1], the same at all pixels of an object."""
        return spread(self.vectors(image, objects), objects)

    def vectors(self, image: Tensor, objects: ObjectMap) -> Tensor:
        """[N,3,H,W] in [-1,1] and its S objects -> their vectors [S,F] in [-1,1]."""
        return object_means(self.pixels(image), objects)

    def pixels(self, image: Tensor) -> Tensor:
        """[N,3,H,W] in [-1,1] -> [N,F,H,W] in [-1,1], before averaging."""
        height, width = image.shape[2:]
        multiple = 2**self.config.downsamplings
        least = max(2 * multiple, BORDER + 1)  # for mirrored borders, and for statistics of the innermost features
        below, right = (max(-side % multiple, least - side) for side in (height, width))
        x = F.pad(image, (0, right, 0, below), mode="replicate")
        norms = iter(self.norms)
        x = normalized(next(norms), self.first(F.pad(x, (BORDER,) * 4, mode="reflect")), relu=True)
        for conv in (*self.down, *self.up):
            x = normalized(next(norms), conv(x), relu=True)
        x = F.tanh(self.last(F.pad(x, (BORDER,) * 4, mode="reflect")))
        return x[:, :, :height, :width]
