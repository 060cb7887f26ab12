from __future__ import annotations

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from layouts import KINDS, layout_batch
from torch import Tensor
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.crn import CascadedRefinementNetwork, CRNGeneratorConfig
from semsynth.models.generator import check_size

ENCODING = LayoutEncoding(num_classes=5)


def config(**settings: object) -> CRNGeneratorConfig:
    return CRNGeneratorConfig.model_validate(
        {"encoding": ENCODING, "refinements": 4, "widths": (8, 6, 6, 4)} | settings
    )


def generator(dtype: torch.dtype = torch.float64, **settings: object) -> CascadedRefinementNetwork:
    return config(**settings).build().to(dtype)


def parameters(**settings: object) -> int:
    with torch.device("meta"):
        network = CRNGeneratorConfig.model_validate(settings).build()
    return sum(parameter.numel() for parameter in network.parameters())


# Soft layouts ------------------------------------------------------------------------------------------------------


def test_averages_by_hand() -> None:
    labels = torch.tensor([[[0, 0, 1, 1], [0, 2, 1, 1], [3, 3, 3, 3], [3, 3, 0, 1]]])
    batch = LayoutBatch.from_channels(labels, LayoutEncoding(num_classes=4))
    halved = batch.averaged(2, 2)
    expected = torch.zeros(1, 4, 2, 2)
    expected[0, :, 0, 0] = torch.tensor([0.75, 0, 0.25, 0])
    expected[0, 1, 0, 1] = 1
    expected[0, 3, 1, 0] = 1
    expected[0, :, 1, 1] = torch.tensor([0.25, 0.25, 0, 0.5])
    assert torch.equal(halved, expected)
    assert torch.equal(batch.averaged(1, 1)[0, :, 0, 0], torch.tensor([0.25, 0.3125, 0.0625, 0.375]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(32, 64), (16, 32), (4, 8), (1, 2), (64, 128), (24, 40)])
def test_averages_are_those_of_the_one_hot_form(kind: str, size: tuple[int, int]) -> None:
    batch = layout_batch(kind, (64, 128))
    dense = F.adaptive_avg_pool2d(batch.full.one_hot(torch.float64), size)
    assert torch.equal(batch.averaged(*size).double(), dense) or size == (24, 40)
    torch.testing.assert_close(batch.averaged(*size).double(), dense)


@hypothesis.given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 10**6))
def test_averages_keep_every_class_share(halvings: int, height: int, width: int, seed: int) -> None:
    size = height << halvings, width << halvings
    labels = torch.randint(0, 5, (2, *size), generator=torch.Generator().manual_seed(seed))
    soft = LayoutBatch.from_channels(labels, ENCODING).averaged(height, width)
    assert torch.equal(soft.sum(1), torch.ones(2, height, width))
    shares = torch.stack([(labels == label).double().mean((1, 2)) for label in range(5)], 1)
    torch.testing.assert_close(soft.double().mean((2, 3)), shares)


def test_averages_are_computed_once_and_travel() -> None:
    batch = layout_batch("blocks", (32, 32))
    assert batch.averaged(8, 8) is batch.averaged(8, 8)
    moved = batch.to("meta")
    assert moved.averaged(8, 8).device.type == "meta"
    assert moved.averaged(16, 16).shape == (1, 5, 16, 16)


# The cascade -------------------------------------------------------------------------------------------------------


def reference(network: CascadedRefinementNetwork, one_hot: Tensor) -> Tensor:
    """The cascade as figure 3 says it, on dense layouts at every resolution."""
    x = None
    for number, module in enumerate(network.cascade):
        labels = one_hot
        for _ in range(len(network.cascade) - 1 - number):
            labels = F.avg_pool2d(labels, 2)
        if x is not None:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        x = labels if x is None else torch.cat([labels, x], 1)
        for conv, norm in ((module.conv_0, module.norm_0), (module.conv_1, module.norm_1)):
            x = F.group_norm(F.conv2d(x, conv.weight, padding=1), 1, norm.weight, norm.bias, 1e-12)
            x = F.leaky_relu(x, 0.2)
    assert x is not None
    return F.conv2d(x, network.to_rgb.weight, network.to_rgb.bias)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(32, 64), (16, 16), (8, 24)])
def test_equals_the_dense_cascade(kind: str, size: tuple[int, int]) -> None:
    batch = layout_batch(kind, size)
    network = generator(encoding=batch.encoding, count=2)
    images = network(batch)
    dense = reference(network, batch.full.one_hot(torch.float64)).unflatten(1, (2, 3)).flatten(0, 1)
    torch.testing.assert_close(images, dense)
    with torch.no_grad():
        torch.testing.assert_close(network(batch), dense)


