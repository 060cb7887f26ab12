from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny_models import CLASSES, save_tiny_model

from semsynth.classes import VOID, builtin
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.images import save_png
from semsynth.layout import Layout
from semsynth.synthesizer import Synthesizer, load

LAYOUTS = [draw_facade(seed, 32) for seed in range(5)]


def pixels(photo: Image.Image) -> np.ndarray:
    return np.asarray(photo).astype(int)


def test_every_kind_of_source_means_the_same(with_styles: Synthesizer, tmp_path: Path) -> None:
    layout = Layout(np.where(LAYOUTS[0].labels == 1, np.uint16(VOID), LAYOUTS[0].labels), CLASSES)
    layout.save(tmp_path / "ids.png")
    save_png(tmp_path / "ids16.png", layout.labels)
    ids = np.where(layout.labels == VOID, 255, layout.labels).astype(np.uint8)
    sources = [
        tmp_path / "ids.png",
        str(tmp_path / "ids16.png"),
        ids,
        layout.labels,
        layout.labels.astype(np.int64),
        layout.colors(),
        Image.fromarray(ids),
        Image.fromarray(layout.colors()),
        Image.fromarray(layout.labels),
    ]
    for source in sources:
        assert np.array_equal(with_styles.conditions.open_layout(source).labels, layout.labels)


@pytest.mark.parametrize(
    "source",
    [
        np.full((4, 4), 77, np.uint8),
        np.full((4, 4), 0.5),
        np.full((4, 4), -1),
        np.full((4, 4), 70000),
        np.zeros((0, 4), np.uint8),
        np.zeros((4,), np.uint8),
        np.full((4, 4, 3), 9, np.uint8),
        np.zeros((4, 4, 4), np.float32),
        Image.new("CMYK", (4, 4)),
        Image.new("F", (4, 4)),
        Image.new("RGB", (4, 4), (1, 2, 3)),
    ],
)
def test_unusable_pixels_are_refused_in_one_line(with_styles: Synthesizer, source: object) -> None:
    with pytest.raises(SemsynthError, match=r"^[^\n]+$"):
        with_styles(source)  # type: ignore[arg-type]


def test_a_layout_of_other_classes_is_refused(with_styles: Synthesizer) -> None:
    other = Layout(np.zeros((32, 32), np.uint16), builtin("camvid"))
    with pytest.raises(SemsynthError, match="'camvid', the model of 'cmp_facades', whose"):
        with_styles(other)


def test_sizes_from_noise(with_styles: Synthesizer) -> None:
    large = LAYOUTS[0].resized((48, 40))
    with pytest.warns(UserWarning, match="40x48, which this model cannot make: resized to 32x32"):
        assert with_styles(large).size == (32, 32)
    with pytest.raises(SemsynthError, match="the map is 40x48, which this model cannot make; nearest: 32x32"):
        with_styles.conditions.fit(large, strict=True, source="the map")
    with pytest.raises(SemsynthError, match="a photo of 96x64, which this model cannot make; nearest: 32x32"):
        with_styles(large, size=(64, 96))
    assert with_styles(large, size=(32, 32)).size == (32, 32)


def test_sizes_from_layouts(without_styles: Synthesizer) -> None:
    layout = LAYOUTS[0].resized((70, 100))
    with pytest.warns(UserWarning, match="resized to 96x64"):
        assert without_styles(layout).size == (96, 64)
    with pytest.raises(SemsynthError, match="nearest: 96x64 or 128x96"):
        without_styles.conditions.fit(layout, strict=True)
    assert without_styles(layout, size=(64, 128)).size == (128, 64)
    with pytest.warns(UserWarning, match="is 128x64, the model was trained at 32x32"):
        assert without_styles(layout.resized((64, 128))).size == (128, 64)
    with pytest.warns(UserWarning, match="1x1"):
        assert without_styles(LAYOUTS[0].resized((1, 1))).size == (32, 32)
    with pytest.raises(SemsynthError, match="20000x20000 has more than"):
        without_styles(layout, size=(20000, 20000))


@given(st.integers(1, 500), st.integers(1, 500))
def test_the_nearest_size_is_the_nearest(without_styles: Synthesizer, height: int, width: int) -> None:
    near = without_styles.conditions.sizes.nearest((height, width))
    for size in near:
        assert all(side % 32 == 0 and side > 0 for side in size)
    for side, best in zip((height, width), near[0], strict=True):
        assert abs(best - side) == min(abs(32 * k - side) for k in range(1, 20))
    assert ((height, width) in near) == (height % 32 == 0 and width % 32 == 0)


def test_instances_where_the_model_reads_them(tmp_path: Path) -> None:
    synthesizer = load(save_tiny_model(tmp_path / "edges", edges=True), "cpu", "float32")
    assert synthesizer.needs_instances
    with pytest.raises(SemsynthError, match="instance map"):
        synthesizer(LAYOUTS[0])
    halves = np.zeros((32, 32), np.int32)
    halves[:, 16:] = 1
    photos = [pixels(synthesizer(Layout(LAYOUTS[0].labels, CLASSES, instances))) for instances in (halves, halves * 0)]
    assert np.abs(photos[0] - photos[1]).max() > 1
