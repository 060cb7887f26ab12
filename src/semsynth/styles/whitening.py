"""Make seeds draw the styles that photographs have.

A variational autoencoder is trained with the styles of photographs and asked for others: seeds draw from N(0, I), but
what the encoder finds is distributed otherwise, its entries correlated, and most of what a style can change lies in a
few directions that N(0, I) hardly visits. A density that is fitted to the found styles afterwards closes the gap (Ghosh
et al., "From Variational to Deterministic Autoencoders", ICLR 2020, section 4). Here it is a Gaussian, and the change
of variables that makes it N(0, I) goes into the two linear layers at both ends of a style: files, seeds and
photographs' styles work as before, and a photograph's style makes the same picture.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from semsynth.data.progress import Progress, silent
from semsynth.data.sample import Samples
from semsynth.errors import SemsynthError
from semsynth.images import to_tensor
from semsynth.models.generator import LayoutGenerator
from semsynth.models.style_encoder import StyleEncoder


@torch.no_grad()
def encode_styles(
    encoder: StyleEncoder, samples: Samples, *, device: torch.device | str = "cpu", progress: Progress = silent
) -> tuple[Tensor, Tensor]:
    """What the encoder finds in every photograph of a dataset.

    Args:
        encoder: a model's, trained.
        samples: with photographs, read whole, as the synthesizer reads a photo that lends its style.
        device: where to encode.
        progress: told after every photograph.

    Returns:
        Means and log-variances, [n,z_dim] float64 each.

    Raises:
        SemsynthError: a sample without photograph, or fewer than two.
    """
    if len(samples) < 2:
        raise SemsynthError(f"{len(samples)} photographs are too few to fit styles on")
    encoder = encoder.eval().to(device)
    found = []
    for number in range(len(samples)):
        sample = samples[number]
        if sample.image is None:
            raise SemsynthError(f"'{sample.name}' has no photo: styles are fitted on pairs")
        found.append(torch.cat(encoder(to_tensor(sample.image)[None].to(device))).double().cpu())  # [2,z]
        progress(number + 1, len(samples))
    mu, logvar = torch.stack(found, 1)
    return mu, logvar


@torch.no_grad()
def whiten_styles(generator: LayoutGenerator, encoder: StyleEncoder, mu: Tensor, logvar: Tensor) -> None:
    """Change the variables of styles so that those of photographs have mean 0 and covariance I; in place.

    The generator makes of ``root^-1 (z - mean)`` what it made of ``z``, and the encoder finds that instead.
    Log-variances only matter if training goes on: they are shifted to the right mean variances.

    Args:
        generator: one that starts from a style.
        encoder: its encoder.
        mu: [n,z_dim], what :func:`encode_styles` found.
        logvar: [n,z_dim].

    Raises:
        SemsynthError: the generator has no layer that alone reads the style.
    """
    layer = generator.style_layer
    if layer is None:
        raise SemsynthError("this generator has no linear layer that reads a style: seeds cannot draw fitted styles")
    mean, variances = mu.mean(0), logvar.exp().mean(0)
    values, axes = torch.linalg.eigh(torch.cov(mu.T, correction=0) + torch.diag(variances))
    root, inverse = axes * values.sqrt() @ axes.T, axes / values.sqrt() @ axes.T
    weight = layer.weight.double()
    _assign(layer, weight @ root, layer.bias + weight @ mean)
    _assign(encoder.mu, inverse @ encoder.mu.weight.double(), inverse @ (encoder.mu.bias - mean))
    shift = (inverse**2 @ variances / variances).log()
    _assign(encoder.logvar, encoder.logvar.weight, encoder.logvar.bias + shift)


def _assign(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
