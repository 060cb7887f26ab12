"""ESPNet, a small segmentation network for street scenes (Mehta et al., ECCV 2018), as its authors publish it.

Figure 4 of the paper: the encoder with p = 2 and q = 8 pyramids of dilated convolutions at strides 4 and 8, and the
decoder. Two decoders are published, which differ in what of the first level enters the last convolution: its features,
or these beside the halved picture. The tensors' names and shapes say which one a file holds.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.models.weights_file import WeightsFile

NAME = "ESPNet"
SIGN = "encoder.level2_0.d16.conv.weight"
"""A tensor by which a file is told."""
STRIDE = 8
"""Both sides of a picture must be multiples of it."""
DILATIONS = (1, 2, 4, 8, 16)
EPSILON = 1e-3
"""Of every batch norm."""
FIRST, PYRAMIDS_4, PYRAMIDS_8 = 16, 2, 8
"""Channels of the first convolution; pyramids at stride 4 (p) and at stride 8 (q), besides those that reduce."""


def espnet(file: WeightsFile) -> ESPNet:
    """The network of a file, in evaluation mode.

    Raises:
        SemsynthError: tensors that are absent, of other shapes, or not finite.
    """
    stored = file.tensors.get("classifier.weight")
    last = file.tensors.get("conv.conv.weight")
    if stored is None or stored.ndim != 4 or last is None or last.ndim != 4:
        raise SemsynthError(f"{file.path} has no decoder: expected the weights of {NAME} with its decoder")
    classes = stored.shape[0]
    network = ESPNet(classes, with_picture=last.shape[1] == classes + FIRST + 3)
    own = network.state_dict()
    wanted = {name: value for name, value in own.items() if not name.endswith("num_batches_tracked")}
    loaded = {name: file.tensor(name, *value.shape, of=NAME) for name, value in wanted.items()}
    network.load_state_dict(own | loaded)
    return network.eval().requires_grad_(False)


class ESPNet(nn.Module):
    """Picture to logits of the classes at the picture's size."""

    def __init__(self, classes: int, with_picture: bool) -> None:
        """Make the network.

        Args:
            classes: outputs.
            with_picture: whether the halved picture enters the last convolution, too.
        """
        super().__init__()
        self.with_picture = with_picture
        self.encoder = _Encoder(classes)
        self.up_l3 = nn.Sequential(_doubling(classes))
        self.br = _norm(classes)
        self.level3_C = _Conv(131, classes, 1)
        self.combine_l2_l3 = nn.Sequential(_NormAct(2 * classes), _Pyramid(2 * classes, classes, residual=False))
        self.up_l2 = nn.Sequential(_doubling(classes), _NormAct(classes))
        self.conv = _ConvNormAct(classes + FIRST + (3 if with_picture else 0), classes)
        self.classifier = _doubling(classes)

    def forward(self, image: Tensor) -> Tensor:
        """[N,3,H,W] as the network expects it, H and W multiples of 8 -> [N,K,H,W]."""
        first, joined, at_4, logits = self.encoder(image)
        at_8 = self.up_l3(self.br(logits))  # [N,K,H/4,W/4]
        at_4 = self.up_l2(self.combine_l2_l3(torch.cat([self.level3_C(at_4), at_8], 1)))  # [N,K,H/2,W/2]
        x = self.conv(torch.cat([at_4, joined if self.with_picture else first], 1))
        return self.classifier(x)  # type: ignore[no-any-return]


class _Encoder(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.level1 = _ConvNormAct(3, FIRST, stride=2)
        self.b1 = _NormAct(FIRST + 3)
        self.level2_0 = _Reducing(FIRST + 3, 64)
        self.level2 = nn.ModuleList(_Pyramid(64, 64) for _ in range(PYRAMIDS_4))
        self.b2 = _NormAct(64 + 64 + 3)
        self.level3_0 = _Reducing(64 + 64 + 3, 128)
        self.level3 = nn.ModuleList(_Pyramid(128, 128) for _ in range(PYRAMIDS_8))
        self.b3 = _NormAct(256)
        self.classifier = _Conv(256, classes, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features of the first level, these with the halved picture, those at stride 4, and logits at stride 8."""
        half = F.avg_pool2d(image, 3, stride=2, padding=1)
        quarter = F.avg_pool2d(half, 3, stride=2, padding=1)
        first = self.level1(image)
        joined = self.b1(torch.cat([first, half], 1))
        reduced = x = self.level2_0(joined)
        for pyramid in self.level2:
            x = pyramid(x)
        at_4 = self.b2(torch.cat([x, reduced, quarter], 1))
        reduced = x = self.level3_0(at_4)
        for pyramid in self.level3:
            x = pyramid(x)
        return first, joined, at_4, self.classifier(self.b3(torch.cat([reduced, x], 1)))


class _Pyramid(nn.Module):
    """An ESP module (figure 1): reduce, dilated convolutions side by side, sums of neighbours, concatenate."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, residual: bool = True) -> None:
        super().__init__()
        each = out_channels // len(DILATIONS)
        first = out_channels - (len(DILATIONS) - 1) * each
        self.residual = residual
        self.c1 = _Conv(in_channels, each, 1 if stride == 1 else 3, stride)
        for dilation in DILATIONS:
            setattr(self, f"d{dilation}", _Conv(each, first if dilation == 1 else each, 3, dilation=dilation))
        self.bn: nn.Module = _NormAct(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N,in,h,w] -> [N,out,h,w], halved where the stride is 2."""
        combined = self.combined(self.c1(x))
        out: Tensor = self.bn(x + combined if self.residual else combined)
        return out

    def combined(self, reduced: Tensor) -> Tensor:
        """Hierarchical fusion: each branch after the second is added to the sum of those before it."""
        narrow, *branches = (getattr(self, f"d{dilation}")(reduced) for dilation in DILATIONS)
        sums = [branches[0]]
        for branch in branches[1:]:
            sums.append(sums[-1] + branch)
        return torch.cat([narrow, *sums], 1)


class _Reducing(_Pyramid):
    """The module that halves the resolution; its norm stands beside its activation."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, stride=2, residual=False)
        self.bn = _norm(out_channels)
        self.act = nn.PReLU(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N,in,h,w] -> [N,out,h/2,w/2]."""
        return self.act(super().forward(x))  # type: ignore[no-any-return]


class _Conv(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        padding = kernel // 2 * dilation
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)  # type: ignore[no-any-return]


class _ConvNormAct(_Conv):
    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, 3, stride)
        self.bn = _norm(out_channels)
        self.act = nn.PReLU(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(self.conv(x)))  # type: ignore[no-any-return]


class _NormAct(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = _norm(channels)
        self.act = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(x))  # type: ignore[no-any-return]


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, EPSILON)


def _doubling(channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, channels, 2, stride=2, bias=False)