def test_one_module_alone_works_at_full_resolution() -> None:
    batch = layout_batch("blocks", (6, 10))
    network = generator(refinements=1, widths=(3,))
    torch.testing.assert_close(network(batch), reference(network, batch.full.one_hot(torch.float64)))


def test_pictures_of_a_collection_stand_together() -> None:
    network = generator(count=3)
    torch.nn.init.zeros_(network.to_rgb.weight)
    network.to_rgb.bias.data = torch.arange(9, dtype=torch.float64)
    images = network(LayoutBatch.from_channels(torch.randint(0, 5, (2, 16, 16)), ENCODING))
    assert images.shape == (6, 3, 16, 16)
    assert images[:, :, 0, 0].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]] * 2


def test_checkpointing_changes_memory_only() -> None:
    network, batch = generator(), layout_batch("blocks", (32, 32))
    gradients, kept = [], []
    for checkpointing in (False, True):
        network.config = config(checkpointing=checkpointing)
        network.zero_grad()
        sizes: dict[int, int] = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, sizes=sizes: (sizes.setdefault(t.data_ptr(), t.numel()), t)[1], lambda t: t
        ):
            loss = network(batch).square().sum()
        kept.append(sum(sizes.values()))
        loss.backward()
        gradients.append([parameter.grad.clone() for parameter in network.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    assert kept[1] < 0.7 * kept[0]


def test_begins_as_officially() -> None:
    network = generator(torch.float32, widths=(64, 64, 64, 64))
    assert not network.to_rgb.bias.any()
    assert all(torch.equal(m.norm_0.weight, torch.ones(64)) and not m.norm_0.bias.any() for m in network.cascade)
    bound = (6 / (9 * (5 + 64) + 9 * 64)) ** 0.5  # Glorot: inputs and outputs, each times the kernel's pixels
    largest = network.cascade[1].conv_0.weight.detach().abs().max().item()
    assert 0.98 * bound < largest <= bound


def test_ready_for_inference_in_bfloat16() -> None:
    network, batch = generator(torch.float32), layout_batch("blocks", (32, 32))
    with torch.inference_mode():
        exact = network(batch)
        network.freeze(torch.bfloat16)
        rounded = network(batch)
    assert rounded.dtype == torch.bfloat16
    assert float((rounded.float() - exact).abs().mean()) < 0.05 * float(exact.std())


# Sizes and configuration -------------------------------------------------------------------------------------------


def test_parameters_at_the_papers_widths() -> None:
    encoding = LayoutEncoding(num_classes=19, void="after")
    assert parameters(encoding=encoding) == 97_863_171
    assert parameters(encoding=encoding, count=9) == 97_863_171 + 24 * (512 + 1)
    assert parameters(encoding=encoding, refinements=8) == 98_622_851
    assert parameters(encoding=encoding, refinements=9) == 98_674_531


def test_width_scale_keeps_the_ratios() -> None:
    small = CRNGeneratorConfig(encoding=ENCODING, refinements=9, width_scale=1 / 32)
    assert small.scaled_widths == (32, 32, 32, 32, 32, 16, 16, 4, 1)
    assert CRNGeneratorConfig(encoding=ENCODING, refinements=2, width_scale=1e-9).scaled_widths == (1, 1)


@hypothesis.given(st.integers(8, 300), st.integers(8, 300))
def test_nearest_sizes_can_be_made_and_are_near(height: int, width: int) -> None:
    settings = config()
    near = settings.sizes.nearest((height, width))
    for size in near:
        check_size(settings, size)
    assert abs(near[0][0] - height) <= 4
    assert abs(near[0][1] - width) <= 4


def test_layouts_that_do_not_fit() -> None:
    settings = config()
    assert settings.sizes.nearest((7, 40)) == [(8, 40)]
    with pytest.raises(SemsynthError, match=r"cannot make 20x16, but 24x16 or 16x16") as other:
        settings.prepare(layout_batch("blocks", (16, 20)))
    assert "\n" not in str(other.value)
    with pytest.raises(SemsynthError, match="cannot make 20x16"):
        generator()(layout_batch("blocks", (16, 20)))


def test_widths_for_every_module() -> None:
    with pytest.raises(ValueError, match="5 modules need as many"):
        config(refinements=5)
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        config(widths=(4, 0, 4, 4))
