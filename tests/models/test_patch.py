from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.patch import MultiScaleDiscriminator, PatchDiscriminatorConfig

ENCODING = LayoutEncoding(num_classes=5, void="after", edges=True)


def random_layouts(count: int, size: tuple[int, int], encoding: LayoutEncoding = ENCODING) -> LayoutBatch:
    """Blocks of random channels, "no channel" among them."""
    height, width = size
    coarse = torch.randint(0, encoding.num_labels + 1, (count, height // 4 + 1, width // 4 + 1))
    channels = coarse.repeat_interleave(4, 1).repeat_interleave(4, 2)[:, :height, :width]
    return LayoutBatch.from_channels(channels, encoding, channels if encoding.edges else None)


def dense_reference(discriminator: MultiScaleDiscriminator, layout: LayoutBatch, image: Tensor) -> list[list[Tensor]]:
    """The papers' definition: convolutions over cat[one-hot, image], every scale a 3x3 mean of the one before."""
    repeats = image.shape[0] // len(layout)
    x = torch.cat([layout.full.one_hot(image.dtype).repeat(repeats, 1, 1, 1), image], 1)
    outputs = []
    for scale in discriminator.scales:
        features, y = [], x
        for index, conv in enumerate(scale.convs):
            y = F.conv2d(y, _applied(conv), conv.bias, conv.stride, padding=2)
            if 0 < index < len(scale.convs) - 1 and discriminator.config.norm == "instance":
                y = F.instance_norm(y)
            if index < len(scale.convs) - 1:
                y = F.leaky_relu(y, 0.2)
            features.append(y)
        outputs.append(features)
        x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
    return outputs


def _applied(conv: nn.Module) -> Tensor:
    return conv.normalized_weight() if hasattr(conv, "normalized_weight") else conv.weight


@settings(max_examples=15)
@given(
    size=st.tuples(st.integers(24, 41), st.integers(24, 41)),
    layers=st.integers(1, 4),
    scales=st.integers(1, 3),
    spectral=st.booleans(),
    norm=st.sampled_from(["instance", "none"]),
    void=st.sampled_from(["none", "before", "after"]),
    edges=st.booleans(),
)
def test_equals_convolutions_over_the_one_hot_layout(size, layers, scales, spectral, norm, void, edges) -> None:
    encoding = LayoutEncoding(num_classes=4, void=void, edges=edges)
    config = PatchDiscriminatorConfig(
        encoding=encoding, width=3, layers=layers, scales=scales, spectral=spectral, norm=norm
    )
    discriminator = MultiScaleDiscriminator(config).double().eval()
    layout = random_layouts(2, size, encoding)
    image = torch.rand(2, 3, *size, dtype=torch.float64) * 2 - 1
    for ours, reference in zip(
        discriminator(layout, image), dense_reference(discriminator, layout, image), strict=True
    ):
        for a, b in zip(ours, reference, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_gradients_equal_those_over_the_one_hot_layout() -> None:
    discriminator = MultiScaleDiscriminator(PatchDiscriminatorConfig(encoding=ENCODING, width=4)).double().eval()
    layout = random_layouts(2, (40, 56))
    image = (torch.rand(4, 3, 40, 56, dtype=torch.float64) * 2 - 1).requires_grad_()
    inputs = [image, *discriminator.parameters()]
    gradients = []
    for outputs in (discriminator(layout, image), dense_reference(discriminator, layout, image)):
        total = torch.stack([output.square().mean() for scale in outputs for output in scale]).sum()
        gradients.append(torch.autograd.grad(total, inputs))
    for ours, reference in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_repeated_layouts_equal_separate_passes(norm: str) -> None:
    discriminator = MultiScaleDiscriminator(PatchDiscriminatorConfig(encoding=ENCODING, width=4, norm=norm))
    discriminator.double().eval()
    layout = random_layouts(2, (32, 48))
    fake, real = torch.rand(2, 2, 3, 32, 48, dtype=torch.float64)
    together = discriminator(layout, torch.cat([fake, real]))
    for index, images in enumerate((fake, real)):
        for joint_scale, scale in zip(together, discriminator(layout, images), strict=True):
            for joint, alone in zip(joint_scale, scale, strict=True):
                torch.testing.assert_close(joint[2 * index : 2 * index + 2], alone)


def test_batch_norm_sees_fake_and_real_together() -> None:
    config = PatchDiscriminatorConfig(encoding=ENCODING, width=4, layers=2, scales=1, norm="batch", spectral=False)
    discriminator = MultiScaleDiscriminator(config)
    layout = random_layouts(1, (32, 32))
    discriminator(layout, torch.rand(2, 3, 32, 32))
    norm = discriminator.scales[0].norms[0]
    assert norm.running_var.ne(1).all()
    names = {name for name, _ in discriminator.named_parameters()}
    assert {"scales.0.norms.0.weight", "scales.0.norms.0.bias"} <= names
    assert "scales.0.convs.1.bias" not in names  # the norm's takes its place


def test_parameters_of_the_paper() -> None:
    # COCO-Stuff: 182 classes, void, edges; 4x4 kernels; middle convolutions have no bias. Two scales.
    encoding = LayoutEncoding(num_classes=182, void="after", edges=True)
    discriminator = MultiScaleDiscriminator(PatchDiscriminatorConfig(encoding=encoding))
    first, last = 16 * (184 + 3) * 64 + 64, 16 * 512 + 1
    middle = 16 * (64 * 128 + 128 * 256 + 256 * 512)
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == 2 * (first + middle + last)


def test_channels_never_exceed_the_limit() -> None:
    config = PatchDiscriminatorConfig(encoding=ENCODING, width=6, layers=5, scales=1, max_width=16)
    convs = MultiScaleDiscriminator(config).scales[0].convs
    assert [conv.out_channels for conv in convs] == [6, 12, 16, 16, 16, 1]
    assert [conv.stride[0] for conv in convs] == [2, 2, 2, 2, 1, 1]


def test_images_that_do_not_fit_the_layouts_are_refused() -> None:
    discriminator = MultiScaleDiscriminator(PatchDiscriminatorConfig(encoding=ENCODING, width=2))
    layout = random_layouts(2, (32, 32))
    for shape in ((3, 3, 32, 32), (2, 3, 32, 48)):
        with pytest.raises(ValueError, match="do not fit 2 layouts"):
            discriminator(layout, torch.zeros(shape))


def test_bfloat16_autocast_stays_close() -> None:
    discriminator = MultiScaleDiscriminator(PatchDiscriminatorConfig(encoding=ENCODING, width=8)).eval()
    layout, image = random_layouts(2, (64, 64)), torch.rand(4, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        exact = discriminator(layout, image)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = discriminator(layout, image)
    for exact_scale, rounded_scale in zip(exact, rounded, strict=True):
        for a, b in zip(exact_scale, rounded_scale, strict=True):
            assert (a - b.float()).norm() < 0.03 * a.norm()
