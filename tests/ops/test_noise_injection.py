"""Injected noise: exactly nothing at first, then texture where everything else is constant."""

from __future__ import annotations

import pytest
import torch

from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.spade import SPADEGenerator, SPADEGeneratorConfig
from semsynth.ops.initialization import initialize_xavier
from semsynth.ops.noise_injection import TILE, NoiseInjection


def test_each_channel_takes_what_it_learned_to():
    layer = NoiseInjection(3, 8, 6).eval()
    x = torch.randn(2, 3, 8, 6)
    assert torch.equal(layer(x), x)
    layer.scale.data = torch.tensor([0.0, 1.0, -2.0])
    added = layer(x) - x
    assert torch.equal(added[:, 0], torch.zeros(2, 8, 6))
    torch.testing.assert_close(added[:, 1], layer.noise.expand(2, 8, 6))
    torch.testing.assert_close(added[:, 2], -2 * layer.noise.expand(2, 8, 6))


@pytest.mark.parametrize("size", [(TILE, TILE), (TILE - 1, 2 * TILE), (2 * TILE + 3, 5)])
def test_features_of_any_size_repeat_the_noise(size):
    layer = NoiseInjection(1, 4 * TILE, 4 * TILE).eval()
    layer.scale.data.fill_(1)
    noise = layer(torch.zeros(1, 1, *size))[0, 0]
    rows, columns = torch.arange(size[0]) % TILE, torch.arange(size[1]) % TILE
    assert torch.equal(noise, layer.noise[rows][:, columns])


def test_arithmetic_and_memory_format_stay():
    layer = NoiseInjection(4, 8, 8).eval()
    x = torch.zeros(2, 4, 8, 8, dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    made = layer(x)
    assert made.dtype == torch.bfloat16
    assert made.is_contiguous(memory_format=torch.channels_last)


def test_training_draws_new_noise_for_every_picture():
    layer = NoiseInjection(1, 64, 64).train()
    layer.scale.data.fill_(0.5)
    pictures = torch.cat([layer(torch.zeros(2, 1, 64, 64)) for _ in range(2)]).flatten(1)
    torch.testing.assert_close(pictures.std(1), torch.full((4,), 0.5), rtol=0.1, atol=0)
    assert (torch.corrcoef(pictures) - torch.eye(4)).abs().max() < 0.1
    torch.testing.assert_close(layer.eval()(torch.zeros(1, 1, 64, 64))[0, 0], layer.noise / 2)


@pytest.mark.parametrize("kind", ["spade", "concat"])
def test_a_generator_with_noise_has_texture_in_a_uniform_layout(kind):
    encoding = LayoutEncoding(num_classes=2)
    config = SPADEGeneratorConfig(
        encoding=encoding, width=2, hidden=4, crop_size=512, norm="instance", layout_at_every_layer=kind
    )
    layout = LayoutBatch.from_channels(torch.zeros(1, 512, 512, dtype=torch.long), encoding)
    plain = SPADEGenerator(config).eval()
    initialize_xavier(plain)
    noisy = SPADEGenerator(config.model_copy(update={"noise_injection": True})).eval()
    missing, unexpected = noisy.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert {key.split(".")[0] for key in missing} == {"noises"}
    assert len(noisy.noises) == 5
    with torch.no_grad():
        before = plain(layout)
        assert torch.equal(noisy(layout), before)
        for injection in noisy.noises:
            injection.scale.fill_(1)
        after = noisy(layout)
    middle = slice(240, 272)  # convolutions see nothing of the borders from here
    spread = [made[..., middle, middle].std((2, 3)).max().item() for made in (before, after)]
    assert spread[0] < 1e-5
    assert spread[1] > 1e-3
