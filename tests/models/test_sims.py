"""The synthesis network of SIMS: the published table, its sizes, and growing from one to the next."""

from __future__ import annotations

import pytest
import torch
from layouts import layout_batch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.sims import SIMSGenerator, SIMSGeneratorConfig

CITYSCAPES = {"encoding": {"num_classes": 19, "void": "after"}}
TINY = {
    "encoding": {"num_classes": 3, "void": "after"},
    "encoder_widths": (2, 3, 3, 4, 4, 4),
    "decoder_widths": (3, 4, 4, 4, 4, 4),
    "final_width": 3,
    "enlarged_width": 2,
}


def config(values: dict[str, object], **settings: object) -> SIMSGeneratorConfig:
    return SIMSGeneratorConfig.model_validate(values | settings)


def generator(**settings: object) -> SIMSGenerator:
    torch.manual_seed(0)
    return config(TINY, **settings).build().double()


def inputs(size: tuple[int, int] = (64, 128), count: int = 1) -> tuple[LayoutBatch, Tensor]:
    rng = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 4, (count, *size), generator=rng)
    canvas = torch.rand(count, 4, *size, generator=rng, dtype=torch.float64)
    return LayoutBatch.from_channels(labels, LayoutEncoding(num_classes=3, void="after")), canvas


def arithmetic(width_scale: float) -> float:
    """Multiplications of one picture of 256 x 512."""
    with torch.device("meta"):
        network = config(CITYSCAPES, width_scale=width_scale).build()
        layout = LayoutBatch.from_channels(torch.zeros(1, 256, 512), network.config.encoding)
        canvas = torch.zeros(1, 4, 256, 512)
    with FlopCounterMode(display=False) as counter:
        network(layout, canvas, segment=True)
    return counter.get_total_flops() / 2


@pytest.mark.parametrize(("doublings", "millions"), [(0, 55.67), (1, 56.14)])
def test_parameters_of_the_published_networks(doublings: int, millions: float) -> None:
    with torch.device("meta"):
        network = config(CITYSCAPES, doublings=doublings).build()
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 2) == millions


def test_the_last_doubling_adds_one_convolution_of_a_pixel() -> None:
    with torch.device("meta"):
        counts = [
            sum(parameter.numel() for parameter in config(CITYSCAPES, doublings=doublings).build().parameters())
            for doublings in (1, 2)
        ]
    assert counts[1] - counts[0] == 3 * (24 + 3) + 3


def test_arithmetic_of_the_published_network() -> None:
    assert round(arithmetic(1.0) / 1e9) == 331


@pytest.mark.parametrize("doublings", [0, 1, 2])
def test_sizes_and_ranges(doublings: int) -> None:
    network = generator(doublings=doublings)
    layout, canvas = inputs((64 << doublings, 128 << doublings), count=2)
    picture, logits = network(layout, canvas, segment=True)
    height, width = layout.size
    assert picture.shape == (2, 3, height, width)
    assert logits.shape == ((2, 4, height // 2, width // 2) if doublings == 2 else (2, 4, height, width))
    assert torch.equal(network(layout, canvas), picture)


def test_sizes_that_cannot_be_made() -> None:
    layout, canvas = inputs((64, 96))
    with pytest.raises(SemsynthError, match="cannot make 96x64, but 128x64 or 64x64"):
        generator()(layout, canvas)


def test_a_canvas_is_needed() -> None:
    with pytest.raises(ValueError, match="give one"):
        generator()(inputs()[0])


def test_layout_canvas_and_holes_reach_every_pixel() -> None:
    """Layer norm lets every input change every output; without the coarse stages a corner would not see another."""
    network = generator()
    layout, canvas = inputs()
    canvas.requires_grad_()
    network(layout, canvas)[0, :, -1, -1].sum().backward()
    assert canvas.grad is not None
    assert (canvas.grad[0, :, 0, 0] != 0).all()


def test_it_is_the_table_of_the_official_code() -> None:
    """The forward pass written out stage by stage with plain convolutions of concatenations."""
    network = generator()
    layout, canvas = inputs()
    read = torch.cat([layout.full.one_hot(torch.float64), canvas], 1)

    def stage(module: torch.nn.Module, x: Tensor) -> Tensor:
        for conv, norm in zip(module.convs, module.norms, strict=True):  # type: ignore[arg-type]
            x = F.conv2d(x, conv.weight, padding=1)
            x = F.leaky_relu(F.group_norm(x, 1, norm.weight, norm.bias, 1e-12), 0.2)
        return x

    def pool(x: Tensor) -> Tensor:
        """Means of what of a 3 x 3 window from an even pixel on lies inside."""
        inside = F.pad(torch.ones_like(x), (0, 1, 0, 1))
        return F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2) / F.avg_pool2d(inside, 3, 2)

    def at(level: int) -> Tensor:
        size = (64 >> level, 128 >> level)
        return F.interpolate(read, size, mode="bilinear", align_corners=True)

    def twice(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)

    pooled = [read]
    for module in network.encoder:
        pooled.append(pool(stage(module, pooled[-1])))
    x = stage(network.decoder[5], torch.cat([at(6), pooled[6]], 1))
    for level in range(5, 0, -1):
        x = stage(network.decoder[level - 1], torch.cat([at(level), pooled[level], twice(x)], 1))
    x = stage(network.final, torch.cat([read, twice(x)], 1))
    expected = F.conv2d(x, network.to_rgb.weight, network.to_rgb.bias)
    torch.testing.assert_close(network(layout, canvas), expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 2), (0, 2), (1, 1)])
def test_growing(before: int, after: int) -> None:
    small, large = generator(doublings=before), generator(doublings=after)
    for parameter in small.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    state = large.extended(small.state_dict())
    large.load_state_dict(state)
    fresh = {key.split(".")[0] for key, value in state.items() if not (value == 0.5).all()}
    expected = {1: {"enlarged", "to_rgb", "to_labels"}, 2: {"enlarged", "to_rgb", "to_labels", "to_full"}}[after]
    if before == 1:
        expected = {"to_full"} if after == 2 else set()
    assert fresh == expected


@pytest.mark.parametrize("values", [{"encoding": {"num_classes": 3}}, {"decoder_widths": (3, 3)}])
def test_what_cannot_be_built(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"set encoding\.void=after|need 6 numbers"):
        config(TINY, **values)


def test_another_batch_changes_nothing() -> None:
    network = generator()
    layout, canvas = inputs(count=2)
    one, _ = inputs(count=1)
    whole = network(layout, canvas)
    alone = network(LayoutBatch.from_channels(layout.full.symbols[:1], layout.encoding), canvas[:1])
    torch.testing.assert_close(whole[:1], alone)
    assert one.size == layout_batch("blocks", (64, 128)).size
