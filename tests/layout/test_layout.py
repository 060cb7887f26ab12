from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F

from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, LayoutBatch, LayoutEncoding
from semsynth.layout import batch as batch_module

CLASSES = ClassSet(
    name="three",
    classes=(
        ClassInfo(id=5, name="sky", color=(1, 2, 3)),
        ClassInfo(id=2, name="sea", color=(4, 5, 6)),
        ClassInfo(id=900, name="sand", color=(7, 8, 9)),
    ),
)
ENCODINGS = [
    LayoutEncoding(num_classes=3, void=void, edges=edges)
    for void in ("none", "after", "before")
    for edges in (False, True)
]


def random_layout(height: int, width: int, seed: int) -> Layout:
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([5, 2, 900, VOID], np.uint16), (height, width))
    return Layout(labels, CLASSES, rng.integers(0, 4, (height, width), dtype=np.int32))


def random_batch(size: tuple[int, int], seed: int, encoding: LayoutEncoding, count: int = 2) -> LayoutBatch:
    return LayoutBatch.from_layouts([random_layout(*size, seed + i) for i in range(count)], encoding)


sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))
seeds = st.integers(0, 2**31)


@pytest.mark.parametrize(
    ("void", "channels"),
    [
        ("none", [[0, 1], [2, None]]),
        ("after", [[0, 1], [2, 3]]),  # SPADE: dontcare after the classes
        ("before", [[1, 2], [3, 0]]),  # OASIS: dontcare before them
    ],
)
def test_one_hot_by_hand(void: str, channels: list[list[int | None]]) -> None:
    layout = Layout(np.array([[5, 2], [900, VOID]], np.uint16), CLASSES)
    encoding = LayoutEncoding.model_validate({"num_classes": 3, "void": void})
    expected = torch.zeros(1, 3 if void == "none" else 4, 2, 2)
    for y, row in enumerate(channels):
        for x, channel in enumerate(row):
            if channel is not None:
                expected[0, channel, y, x] = 1
    assert torch.equal(LayoutBatch.from_layouts([layout], encoding).full.one_hot(), expected)


def test_the_edge_channel_is_the_last() -> None:
    labels = np.full((3, 4), 5, np.uint16)
    instances = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 2]], np.int32)
    batch = LayoutBatch.from_layouts(
        [Layout(labels, CLASSES, instances)], LayoutEncoding(num_classes=3, void="after", edges=True)
    )
    one_hot = batch.full.one_hot()
    assert one_hot.shape == (1, 5, 3, 4)
    assert one_hot[0, 4].tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1]]
    assert (one_hot[0, 0] == 1).all()
    assert one_hot.sum() == 12 + 3


@given(sizes, seeds, st.sampled_from(ENCODINGS))
def test_channels_agree_with_the_encoding(size: tuple[int, int], seed: int, encoding: LayoutEncoding) -> None:
    level = random_batch(size, seed, encoding).full
    one_hot = level.one_hot()
    assert one_hot.shape == (2, encoding.num_channels, *size)
    assert int(level.symbols.max()) < encoding.num_symbols
    labels = one_hot[:, : encoding.num_labels].sum(1)
    assert ((labels == 1) | ((labels == 0) if encoding.void == "none" else False)).all()
    assert level.one_hot(torch.float64).dtype == torch.float64


@given(sizes, sizes, seeds, st.sampled_from(ENCODINGS))
def test_levels_equal_interpolation_of_the_one_hot(
    size: tuple[int, int], other: tuple[int, int], seed: int, encoding: LayoutEncoding
) -> None:
    batch = random_batch(size, seed, encoding)
    expected = F.interpolate(batch.full.one_hot(), size=other, mode="nearest")
    assert torch.equal(batch.at(*other).one_hot(), expected)


@pytest.mark.parametrize(("size", "other"), [((256, 512), (4, 8)), ((300, 450), (37, 63)), ((45, 77), (256, 512))])
def test_levels_at_odd_ratios(size: tuple[int, int], other: tuple[int, int]) -> None:
    batch = random_batch(size, 0, ENCODINGS[0], count=1)
    expected = F.interpolate(batch.full.one_hot(), size=other, mode="nearest")
    assert torch.equal(batch.at(*other).one_hot(), expected)


def test_levels_are_kept() -> None:
    batch = random_batch((8, 8), 0, ENCODINGS[0])
    assert batch.at(4, 4) is batch.at(4, 4)
    assert batch.at(8, 8) is batch.full
    assert batch.at(4, 4).windows(3) is batch.at(4, 4).windows(3)


@given(sizes, seeds, st.sampled_from(ENCODINGS), st.sampled_from([1, 3, 5]))
def test_label_windows_hold_every_neighbourhood(
    size: tuple[int, int], seed: int, encoding: LayoutEncoding, kernel: int
) -> None:
    level = random_batch(size, seed, encoding).full
    found = level.windows(kernel)
    pad = kernel // 2
    padded = F.pad(level.symbols, (pad,) * 4, value=encoding.num_symbols)
    expected = torch.stack(
        [padded[:, y : y + size[0], x : x + size[1]] for y in range(kernel) for x in range(kernel)], -1
    ).reshape(-1, kernel * kernel)
    assert torch.equal(found.windows.rows[found.windows.index.long()], expected.long())
    assert found.windows.count == len(expected.unique(dim=0))
    centres = F.pad(found.windows.index.view(level.symbols.shape), (pad,) * 4, value=found.windows.count)
    arrangement = found.arrangements.rows[found.arrangements.index.long()]
    for place in range(kernel * kernel):
        y, x = divmod(place, kernel)
        assert torch.equal(arrangement[:, place], centres[:, y : y + size[0], x : x + size[1]].flatten().long())


