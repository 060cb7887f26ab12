"""OASIS's networks: noise of regions through layout tables equals dense noise, sizes, and what noise reaches."""

from __future__ import annotations

import pytest
import torch
from layouts import KINDS, layout_batch
from pydantic import ValidationError
from torch import Tensor, nn

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models import oasis
from semsynth.models.oasis import OASISDiscriminator, OASISDiscriminatorConfig, OASISGenerator, OASISGeneratorConfig

Z_DIM = 3


def rough_generator(layout: LayoutBatch, **settings) -> OASISGenerator:
    """Weights large enough that every term matters, in float64."""
    config = OASISGeneratorConfig(
        encoding=layout.encoding, **{"width": 1, "hidden": 4, "crop_size": 64, "z_dim": Z_DIM, **settings}
    )
    torch.manual_seed(0)
    generator = OASISGenerator(config).double()
    for module in generator.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return generator


def noise_map(layout: LayoutBatch, kind: str) -> Tensor:
    """[N,Z_DIM,H,W]: a vector for each quarter of each image, for each label, or for each pixel."""
    n, (height, width) = len(layout), layout.size
    if kind == "pixels":
        return torch.randn(n, Z_DIM, height, width, dtype=torch.float64)
    if kind == "labels":
        vectors = torch.randn(layout.encoding.num_symbols, Z_DIM, dtype=torch.float64)
        return vectors[layout.full.symbols.long()].permute(0, 3, 1, 2)
    quarters = torch.randn(n, Z_DIM, 2, 2, dtype=torch.float64)
    return quarters.repeat_interleave(height // 2, 2).repeat_interleave(width // 2, 3)


def results_of_both_paths(generator: OASISGenerator, layout: LayoutBatch, start: Tensor | None) -> list[list[Tensor]]:
    """Picture and gradients of noise and parameters, densely and through tables."""
    state = {key: value.clone() for key, value in generator.state_dict().items()}
    results = []
    for path in ("dense", "tables"):
        generator.load_state_dict(state)
        generator.use(path)
        z = None if start is None else start.clone().requires_grad_()
        out = generator(layout, z)
        upstream = torch.linspace(-1, 1, out.numel(), dtype=torch.float64).view(out.shape)
        wanted = [*generator.parameters()] if z is None else [z, *generator.parameters()]
        results.append([out.detach(), *torch.autograd.grad(out, wanted, upstream)])
    return results


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise", ["none", "images", "quarters", "labels", "pixels"])
def test_noise_through_tables_equals_dense_noise(kind: str, noise: str) -> None:
    layout = layout_batch(kind, (64, 64))
    torch.manual_seed(2)
    if noise == "none":
        generator, z = rough_generator(layout, z_dim=0), None
    else:
        generator = rough_generator(layout)
        z = torch.randn(len(layout), Z_DIM, dtype=torch.float64) if noise == "images" else noise_map(layout, noise)
    dense, tables = results_of_both_paths(generator, layout, z)
    scale = max(float(one.abs().max()) for one in dense[1:])
    for ours, theirs in zip(tables, dense, strict=True):
        assert float((ours - theirs).abs().max()) <= 1e-9 * max(float(theirs.abs().max()), 1e-3 * scale)


def test_regions_are_noise_beside_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against noise and one-hot labels put together by hand, which many regions get anyway."""
    layout = layout_batch("batch", (64, 64))
    generator, z = rough_generator(layout).eval(), noise_map(layout_batch("batch", (64, 64)), "quarters")
    with torch.no_grad():
        regions = generator(layout, z)
        monkeypatch.setattr(oasis, "MAX_REGIONS", 0)
        by_hand = generator(layout, z)
    torch.testing.assert_close(regions, by_hand, rtol=1e-9, atol=1e-9)


def test_one_vector_equals_a_map_of_it() -> None:
    layout = layout_batch("edges", (64, 64))
    generator, z = rough_generator(layout).eval(), torch.randn(1, Z_DIM, dtype=torch.float64)
    with torch.no_grad():
        repeated = generator(layout, z[:, :, None, None].expand(-1, -1, 64, 64))
        torch.testing.assert_close(generator(layout, z), repeated, rtol=1e-9, atol=1e-9)


def test_prepared_windows_are_those_that_forward_uses() -> None:
    layout = layout_batch("batch", (64, 64))
    generator = rough_generator(layout).eval()
    regions = generator.config.prepare(layout).regions().layout
    levels = [(level, dict(level._label_windows)) for level in [regions.full, *regions._levels.values()]]
    assert sum(len(windows) for _, windows in levels) == 6
    generator(layout, torch.randn(3, Z_DIM, dtype=torch.float64))
    assert all(level._label_windows == windows for level, windows in levels)
    moved = layout.to("cpu").regions()
    assert torch.equal(moved.images, layout.regions().images)
    assert moved.layout.full._label_windows.keys() == {3}


def test_sizes() -> None:
    layout = layout_batch("blocks", (64, 128))
    generator = rough_generator(layout, crop_size=128, aspect_ratio=2.0).eval()
    z = torch.randn(1, Z_DIM, dtype=torch.float64)
    assert generator(layout, z).shape == (1, 3, 64, 128)
    assert generator(layout, z, (96, 160)).shape == (1, 3, 96, 160)
    assert generator.config.sizes.nearest((100, 130))[0] == (96, 128)
    with pytest.raises(SemsynthError, match="cannot make"):
        generator(layout, z, (100, 160))
    with pytest.raises(ValueError, match="give z"):
        generator(layout)
    with pytest.raises(ValidationError, match="no row of pixels"):
        OASISGeneratorConfig(encoding=layout.encoding, crop_size=32, aspect_ratio=2.0)


def test_a_frozen_generator_makes_the_same_picture() -> None:
    layout = layout_batch("edges", (64, 64))
    generator, z = rough_generator(layout).eval(), torch.randn(1, Z_DIM, dtype=torch.float64)
    with torch.inference_mode():
        expected = generator(layout, z)
        generator.freeze()
        torch.testing.assert_close(generator(layout, z), expected, rtol=1e-9, atol=1e-9)


def test_the_discriminator_judges_every_pixel() -> None:
    encoding = LayoutEncoding(num_classes=4, void="before")
    discriminator = OASISDiscriminator(OASISDiscriminatorConfig(encoding=encoding, width=4))
    assert discriminator(torch.zeros(2, 3, 64, 128)).shape == (2, 6, 64, 128)
    with pytest.raises(ValidationError, match="edges=false"):
        OASISDiscriminatorConfig(encoding=LayoutEncoding(num_classes=4, edges=True))


@pytest.mark.parametrize(("channels", "expected"), [(35, 22_251_364), (151, 22_258_904), (183, 22_260_984)])
def test_parameters_of_the_official_discriminators(channels: int, expected: int) -> None:
    encoding = LayoutEncoding(num_classes=channels - 1, void="before")
    with torch.device("meta"):
        network = OASISDiscriminator(OASISDiscriminatorConfig(encoding=encoding))
    assert sum(value.numel() for value in network.parameters()) == expected


@pytest.mark.parametrize(("channels", "expected"), [(35, 71_107_523), (151, 74_314_691), (183, 75_199_427)])
def test_parameters_of_the_official_generators(channels: int, expected: int) -> None:
    encoding = LayoutEncoding(num_classes=channels - 1, void="before")
    with torch.device("meta"):
        network = OASISGeneratorConfig(encoding=encoding).build()
    assert sum(value.numel() for value in network.parameters()) == expected
