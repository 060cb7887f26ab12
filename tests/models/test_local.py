"""Parts of pictures equal those of the whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding, Size
from semsynth.layout.parts import LevelPart
from semsynth.layout.stored import StoredLayout, SymbolFile
from semsynth.models.generator import GeneratorConfig, LayoutGenerator
from semsynth.models.local import LocalStage, halo, needed_areas
from semsynth.models.oasis import OASISGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.ops.rectangle import Rectangle

CLASSES = 5
ENCODING = LayoutEncoding(num_classes=CLASSES)
SMALL = {"encoding": ENCODING, "width": 2, "hidden": 6, "crop_size": 64}
CONFIGS: dict[str, GeneratorConfig] = {
    "spade": SPADEGeneratorConfig(**SMALL),
    "spade-noise": SPADEGeneratorConfig(**SMALL, upsamplings=6, noise_injection=True, kernel_size=5),
    "spade-vector": SPADEGeneratorConfig(**SMALL, input="noise", z_dim=4),
    "spade-concat": SPADEGeneratorConfig(**SMALL, layout_at_every_layer="concat", norm="batch"),
    "spade-7": SPADEGeneratorConfig(**{**SMALL, "crop_size": 128}, upsamplings=7, kernel_size=1),
    "oasis": OASISGeneratorConfig(**SMALL, z_dim=3),
    "oasis-plain": OASISGeneratorConfig(**SMALL, z_dim=0),
}


def layouts(size: Size, count: int = 2, cell: int = 8) -> LayoutBatch:
    """Squares of random classes, and of no class."""
    cells = torch.randint(0, CLASSES + 1, (count, size[0] // cell, size[1] // cell))
    return LayoutBatch.from_channels(cells.repeat_interleave(cell, 1).repeat_interleave(cell, 2), ENCODING)


def build(config: GeneratorConfig) -> LayoutGenerator:
    """In double precision, with the statistics of a batch, and values that tanh does not flatten."""
    torch.manual_seed(1)
    generator = config.build().double().train()
    for name, module in generator.named_modules():
        if hasattr(module, "momentum"):
            module.momentum = 1.0
        if name.startswith("noises."):
            module.scale.data.normal_()
    assert config.output_size is not None
    batch = layouts(config.output_size)
    generator(batch, style_of(config, batch), config.output_size)
    for module in generator.modules():
        if hasattr(module, "running_var"):
            module.running_var.clamp_(min=0.1)  # or another layout's features would grow from layer to layer
    sizes: list[Tensor] = []
    generator.to_rgb.register_forward_hook(lambda module, given, made: sizes.append(made.abs().median()))
    generator.eval()(batch, style_of(config, batch), config.output_size)
    generator.to_rgb.weight.data /= 4 * sizes[0].detach()
    return generator


def style_of(config: GeneratorConfig, batch: LayoutBatch) -> Tensor | None:
    return None if config.style is None else torch.randn(len(batch), config.style.channels, dtype=torch.float64)


@pytest.fixture(scope="module")
def generators() -> Callable[[str], LayoutGenerator]:
    made: dict[str, LayoutGenerator] = {}
    return lambda name: made[name] if name in made else made.setdefault(name, build(CONFIGS[name]))


def boxes(size: Size, count: int) -> list[Rectangle]:
    """Random ones, a single pixel, one of each side of the picture, and all of it."""
    height, width = size
    found = [Rectangle.whole(size), Rectangle(5, 7, 6, 8), Rectangle(0, 3, 4, width), Rectangle(9, 0, height, 2)]
    for _ in range(count):
        (top, bottom), (left, right) = (torch.randperm(side + 1)[:2].sort().values.tolist() for side in size)
        found.append(Rectangle(top, left, bottom, right))
    return found


@pytest.mark.parametrize("path", ["tables", "dense"])
@pytest.mark.parametrize("name", CONFIGS)
def test_a_part_equals_that_of_the_whole(name: str, path: str, generators: Callable[[str], LayoutGenerator]) -> None:
    generator = generators(name)
    generator.use(path)  # type: ignore[arg-type]
    config = generator.config
    height, width = config.output_size or (0, 0)
    size = height, 2 * width
    batch = layouts(size)
    style = style_of(config, batch)
    with torch.no_grad():
        whole = generator(batch, style, size)
    assert whole.std() > 0.01
    assert whole.abs().median() < 0.9
    for box in boxes(size, 3):
        part = generator.region(batch, style, box, size)
        torch.testing.assert_close(part, box.of(whole), rtol=0, atol=1e-9)


@pytest.mark.parametrize("regions", [True, False])
def test_a_map_of_noise(regions: bool, generators: Callable[[str], LayoutGenerator]) -> None:
    """With few regions by tables, with noise of its own in every pixel densely."""
    generator, size = generators("oasis"), (64, 96)
    generator.use("tables")
    batch = layouts(size)
    noise = torch.randn(2, 3, *((1, 1) if regions else size), dtype=torch.float64).expand(2, 3, *size)
    with torch.no_grad():
        whole = generator(batch, noise, size)
    for box in boxes(size, 2):
        part = generator.region(batch, noise, box, size)
        torch.testing.assert_close(part, box.of(whole), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["spade-noise", "spade-vector", "oasis"])
def test_of_a_layout_in_a_file(name: str, tmp_path: Path, generators: Callable[[str], LayoutGenerator]) -> None:
    generator, size = generators(name), (64, 128)
    generator.use("tables")
    batch = layouts(size, count=1)
    file = SymbolFile.of(tmp_path / "symbols", size, ENCODING)
    file.path.write_bytes(batch.full.symbols[0].numpy().astype(file.kind).tobytes())
    style = style_of(generator.config, batch)
    for box in boxes(size, 1):
        part = generator.region(StoredLayout.open(file, ENCODING), style, box, size)
        torch.testing.assert_close(part, generator.region(batch, style, box, size), rtol=0, atol=1e-9)


def test_single_precision() -> None:
    generator = build(CONFIGS["spade-noise"]).float()
    batch = layouts((64, 64))
    with torch.no_grad():
        whole = generator(batch, None, (64, 64))
    for box in boxes((64, 64), 3):
        torch.testing.assert_close(generator.region(batch, None, box), box.of(whole), rtol=0, atol=2e-5)


def test_what_each_stage_is_asked_for() -> None:
    """By hand: 3 x 3 at the end, a doubling before a stage that looks 2 pixels around, then the first one."""

    def run(x: Tensor | None, area: Rectangle | None) -> Tensor:
        raise AssertionError

    stages = [LocalStage(run, 1), LocalStage(run, 2, doubles=True), LocalStage(run, 1)]
    found = needed_areas(stages, Rectangle(10, 0, 11, 4), (16, 8))
    assert [one.made for one in found] == [Rectangle(3, 0, 7, 4), Rectangle(9, 0, 12, 5), Rectangle(10, 0, 11, 4)]
    assert [one.given for one in found] == [Rectangle(2, 0, 8, 4), Rectangle(7, 0, 14, 7), Rectangle(9, 0, 12, 5)]
    assert halo(stages) == 6  # 1 and 2 pixels are 2 of half the size, and there is 1 more


def test_a_small_part_costs_little(generators: Callable[[str], LayoutGenerator]) -> None:
    generator = generators("spade")
    generator.use("tables")
    stages = generator.local_stages(layouts((512, 512)), None, (512, 512))
    areas = needed_areas(stages, Rectangle(200, 200, 216, 216), (512, 512))
    assert [one.given.size for one in areas[-3:]] == [(16, 16), (22, 22), (18, 18)]
    assert max(one.given.area for one in areas) == 22 * 22


@pytest.mark.parametrize(
    "box", [Rectangle(0, 0, 65, 64), Rectangle(-1, 0, 4, 4), Rectangle(8, 8, 8, 9), Rectangle(9, 8, 8, 9)]
)
def test_a_box_outside_is_refused(box: Rectangle, generators: Callable[[str], LayoutGenerator]) -> None:
    with pytest.raises(SemsynthError, match=r"a picture of 64x64 has no such part"):
        generators("spade").region(layouts((64, 64)), None, box)


def test_who_makes_no_parts() -> None:
    instance = SPADEGeneratorConfig(**SMALL, norm="instance").build().eval()
    with pytest.raises(SemsynthError, match="instance norm makes no parts of pictures always"):
        instance.region(layouts((64, 64)), None, Rectangle(0, 0, 8, 8))
    training = SPADEGeneratorConfig(**SMALL).build().train()
    with pytest.raises(SemsynthError, match="sync_batch norm makes no parts of pictures in training"):
        training.region(layouts((64, 64)), None, Rectangle(0, 0, 8, 8))
    other = Pix2PixHDGeneratorConfig(encoding=ENCODING, width=2, norm="batch").build().eval()
    with pytest.raises(SemsynthError, match="a pix2pixhd generator has no local form"):
        other.region(layouts((64, 64)), None, Rectangle(0, 0, 8, 8))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3, 5]))
def test_windows_of_a_part_are_those_of_the_whole(seed: int, height: int, width: int, kernel: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    symbols = torch.randint(0, CLASSES + 1, (2, height, width), generator=generator)
    whole = LayoutBatch.from_channels(symbols, ENCODING).full
    (top, bottom), (left, right) = (torch.randperm(n + 1, generator=generator)[:2].sort().values for n in whole.size)
    area = Rectangle(int(top), int(left), int(bottom), int(right))
    part = LevelPart.of(whole, area)
    assert torch.equal(_seen(part, kernel), area.of(_seen(whole, kernel).movedim(-1, 1)).movedim(1, -1))


def _seen(level, kernel: int) -> Tensor:  # type: ignore[no-untyped-def]
    """[N,h,w,T]: the labels that two stacked convolutions see around each pixel, -1 outside, then one's own patch."""
    windows = level.windows(kernel)
    rows = torch.cat([windows.windows.rows, windows.windows.rows.new_full((1, kernel**2), -1)])
    arranged = rows[windows.arrangements.rows].flatten(1)[windows.arrangements.index.long()]
    patches = level.patches(kernel, 1, kernel // 2)
    return torch.cat([arranged, patches.rows[patches.index.long()]], 1).view(*level.symbols.shape, -1)