@given(st.tuples(st.integers(4, 12), st.integers(4, 12)), seeds, st.sampled_from([(4, 2, 2), (3, 1, 1), (4, 1, 0)]))
def test_patches_are_what_a_convolution_sees(size: tuple[int, int], seed: int, window: tuple[int, int, int]) -> None:
    kernel, stride, padding = window
    level = random_batch(size, seed, ENCODINGS[5]).full
    patches = level.patches(kernel, stride, padding)
    padded = F.pad(level.symbols, (padding,) * 4, value=level.encoding.num_symbols)
    expected = padded.unfold(1, kernel, stride).unfold(2, kernel, stride).reshape(-1, kernel * kernel)
    assert torch.equal(patches.rows[patches.index.long()], expected.long())


def test_from_channels_equals_from_layouts() -> None:
    encoding = LayoutEncoding(num_classes=3, void="before", edges=True)
    layout = random_layout(6, 7, 3)
    channel = {5: 1, 2: 2, 900: 3, VOID: 0}
    channels = torch.tensor([[channel[int(i)] for i in row] for row in layout.labels])[None]
    assert layout.instances is not None
    batch = LayoutBatch.from_channels(channels, encoding, torch.from_numpy(layout.instances)[None])
    assert torch.equal(batch.full.symbols, LayoutBatch.from_layouts([layout], encoding).full.symbols)


def test_moving_keeps_what_was_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = random_batch((6, 8), 1, ENCODINGS[1])
    before = batch.full.windows(3), batch.at(3, 4).patches(4, 2, 2), batch.averaged(3, 4), batch.padded(2, 2)

    def again(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    moved = batch.to("cpu")
    for name in ("distinct_rows", "window_columns", "average_squares"):
        monkeypatch.setattr(batch_module, name, again)
    after = moved.full.windows(3), moved.at(3, 4).patches(4, 2, 2), moved.averaged(3, 4), moved.padded(2, 2)
    assert (len(moved), moved.size) == (2, (6, 8))
    assert torch.equal(moved.at(3, 4).symbols, batch.at(3, 4).symbols)
    assert torch.equal(after[0].arrangements.rows, before[0].arrangements.rows)
    assert torch.equal(after[1].index, before[1].index)
    assert torch.equal(after[2], before[2])
    assert torch.equal(after[3].full.symbols, before[3].full.symbols)
    with pytest.raises(AssertionError, match="computed again"):
        moved.at(2, 2).windows(3)


@given(st.tuples(st.integers(1, 60), st.integers(1, 60)), st.tuples(st.integers(1, 90), st.integers(1, 90)), seeds)
def test_resizing_equals_pillow(size: tuple[int, int], other: tuple[int, int], seed: int) -> None:
    layout = random_layout(*size, seed)
    resized = layout.resized(other)
    for ours, source in ((resized.labels, layout.labels), (resized.instances, layout.instances)):
        assert source is not None
        expected = Image.fromarray(source.astype(np.int32)).resize(other[::-1], Image.Resampling.NEAREST)
        assert np.array_equal(ours, np.asarray(expected))


def test_resizing_follows_pillow_at_pixel_borders() -> None:
    for width in range(1, 400, 3):  # where positions fall on borders, the order of float additions decides
        labels = np.arange(700, dtype=np.uint16)[None]
        classes = ClassSet(name="x", classes=tuple(ClassInfo(id=i, name=str(i), color=(0, 0, 0)) for i in range(700)))
        expected = Image.fromarray(labels.astype(np.int32)).resize((width, 1), Image.Resampling.NEAREST)
        assert np.array_equal(Layout(labels, classes).resized((1, width)).labels, np.asarray(expected))


def test_colors() -> None:
    layout = Layout(np.array([[900, VOID]], np.uint16), CLASSES)
    assert layout.colors().tolist() == [[[7, 8, 9], [0, 0, 0]]]


def test_wrong_layouts() -> None:
    with pytest.raises(SemsynthError, match=r"ids outside the class set 'three': 0 \(2 pixels\), 7 \(1 pixels\)"):
        Layout(np.array([[0, 7, 0, 5]], np.uint16), CLASSES)
    with pytest.raises(SemsynthError, match=r"instance map is 2x3, the label map 3x2"):
        Layout(np.full((2, 3), 5, np.uint16), CLASSES, np.zeros((3, 2), np.int32))
    for shape in ((3,), (2, 2, 3), (0, 4)):
        with pytest.raises(SemsynthError, match="two axes"):
            Layout(np.full(shape, 5, np.uint16), CLASSES)


def test_wrong_batches() -> None:
    plain = LayoutEncoding(num_classes=3)
    edges = LayoutEncoding(num_classes=3, edges=True)
    square, wide = random_layout(4, 4, 0), random_layout(4, 6, 0)
    with pytest.raises(SemsynthError, match=r"one size.*6x4.*4x4"):
        LayoutBatch.from_layouts([square, wide], plain)
    with pytest.raises(SemsynthError, match="3 classes, the network 5"):
        LayoutBatch.from_layouts([square], LayoutEncoding(num_classes=5))
    without = Layout(square.labels, CLASSES)
    for layouts in ([without], [square, without]):
        with pytest.raises(SemsynthError, match="instance"):
            LayoutBatch.from_layouts(layouts, edges)
    with pytest.raises(SemsynthError, match="instance"):
        LayoutBatch.from_channels(torch.zeros(1, 2, 2, dtype=torch.int64), edges)
