from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import Z_DIM, save_tiny_model

from semsynth.checkpoint import load_model
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.images import save_png, to_uint8
from semsynth.layout import LayoutBatch
from semsynth.synthesizer import Synthesizer, load

LAYOUTS = [draw_facade(seed, 32) for seed in range(5)]


def pixels(photo: Image.Image) -> np.ndarray:
    return np.asarray(photo).astype(int)


def test_a_photo_has_the_layouts_size_and_depends_on_it(with_styles: Synthesizer) -> None:
    first, second = (pixels(with_styles(layout)) for layout in LAYOUTS[:2])
    assert first.shape == (32, 32, 3)
    assert np.abs(first - second).mean() > 1


def test_a_seed_is_reproducible_and_zero_by_default(with_styles: Synthesizer, folder: Path) -> None:
    again = load(folder, "cpu", "float32")
    photos = [pixels(with_styles(LAYOUTS[0], seed=seed)) for seed in (0, 1)]
    torch.manual_seed(99)
    assert np.array_equal(pixels(again(LAYOUTS[0])), photos[0])
    assert np.array_equal(pixels(again(LAYOUTS[0], seed=1)), photos[1])
    assert np.abs(photos[0] - photos[1]).mean() > 1


def test_the_vector_of_a_seed_never_changes(with_styles: Synthesizer) -> None:
    """Seeds are written down: a release that draws others would change everybody's photos."""
    vector = with_styles.style(seed=3)
    assert vector is not None
    assert torch.equal(vector, torch.randn(Z_DIM, generator=torch.Generator().manual_seed(3)))


def test_batch_equals_single(with_styles: Synthesizer) -> None:
    batch = LayoutBatch.from_layouts(LAYOUTS, with_styles.config.encoding)
    z = torch.randn(5, Z_DIM)
    together = with_styles.synthesize_tensor(batch, z)
    for i, layout in enumerate(LAYOUTS):
        one = LayoutBatch.from_layouts([layout], with_styles.config.encoding)
        torch.testing.assert_close(with_styles.synthesize_tensor(one, z[i : i + 1])[0], together[i], rtol=0, atol=1e-5)


def test_a_batch_keeps_the_order_whatever_the_sizes(without_styles: Synthesizer) -> None:
    sizes = [(64, 32), (32, 32), (64, 32), (96, 32), (32, 32)]
    layouts = [layout.resized(size) for layout, size in zip(LAYOUTS, sizes, strict=True)]
    photos = without_styles.synthesize_batch(layouts, batch_size=2)
    for layout, photo in zip(layouts, photos, strict=True):
        assert np.abs(pixels(photo) - pixels(without_styles(layout))).max() <= 1


def test_object_level_is_the_tensor_level_in_eight_bits(with_styles: Synthesizer) -> None:
    batch = LayoutBatch.from_layouts(LAYOUTS[:1], with_styles.config.encoding)
    vector = with_styles.style(seed=5)
    assert vector is not None
    images = with_styles.synthesize_tensor(batch, vector[None])
    assert images.dtype == torch.float32
    assert np.array_equal(to_uint8(images)[0], pixels(with_styles(LAYOUTS[0], seed=5)))


def test_folding_changes_nothing_but_rounding(with_styles: Synthesizer, folder: Path) -> None:
    batch = LayoutBatch.from_layouts(LAYOUTS, with_styles.config.encoding)
    z = torch.randn(5, Z_DIM)
    with torch.no_grad():
        expected = load_model(folder).networks["generator"](batch, z)
    torch.testing.assert_close(with_styles.synthesize_tensor(batch, z), expected, rtol=0, atol=1e-4)


def test_bfloat16_stays_near_float32(with_styles: Synthesizer, folder: Path) -> None:
    half = load(folder, "cpu", "bfloat16")
    assert half.dtype == torch.bfloat16
    for layout in LAYOUTS:
        difference = np.abs(pixels(half(layout)) - pixels(with_styles(layout)))
        assert difference.mean() < 1


