"""The SPADE layer and generator: the paper's arguments, and layout tables equal to dense modulation."""

from __future__ import annotations

import pytest
import torch
from layouts import KINDS, layout_batch
from torch import nn
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.layout_ops.spade_block import SPADEResBlock
from semsynth.layout_ops.spade_layer import SPADE
from semsynth.models.spade import SPADEGenerator, SPADEGeneratorConfig


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    """Largest difference in units of the reference's largest value."""
    return ((a - b).abs().max() / b.abs().max().clamp_min(1e-30)).item()


def rough(module: nn.Module) -> nn.Module:
    """Weights large enough that every term matters."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.2)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.3)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return module


def config_for(layout: LayoutBatch, **changes: object) -> SPADEGeneratorConfig:
    values = {"encoding": layout.encoding, "width": 2, "hidden": 8, "crop_size": 64, **changes}
    return SPADEGeneratorConfig.model_validate(values)


# The paper's arguments ------------------------------------------------------------------------------------------


def test_on_a_uniform_layout_normalised_label_features_vanish_and_spades_do_not():
    """Section 3, "Why does SPADE work better?", figure 4."""
    encoding = LayoutEncoding(num_classes=4)
    conv = nn.Conv2d(4, 6, 3, padding=1, padding_mode="replicate")
    layer = rough(SPADE(6, encoding.num_channels, hidden=8, norm="instance"))
    features = torch.randn(1, 6, 16, 16)
    modulated = []
    for label in (0, 3):
        layout = LayoutBatch.from_channels(torch.full((1, 16, 16), label), encoding)
        assert F.instance_norm(conv(layout.full.one_hot())).abs().max() < 1e-3
        modulated.append(layer(features, layout.full))
    assert (modulated[0] - modulated[1]).abs().mean() > 0.1


@pytest.mark.parametrize("path", ["tables", "dense"])
def test_spatially_constant_modulation_is_conditional_batch_norm_and_adain(path):
    """Section 3: with one gamma and beta per image, SPADE is conditional batch norm, and AdaIN for N = 1."""
    encoding = LayoutEncoding(num_classes=3)
    layer = rough(SPADE(5, encoding.num_channels, hidden=8, kernel_size=1, norm="batch"))
    layer.path = path
    labels = torch.tensor([2, 0, 1])
    layout = LayoutBatch.from_channels(labels.view(3, 1, 1).expand(3, 7, 9), encoding)
    x = torch.randn(3, 5, 7, 9) * 2 + 1
    hidden = F.relu(layer.shared.weight[:, labels, 0, 0].t() + layer.shared.bias)  # [N,H]
    gamma = hidden @ layer.gamma.weight[:, :, 0, 0].t() + layer.gamma.bias
    beta = hidden @ layer.beta.weight[:, :, 0, 0].t() + layer.beta.bias
    normalized = F.batch_norm(x, None, None, training=True)
    expected = normalized * (1 + gamma)[:, :, None, None] + beta[:, :, None, None]
    torch.testing.assert_close(layer(x, layout.full), expected, rtol=1e-4, atol=1e-5)

    single, one = x[:1], LayoutBatch.from_channels(layout.full.symbols[:1], encoding)
    mean, std = single.mean((2, 3), keepdim=True), (single.var((2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
    adain = (1 + gamma[0]).view(-1, 1, 1) * (single - mean) / std + beta[0].view(-1, 1, 1)
    torch.testing.assert_close(layer(single, one.full), adain, rtol=1e-4, atol=1e-5)


# Two paths, one result ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("mode", ["training", "frozen", "evaluation"])
def test_a_layer_with_tables_equals_the_dense_layer(kind, kernel, norm, mode):
    layout = layout_batch(kind, (24, 40))
    layer = SPADE(6, layout.encoding.num_channels, kernel_size=kernel, norm=norm, hidden=8)
    rough(layer).train(mode != "evaluation")
    layer.norm.frozen = mode == "frozen"
    start = torch.randn(len(layout), 6, 24, 40)
    results = []
    for path in ("dense", "tables"):
        layer.path = path
        x = start.clone().requires_grad_()
        out = layer(x, layout.full)
        upstream = torch.linspace(-1, 1, out.numel()).view(out.shape)
        gradients = torch.autograd.grad(out, (x, *layer.parameters()), upstream)
        results.append((out.detach(), *gradients))
    (dense, *dense_gradients), (tables, *table_gradients) = results
    assert relative(tables, dense) <= 1e-5
    for ours, theirs in zip(table_gradients, dense_gradients, strict=True):
        assert relative(ours, theirs) <= 1e-4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [True, False])
def test_the_generator_with_tables_equals_the_dense_one_in_float64(kind, training):
    layout = layout_batch(kind, (64, 128))
    config = config_for(layout, crop_size=128, aspect_ratio=2.0)
    generator = rough(SPADEGenerator(config)).double().train(training)
    for module in generator.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    state = {key: value.clone() for key, value in generator.state_dict().items()}
    results = []
    for path in ("dense", "tables"):
        generator.load_state_dict(state)
        generator.use(path)
        out = generator(layout)
        upstream = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).view(out.shape)
        results.append((out.detach(), *torch.autograd.grad(out, tuple(generator.parameters()), upstream)))
    (dense, *dense_gradients), (tables, *table_gradients) = results
    assert relative(tables, dense) <= 1e-9
    scale = max(gradient.abs().max() for gradient in dense_gradients)
    for ours, theirs in zip(table_gradients, dense_gradients, strict=True):
        assert (ours - theirs).abs().max() <= 1e-9 * max(theirs.abs().max(), 1e-3 * scale)


def test_prepared_windows_are_those_that_forward_uses():
    layout = layout_batch("batch", (64, 64))
    generator = SPADEGenerator(config_for(layout)).eval()
    generator.config.prepare(layout)
    levels = {size: dict(level._label_windows) for size, level in [(layout.size, layout.full), *layout._levels.items()]}
    generator(layout)
    for size, level in [(layout.size, layout.full), *layout._levels.items()]:
        assert level._label_windows == levels[size]


def test_layouts_move_between_devices_with_their_windows():
    layout = layout_batch("batch", (32, 32))
    windows = layout.at(16, 16).windows(3)
    moved = layout.to("cpu")
    assert torch.equal(moved.at(16, 16).windows(3).arrangements.rows, windows.arrangements.rows)


# The generator --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upsamplings", [5, 6, 7])
@pytest.mark.parametrize("aspect_ratio", [1.0, 2.0])
def test_output_size_follows_crop_size_aspect_ratio_and_upsamplings(upsamplings, aspect_ratio):
    layout = layout_batch("blocks", (48, 80))
    config = config_for(layout, crop_size=256, aspect_ratio=aspect_ratio, upsamplings=upsamplings)
    assert config.output_size == (round(256 / aspect_ratio), 256)
    generator = SPADEGenerator(config).eval()
    with torch.inference_mode():
        image = generator(layout)
    assert image.shape == (1, 3, *config.output_size)
    assert image.abs().max() <= 1


def test_a_frozen_generator_makes_the_same_picture():
    layout = layout_batch("edges", (64, 64))
    generator = rough(SPADEGenerator(config_for(layout))).eval()
    with torch.inference_mode():
        expected = generator(layout)
        generator.freeze()
        assert relative(generator(layout), expected) <= 1e-5


def test_a_generator_frozen_in_bfloat16_makes_nearly_the_same_picture():
    layout = layout_batch("edges", (64, 64))
    generator = rough(SPADEGenerator(config_for(layout, spectral=False))).eval()
    for parameter in generator.parameters():
        parameter.data *= 0.5
    with torch.inference_mode():
        expected = generator(layout)
        generator.freeze(torch.bfloat16)
        out = generator(layout)
    assert out.dtype == torch.bfloat16
    assert (out - expected).abs().mean() <= 0.02


def test_a_frozen_generator_can_be_trained_again():
    layout = layout_batch("blocks", (64, 64))
    generator = rough(SPADEGenerator(config_for(layout, spectral=False))).eval()
    twin = SPADEGenerator(generator.config)
    twin.load_state_dict(generator.state_dict())
    generator.freeze()
    generator.train()
    twin.train()
    torch.testing.assert_close(generator(layout), twin(layout))


def test_other_sizes():
    layout = layout_batch("blocks", (64, 64))
    generator = SPADEGenerator(config_for(layout)).eval()
    assert generator(layout, size=(96, 160)).shape == (1, 3, 96, 160)
    with pytest.raises(SemsynthError, match="cannot make"):
        generator(layout, size=(100, 160))
    noisy = SPADEGenerator(config_for(layout, input="noise", z_dim=4)).eval()
    assert noisy(layout, torch.randn(1, 4)).shape == (1, 3, 64, 64)
    assert noisy(layout, torch.randn(1, 4), size=(96, 160)).shape == (1, 3, 96, 160)
    with pytest.raises(SemsynthError, match="cannot make"):
        noisy(layout, torch.randn(1, 4), size=(100, 160))
    with pytest.raises(ValueError, match="random vector"):
        noisy(layout)


def test_a_block_shares_one_normalisation_and_keeps_both_statistics():
    layout = layout_batch("blocks", (16, 16))
    block = SPADEResBlock(4, 2, config_for(layout, norm="batch"))
    block.norm_s.norm.running_mean.fill_(3)
    x = torch.randn(1, 4, 16, 16) + 2
    block(x, layout.full)
    torch.testing.assert_close(block.norm_0.norm.running_mean, 0.1 * x.mean((0, 2, 3)))
    torch.testing.assert_close(block.norm_s.norm.running_mean, 0.1 * x.mean((0, 2, 3)) + 2.7)
