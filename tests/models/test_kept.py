"""A picture that is made of the last one equals the picture of its layout."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding, Size
from semsynth.models.generator import GeneratorConfig, LayoutGenerator
from semsynth.models.kept import KeptPicture, changed_areas, share_of
from semsynth.models.local import LocalStage, StageAreas
from semsynth.models.oasis import OASISGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.ops.rectangle import Rectangle

CLASSES = 5
PLAIN, EDGES = LayoutEncoding(num_classes=CLASSES), LayoutEncoding(num_classes=CLASSES, edges=True)
SMALL = {"encoding": PLAIN, "width": 1, "hidden": 4, "crop_size": 64}
CONFIGS: dict[str, GeneratorConfig] = {
    "spade": SPADEGeneratorConfig(**SMALL),
    "spade-edges": SPADEGeneratorConfig(**{**SMALL, "encoding": EDGES}),
    "spade-noise": SPADEGeneratorConfig(**SMALL, upsamplings=6, noise_injection=True, kernel_size=5),
    "spade-vector": SPADEGeneratorConfig(**SMALL, input="noise", z_dim=4, noise_injection=True),
    "spade-concat": SPADEGeneratorConfig(**SMALL, layout_at_every_layer="concat", norm="batch"),
    "oasis": OASISGeneratorConfig(**SMALL, z_dim=3),
    "oasis-plain": OASISGeneratorConfig(**SMALL, z_dim=0),
}
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-5}
PLENTY = 2**30


def build(name: str, dtype: torch.dtype = torch.float64) -> LayoutGenerator:
    """With the statistics of a batch, noise that counts, and values that tanh does not flatten."""
    torch.manual_seed(1)
    config = CONFIGS[name]
    generator = config.build().double().train()
    for key, module in generator.named_modules():
        if hasattr(module, "momentum"):
            module.momentum = 1.0
        if key.startswith("noises."):
            module.scale.data.normal_()
    batch, style = Drawing(config, random.Random(0), (64, 64), 2), style_of(config, 2)
    generator(batch.layout(), style, (64, 64))
    for module in generator.modules():
        if hasattr(module, "running_var"):
            module.running_var.clamp_(min=0.1)
    found: list[Tensor] = []
    generator.to_rgb.register_forward_hook(lambda module, given, made: found.append(made.abs().median()))
    generator.eval()(batch.layout(), style, (64, 64))
    generator.to_rgb.weight.data /= 4 * found[0].detach()
    return generator.to(dtype)


def style_of(config: GeneratorConfig, count: int = 1, dtype: torch.dtype = torch.float64) -> Tensor | None:
    return None if config.style is None else torch.randn(count, config.style.channels, dtype=dtype)


class Drawing:
    """Layouts that someone paints on: classes, void, and objects whose boundaries a network may read."""

    def __init__(self, config: GeneratorConfig, chance: random.Random, size: Size, count: int = 1) -> None:
        self.encoding, self.chance, self.size = config.encoding, chance, size
        cells = torch.tensor([chance.randrange(CLASSES + 1) for _ in range(count * size[0] * size[1] // 256)])
        cells = cells.view(count, size[0] // 16, size[1] // 16).repeat_interleave(16, 1).repeat_interleave(16, 2)
        self.channels, self.objects = cells, torch.zeros_like(cells)
        self.past: list[tuple[Tensor, Tensor]] = []

    def layout(self) -> LayoutBatch:
        objects = self.objects if self.encoding.edges else None
        return LayoutBatch.from_channels(self.channels.clone(), self.encoding, objects)

    def stroke(self) -> None:
        """A line of discs from anywhere, the border included, of any class or void; often a new object."""
        self.past.append((self.channels, self.objects))
        self.channels, self.objects = self.channels.clone(), self.objects.clone()
        height, width = self.size
        row, column, radius = self.chance.uniform(0, height), self.chance.uniform(0, width), self.chance.uniform(0.5, 6)
        label, image = self.chance.randrange(CLASSES + 1), self.chance.randrange(len(self.channels))
        rows, columns = torch.arange(height)[:, None], torch.arange(width)
        number = self.chance.randrange(3)
        for _ in range(self.chance.randrange(1, 6)):
            disc = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
            self.channels[image][disc], self.objects[image][disc] = label, number
            row, column = row + self.chance.uniform(-4, 4), column + self.chance.uniform(-4, 4)

    def undo(self) -> None:
        if self.past:
            self.channels, self.objects = self.past.pop()


def edit(
    drawing: Drawing, steps: int, kept: KeptPicture, generator: LayoutGenerator, dtype: torch.dtype
) -> list[float]:
    """Compare with the whole after each of many steps; the shares of the arithmetic that they took."""
    style, shares = style_of(generator.config, len(drawing.channels), dtype), []
    for _ in range(steps):
        what = drawing.chance.random()
        if what < 0.15:
            drawing.undo()
        elif what < 0.22:
            style = style_of(generator.config, len(drawing.channels), dtype)
        else:
            drawing.stroke()
        made = kept.update(drawing.layout(), style, drawing.size)
        with torch.no_grad():
            whole = generator(drawing.layout(), style, drawing.size)
        torch.testing.assert_close(made, whole, rtol=0, atol=TOLERANCE[dtype])
        shares.append(kept.share)
    return shares


@pytest.mark.parametrize("name", ["spade-edges", "spade-vector", "oasis"])
def test_strokes(name: str) -> None:
    torch.manual_seed(2)
    generator = build(name)
    drawing = Drawing(generator.config, random.Random(3), (64, 64))
    shares = edit(drawing, 8, KeptPicture(generator, PLENTY, max_share=1), generator, torch.float64)
    assert min(shares) < 0.7


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("path", ["tables", "dense"])
@pytest.mark.parametrize("name", CONFIGS)
def test_many_strokes(name: str, path: str, dtype: torch.dtype) -> None:
    torch.manual_seed(2)
    generator = build(name, dtype)
    generator.use(path)  # type: ignore[arg-type]
    fixed = generator.config.sizes.only
    for seed, size in enumerate([fixed] if fixed else [(64, 64), (64, 128), (128, 64)]):
        drawing = Drawing(generator.config, random.Random(seed), size, count=1 + seed % 2)
        for max_share in (1.0, 0.5):
            edit(drawing, 8, KeptPicture(generator, PLENTY, max_share), generator, dtype)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["oasis", "spade"]))
def test_maps_of_noise(seed: int, name: str) -> None:
    """Noise of a region's own moves with the region; of a pixel's own, the network goes the dense way."""
    torch.manual_seed(seed)
    generator = build("oasis")
    drawing, kept = Drawing(generator.config, random.Random(seed), (64, 64)), KeptPicture(generator, PLENTY, 1)
    classes = torch.randn(CLASSES + 1, 3, dtype=torch.float64)
    pixels = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    for step in range(6):
        drawing.stroke()
        if step == 3:
            classes[2] += 1
        of_regions = classes[drawing.channels].permute(0, 3, 1, 2)
        noise = pixels if drawing.chance.random() < 0.3 else of_regions
        made = kept.update(drawing.layout(), noise, (64, 64))
        with torch.no_grad():
            torch.testing.assert_close(made, generator(drawing.layout(), noise, (64, 64)), rtol=0, atol=1e-9)


def test_what_changes_nothing_costs_nothing() -> None:
    generator = build("spade-vector")
    drawing, style = Drawing(generator.config, random.Random(0), (64, 64)), style_of(generator.config)
    kept = KeptPicture(generator, PLENTY)
    first = kept.update(drawing.layout(), style, (64, 64))
    assert kept.share == 1
    assert torch.equal(kept.update(drawing.layout(), style, (64, 64)), first)
    assert kept.share == 0
    first.zero_()  # the caller's own
    assert kept.update(drawing.layout(), style, (64, 64)).abs().max() > 0


def test_another_style_size_or_number_is_a_whole_picture() -> None:
    generator = build("spade")
    kept = KeptPicture(generator, PLENTY)
    for size, count in (((64, 64), 1), ((64, 128), 1), ((64, 128), 2), ((64, 64), 1)):
        drawing = Drawing(generator.config, random.Random(0), size, count)
        kept.update(drawing.layout(), None, size)
        assert kept.share == 1
    styled = build("spade-vector")
    kept = KeptPicture(styled, PLENTY)
    layout = Drawing(styled.config, random.Random(0), (64, 64)).layout()
    for _ in range(2):
        kept.update(layout, style_of(styled.config), (64, 64))
        assert kept.share == 1


def test_a_style_that_the_caller_writes_over_is_another() -> None:
    generator = build("spade-vector")
    layout, style = Drawing(generator.config, random.Random(0), (64, 64)).layout(), style_of(generator.config)
    assert style is not None
    kept = KeptPicture(generator, PLENTY)
    kept.update(layout, style, (64, 64))
    style += 1
    with torch.no_grad():
        torch.testing.assert_close(kept.update(layout, style, (64, 64)), generator(layout, style, (64, 64)))
    assert kept.share == 1


def test_beyond_the_largest_share_the_whole_is_made() -> None:
    generator = build("spade")
    drawing, kept = Drawing(generator.config, random.Random(0), (64, 64)), KeptPicture(generator, PLENTY, 0.5)
    kept.update(drawing.layout(), None, (64, 64))
    drawing.channels = (drawing.channels + 1) % CLASSES
    whole = kept.update(drawing.layout(), None, (64, 64))
    assert kept.share == 1
    with torch.no_grad():
        assert torch.equal(whole, generator(drawing.layout(), None, (64, 64)))


def test_memory_is_bounded() -> None:
    generator = build("spade")
    drawing, kept = Drawing(generator.config, random.Random(0), (64, 64)), KeptPicture(generator, PLENTY)
    kept.update(drawing.layout(), None, (64, 64))
    taken = kept.nbytes
    # Features of width 1 at 2, 4, 4, 8, 16, 32 and 64 pixels, in float64, are less than all that is kept.
    assert taken > 8 * (2 * 4 * 16 + 2 * 16 * 16 + 64 * 8 + 256 * 4 + 1024 * 2 + 4096 * (1 + 3))
    for limit, kept_bytes in ((taken, taken), (taken - 1, 0)):
        small = KeptPicture(generator, limit)
        made = small.update(drawing.layout(), None, (64, 64))
        assert small.nbytes == kept_bytes
        with torch.no_grad():
            assert torch.equal(made, generator(drawing.layout(), None, (64, 64)))
    kept.drop()
    assert kept.nbytes == 0


def test_after_an_error_the_next_picture_is_whole() -> None:
    generator = build("spade")
    drawing, kept = Drawing(generator.config, random.Random(0), (64, 64)), KeptPicture(generator, PLENTY, 1)
    kept.update(drawing.layout(), None, (64, 64))
    drawing.channels[:, 30:34] = (drawing.channels[:, 30:34] + 1) % CLASSES

    def fail(*given: object) -> None:
        raise RuntimeError("out of memory")

    hook = generator.to_rgb.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        kept.update(drawing.layout(), None, (64, 64))
    hook.remove()
    with torch.no_grad():
        whole = generator(drawing.layout(), None, (64, 64))
    assert torch.equal(kept.update(drawing.layout(), None, (64, 64)), whole)
    assert kept.share == 1


def test_what_each_stage_makes_again() -> None:
    """By hand: a stage that reads the layout 1 pixel around, then a doubling, then 3 x 3; sides are multiples of 4."""

    def run(x: Tensor | None, area: Rectangle | None) -> Tensor:
        raise AssertionError

    stages = [
        LocalStage(run, 1, products=7),
        LocalStage(run, 1, layout_reach=1, products=10),
        LocalStage(run, 2, doubles=True, layout_reach=4, products=1),
        LocalStage(run, 1, products=2),
    ]
    size = (64, 48)
    areas = changed_areas(stages, [None, Rectangle(9, 0, 10, 1), None, None], size)
    made = [Rectangle(8, 0, 11, 2), Rectangle(14, 0, 24, 6), Rectangle(13, 0, 25, 7)]
    given = [Rectangle(6, 0, 14, 4), Rectangle(11, 0, 27, 8), Rectangle(11, 0, 27, 8)]
    assert areas == [None, *(StageAreas(g, m) for g, m in zip(given, made, strict=True))]
    whole = 17 * 32 * 24 + 3 * 64 * 48
    assert share_of(stages, areas, size) == (10 * 8 * 4 + 16 * 8 + 2 * 16 * 8) / whole


def test_who_keeps_no_picture() -> None:
    with pytest.raises(SemsynthError, match="instance norm makes no parts of pictures"):
        KeptPicture(SPADEGeneratorConfig(**SMALL, norm="instance").build().eval(), PLENTY)
