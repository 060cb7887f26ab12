"""Whitened styles: photographs' own make the same pictures, and seeds draw like them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from semsynth.classes import builtin
from semsynth.data.sample import Sample
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, LayoutEncoding
from semsynth.models.spade import SPADEGenerator, SPADEGeneratorConfig
from semsynth.models.style_encoder import StyleEncoder, StyleEncoderConfig
from semsynth.ops.initialization import initialize_xavier
from semsynth.styles.whitening import encode_styles, whiten_styles

Z = 5


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    network = StyleEncoder(StyleEncoderConfig(width=4, z_dim=Z, size=32, spectral=False, norm="none"))
    initialize_xavier(network, 1.0)
    torch.nn.init.normal_(network.mu.bias)
    torch.nn.init.normal_(network.logvar.bias)
    return network.eval()


@pytest.fixture
def generator():
    torch.manual_seed(1)
    encoding = LayoutEncoding(num_classes=3)
    network = SPADEGenerator(
        SPADEGeneratorConfig(
            encoding=encoding, width=2, hidden=4, crop_size=32, input="noise", z_dim=Z, norm="instance"
        )
    )
    initialize_xavier(network, 1.0)
    torch.nn.init.normal_(network.fc.bias)
    return network.eval()


@pytest.fixture
def samples(make_photos):
    return make_photos(40)


@pytest.fixture
def make_photos():
    def make(count):
        rng = np.random.default_rng(0)
        layout = Layout(np.ones((32, 32), np.uint8), builtin("cmp_facades"))
        base = rng.integers(0, 255, (count, 1, 1, 3))
        photos = np.clip(base + rng.normal(0, 30, (count, 32, 32, 3)), 0, 255).astype(np.uint8)
        return [Sample(str(number), layout, photo) for number, photo in enumerate(photos)]

    return make


def test_a_photographs_style_makes_the_same_picture(generator, encoder, samples):
    """A generator reads a style by its first layer alone."""
    mu, logvar = encode_styles(encoder, samples)
    before = generator.fc(mu.float())
    rest = {key: value.clone() for key, value in generator.state_dict().items() if not key.startswith("fc.")}
    whiten_styles(generator, encoder, mu, logvar)
    again, _ = encode_styles(encoder, samples)
    assert (again - mu).abs().max() > 0.1
    torch.testing.assert_close(generator.fc(again.float()), before, rtol=0, atol=1e-5 * before.abs().max().item())
    assert all(torch.equal(generator.state_dict()[key], value) for key, value in rest.items())


def test_photographs_then_have_the_distribution_that_seeds_draw_from(generator, encoder, samples):
    mu, logvar = encode_styles(encoder, samples)
    inside = torch.diag(logvar.exp().mean(0))  # how photographs' own distributions spread
    whole = torch.cov(mu.T, correction=0) + inside
    values, axes = torch.linalg.eigh(whole)
    inverse = axes @ torch.diag(values**-0.5) @ axes.T
    whiten_styles(generator, encoder, mu, logvar)
    mu, logvar = encode_styles(encoder, samples)
    torch.testing.assert_close(mu.mean(0), torch.zeros(Z).double(), rtol=0, atol=1e-4)
    covariance = torch.cov(mu.T, correction=0) + inverse @ inside @ inverse.T
    torch.testing.assert_close(covariance, torch.eye(Z).double(), rtol=0, atol=1e-4)
    torch.testing.assert_close(logvar.exp().mean(0), (inverse @ inside @ inverse.T).diagonal(), rtol=1e-4, atol=0)


def test_the_second_time_changes_nothing(generator, encoder, samples):
    """Where the photographs' own distributions are narrow: of wide ones only the variances are kept."""
    encoder.logvar.bias.data -= 20
    whiten_styles(generator, encoder, *encode_styles(encoder, samples))
    weight = generator.fc.weight.clone()
    whiten_styles(generator, encoder, *encode_styles(encoder, samples))
    torch.testing.assert_close(generator.fc.weight, weight, rtol=0, atol=1e-4)


def test_what_cannot_be_fitted_is_said(generator, encoder, make_photos):
    with pytest.raises(SemsynthError, match="1 photographs are too few"):
        encode_styles(encoder, make_photos(1))
    plain = SPADEGenerator(generator.config.model_copy(update={"input": "layout"}))
    with pytest.raises(SemsynthError, match="no linear layer that reads a style"):
        whiten_styles(plain, encoder, torch.zeros(2, Z).double(), torch.zeros(2, Z).double())