def test_a_photo_gives_its_style_every_time(with_styles: Synthesizer, tmp_path: Path) -> None:
    red, blue = (np.full((40, 30, 3), color, np.uint8) for color in ((220, 60, 30), (10, 60, 240)))
    save_png(tmp_path / "red.png", red)
    styles = [with_styles.style(style) for style in (tmp_path / "red.png", Image.fromarray(red), Image.fromarray(blue))]
    assert all(style is not None and style.shape == (Z_DIM,) for style in styles)
    assert torch.equal(styles[0], styles[1])  # type: ignore[arg-type]
    assert not torch.equal(styles[0], styles[2])  # type: ignore[arg-type]
    photo = with_styles(LAYOUTS[0], style=tmp_path / "red.png")
    assert np.array_equal(pixels(photo), pixels(with_styles(LAYOUTS[0], style=styles[0])))


def test_styles_that_a_model_cannot_take_are_refused(
    with_styles: Synthesizer, without_styles: Synthesizer, tmp_path: Path
) -> None:
    photo = Image.new("RGB", (8, 8))
    with pytest.raises(SemsynthError, match="not both"):
        with_styles(LAYOUTS[0], style=photo, seed=1)
    with pytest.raises(SemsynthError, match="shape"):
        with_styles(LAYOUTS[0], style=torch.zeros(3))
    with pytest.raises(SemsynthError, match="seed"):
        with_styles(LAYOUTS[0], seed=-1)
    for arguments in ({"seed": 0}, {"style": photo}):
        with pytest.raises(SemsynthError, match="one photo of a layout"):
            without_styles(LAYOUTS[0], **arguments)  # type: ignore[arg-type]
    blind = load(save_tiny_model(tmp_path / "blind", encoder=False), "cpu")
    with pytest.raises(SemsynthError, match="no encoder"):
        blind(LAYOUTS[0], style=photo)
    with pytest.raises(SemsynthError, match="2 layouts and 1 seeds"):
        with_styles.synthesize_batch(LAYOUTS[:2], seeds=[1])


def test_threads_share_a_synthesizer(with_styles: Synthesizer) -> None:
    expected = [pixels(with_styles(LAYOUTS[0], seed=seed)) for seed in range(8)]
    made: dict[int, np.ndarray] = {}

    def make(seed: int) -> None:
        made[seed] = pixels(with_styles(LAYOUTS[0], seed=seed))

    threads = [threading.Thread(target=make, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(made[seed], expected[seed]) for seed in range(8))


def test_variations_have_the_styles_of_successive_seeds(with_styles: Synthesizer) -> None:
    photos = with_styles.variations(LAYOUTS[0], 3, seed=4)
    for number, photo in enumerate(photos):
        expected = pixels(with_styles(LAYOUTS[0], seed=4 + number))
        assert np.abs(pixels(photo) - expected).max() <= 1  # other sums in a batch
    assert len(photos) == 3
    assert len(with_styles.variations(LAYOUTS[0])) == 4


def test_variations_that_cannot_be_made(with_styles: Synthesizer, without_styles: Synthesizer) -> None:
    with pytest.raises(SemsynthError, match="makes one photo of a layout, not 4"):
        without_styles.variations(LAYOUTS[0])
    with pytest.raises(SemsynthError, match="a count of 0"):
        with_styles.variations(LAYOUTS[0], 0)
    (only,) = without_styles.variations(LAYOUTS[0], 1)
    assert np.array_equal(pixels(only), pixels(without_styles(LAYOUTS[0])))


def test_arrays_are_the_photos_of_what_was_read_before(with_styles: Synthesizer) -> None:
    choices = [with_styles.style(seed=seed) for seed in (1, 2)]
    arrays = with_styles.synthesize_arrays(LAYOUTS[:2], choices)
    photos = with_styles.synthesize_batch(LAYOUTS[:2], seeds=[1, 2])
    assert [one.shape for one in arrays] == [(1, 32, 32, 3)] * 2
    for array, photo in zip(arrays, photos, strict=True):
        assert np.array_equal(array[0], np.asarray(photo))


def test_a_synthesizer_says_what_it_is(with_styles: Synthesizer) -> None:
    assert repr(with_styles) == "Synthesizer(tiny, class set cmp_facades, cpu, float32)"


def test_the_warning_about_a_size_names_the_callers_line(without_styles: Synthesizer) -> None:
    odd = LAYOUTS[0].resized((70, 100))
    for make in (
        lambda: without_styles(odd),
        lambda: without_styles.synthesize_batch([odd]),
        lambda: without_styles.variations(odd, 1),
    ):
        with pytest.warns(UserWarning, match="resized to 96x64") as caught:
            make()
        assert [Path(one.filename) for one in caught] == [Path(__file__)]
