"""The layout at intermediate layers: concatenated or through SPADE layers, in pix2pixHD's and SPADE's generators."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from layouts import KINDS, layout_batch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.pix2pixhd import Pix2PixHDGenerator, Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGenerator, SPADEGeneratorConfig
from semsynth.ops.initialization import initialize_normal

WAYS = ("none", "concat", "spade")


def plus_config(encoding: LayoutEncoding, way: str, **changes: object) -> Pix2PixHDGeneratorConfig:
    values = {"encoding": encoding, "width": 4, "downsamplings": 2, "blocks": 2, "hidden": 6, "spectral": True}
    values |= {"norm": "sync_batch", "layout_at_every_layer": way}
    return Pix2PixHDGeneratorConfig.model_validate({**values, **changes})


def concat_generator(layout: LayoutBatch, **changes: object) -> SPADEGenerator:
    values = {"encoding": layout.encoding, "width": 2, "crop_size": 64, "layout_at_every_layer": "concat"}
    return strong(SPADEGenerator(SPADEGeneratorConfig.model_validate({**values, **changes})))


def strong(network: nn.Module) -> nn.Module:
    """Double precision, and weights large enough that every term matters."""
    for name, parameter in network.named_parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)
        else:
            nn.init.normal_(parameter, 1.0 if "norm" in name and name.endswith("weight") else 0.0, 0.2)
    for name, buffer in network.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return network.double()


def uniform(label: int, encoding: LayoutEncoding) -> LayoutBatch:
    return LayoutBatch.from_channels(torch.full((1, 32, 32), label), encoding)


def assert_same_with_gradients(network: nn.Module, one: Callable[[], Tensor], other: Callable[[], Tensor]) -> None:
    """Both calls give the same output and the same gradients of all parameters, from the same state."""
    state = {key: value.clone() for key, value in network.state_dict().items()}
    results = []
    for call in (one, other):
        network.load_state_dict(state)
        out = call()
        upstream = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).view(out.shape)
        results.append((out.detach(), *torch.autograd.grad(out, tuple(network.parameters()), upstream)))
    (ours, *our_gradients), (theirs, *their_gradients) = results
    assert (ours - theirs).abs().max() <= 1e-9
    # Gradients that are zero but for rounding, as before norms of uniform layouts, are measured by the largest one.
    scale = max(gradient.abs().max() for gradient in their_gradients)
    for a, b in zip(our_gradients, their_gradients, strict=True):
        assert (a - b).abs().max() <= 1e-9 * max(b.abs().max(), 1e-2 * scale)


# The paper's arguments ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("way", "differs"), [("none", False), ("concat", False), ("spade", True)])
def test_instance_norm_washes_a_uniform_layout_away_unless_spade_modulates_it(way, differs):
    """Section 3, "Why does SPADE work better?": so it is for pix2pixHD "and its variant that concatenates"."""
    encoding = LayoutEncoding(num_classes=4)
    config = plus_config(encoding, way, norm="instance", downsamplings=1, blocks=1, spectral=False)
    generator = Pix2PixHDGenerator(config).double().eval()
    initialize_normal(generator)
    images = [generator(uniform(label, encoding)) for label in (0, 3)]
    difference = (images[0] - images[1]).abs().max()
    # Every norm multiplies what rounding left of a zero by 1 / sqrt(1e-5).
    assert difference > 1e-3 if differs else difference < 1e-6


@pytest.mark.parametrize(("way", "differs"), [("none", False), ("concat", True), ("spade", True)])
def test_intermediate_layers_read_the_layout_themselves(way, differs):
    layout = layout_batch("blocks", (32, 48))
    other = LayoutBatch.from_channels((layout.full.symbols + 1) % 5, layout.encoding)
    generator = strong(Pix2PixHDGenerator(plus_config(layout.encoding, way, spectral=False))).eval()
    nn.init.zeros_(generator.coarse.first.weight)
    assert torch.equal(generator(layout), generator(other)) != differs


# Tables equal the dense way -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("size", "enhancers"), [((32, 48), 0), ((37, 50), 1)])
def test_pix2pixhd_from_windows_equals_the_dense_one(kind, way, size, enhancers):
    layout = layout_batch(kind, size)
    config = plus_config(layout.encoding, way, enhancers=enhancers, enhancer_blocks=1)
    generator = strong(Pix2PixHDGenerator(config)).train()
    dense = layout.full.one_hot(torch.float64)
    assert_same_with_gradients(generator, lambda: generator(layout), lambda: generator(dense))


def test_pix2pixhds_spade_layers_have_both_paths():
    layout = layout_batch("batch", (32, 32))
    generator = strong(Pix2PixHDGenerator(plus_config(layout.encoding, "spade")))

    def dense() -> Tensor:
        generator.use("dense")
        return generator(layout)

    assert_same_with_gradients(generator, lambda: generator(layout), dense)


def dense_block(block: nn.Module, x: Tensor, one_hot: Tensor) -> Tensor:
    """A block of "Concat w/o SPADE" as the text describes it: everything concatenated, then convolved."""
    dx = block.conv_0(torch.cat([one_hot, F.leaky_relu(block.norm_0(x), 0.2)], 1))
    dx = block.conv_1(torch.cat([one_hot, F.leaky_relu(block.norm_1(dx), 0.2)], 1))
    return dx + (block.conv_s(torch.cat([one_hot, block.norm_s(x)], 1)) if block.learned_shortcut else x)


def dense_forward(generator: SPADEGenerator, layout: LayoutBatch) -> Tensor:
    x = generator.fc(layout.at(*generator.config.start_size).one_hot(torch.float64))
    for block, double in generator.stages:
        x = F.interpolate(x, scale_factor=2, mode="nearest") if double else x
        x = dense_block(block, x, layout.at(*x.shape[2:]).one_hot(torch.float64))
    return F.tanh(generator.to_rgb(F.leaky_relu(x, 0.2)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("norm", ["sync_batch", "instance"])
def test_spades_generator_with_concatenation_equals_the_dense_one(kind, norm):
    layout = layout_batch(kind, (64, 64))
    generator = concat_generator(layout, norm=norm).train()
    assert_same_with_gradients(generator, lambda: generator(layout), lambda: dense_forward(generator, layout))


# Shapes, workers, inference -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [(32, 48), (9, 5), (41, 66)])
def test_pictures_have_the_layouts_size(way, size):
    layout = layout_batch("batch", size)
    image = Pix2PixHDGenerator(plus_config(layout.encoding, way)).eval()(layout)
    assert image.shape == (3, 3, *size)
    assert image.abs().max() <= 1


@pytest.mark.parametrize("upsamplings", [5, 6, 7])
def test_concatenation_makes_the_sizes_that_spade_makes(upsamplings):
    layout = layout_batch("blocks", (64, 96))
    generator = concat_generator(layout, crop_size=256, aspect_ratio=2.0, upsamplings=upsamplings).eval()
    with torch.inference_mode():
        assert generator(layout).shape == (1, 3, 128, 256)


def found(layout: LayoutBatch) -> list[object]:
    """Which windows a batch knows, at all levels."""
    levels = [(layout.size, layout.full), *layout._levels.items()]
    own = [(size, set(level._label_windows), set(level._patches)) for size, level in sorted(levels, key=lambda x: x[0])]
    return own + [found(padded) for padded in layout._padded.values()]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("enhancers", [0, 1, 2])
@pytest.mark.parametrize("size", [(64, 48), (37, 50)])
def test_prepared_windows_are_those_that_pix2pixhd_uses(way, enhancers, size):
    prepared, unprepared = layout_batch("batch", size), layout_batch("batch", size)
    generator = Pix2PixHDGenerator(plus_config(prepared.encoding, way, enhancers=enhancers, enhancer_blocks=1)).eval()
    generator.config.prepare(prepared)
    generator(unprepared)
    assert found(prepared) == found(unprepared)
    assert found(prepared.to("cpu")) == found(prepared)


@pytest.mark.parametrize("upsamplings", [5, 6, 7])
def test_prepared_windows_are_those_that_concatenation_uses(upsamplings):
    generator = concat_generator(layout_batch("batch", (64, 64)), crop_size=128, upsamplings=upsamplings).eval()
    prepared, unprepared = layout_batch("batch", (64, 64)), layout_batch("batch", (64, 64))
    generator.config.prepare(prepared)
    generator(unprepared)
    assert found(prepared) == found(unprepared)


@pytest.mark.parametrize("way", WAYS)
def test_a_frozen_pix2pixhd_makes_the_same_picture(way):
    layout = layout_batch("edges", (32, 32))
    generator = strong(Pix2PixHDGenerator(plus_config(layout.encoding, way))).eval()
    with torch.inference_mode():
        expected = generator(layout)
        generator.freeze()
        assert (generator(layout) - expected).abs().max() <= 1e-9
        generator.freeze(torch.bfloat16)
        assert generator(layout).dtype == torch.bfloat16


def test_frozen_statistics_hold_for_concatenation():
    layout = layout_batch("blocks", (64, 64))
    generator = concat_generator(layout, frozen_statistics=True, spectral=False)
    before = generator.head.norm_0.running_mean.clone()
    assert torch.equal(generator.train()(layout), generator.eval()(layout))
    assert torch.equal(generator.head.norm_0.running_mean, before)


@pytest.mark.parametrize(
    ("changes", "message"), [({"norm": "none"}, "needs a norm to modulate"), ({"features": 3}, "instance features")]
)
def test_spade_layers_refuse_what_they_cannot_do(changes, message):
    with pytest.raises(ValidationError, match=message):
        plus_config(LayoutEncoding(num_classes=3), "spade", **changes)
