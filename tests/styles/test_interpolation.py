"""Styles between two styles: ends, arcs by hand, regions."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import CLASSES, Z_DIM, save_tiny_model, save_tiny_oasis

from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.styles.choice import ObjectChoice, RegionNoise
from semsynth.styles.interpolation import interpolated, spherical
from semsynth.styles.noise import noise_of
from semsynth.synthesizer import load


def test_an_arc_by_hand() -> None:
    # A quarter of a circle in three equal steps; the length goes from 1 to 4.
    right, up = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 4.0])
    third = spherical(right, up, 1 / 3)
    assert third.tolist() == pytest.approx([2 * math.cos(math.pi / 6), 2 * math.sin(math.pi / 6)], abs=1e-5)
    middle = spherical(right, up, 0.5)
    assert middle.tolist() == pytest.approx([2.5 * math.sqrt(0.5)] * 2, abs=1e-5)


@given(st.integers(0, 2**31), st.integers(0, 2**31), st.floats(0, 1))
def test_noise_between_noise_is_as_long_as_noise(first: int, second: int, share: float) -> None:
    a, b = noise_of(first, 64), noise_of(second, 64)
    between = spherical(a, b, share).norm().item()
    assert min(a.norm().item(), b.norm().item()) - 1e-3 <= between <= max(a.norm().item(), b.norm().item()) + 1e-3


def test_equal_opposite_and_empty_vectors_have_something_between() -> None:
    one = noise_of(1, 8)
    torch.testing.assert_close(spherical(one, one, 0.3), one)
    torch.testing.assert_close(spherical(one, -one, 0.25), one / 2)
    torch.testing.assert_close(spherical(torch.zeros(8), one, 0.25), one / 4)


def test_the_ends_are_exactly_the_two_styles() -> None:
    styles = interpolated(noise_of(3, Z_DIM), noise_of(8, Z_DIM), 5)
    assert len(styles) == 5
    assert torch.equal(styles[0], noise_of(3, Z_DIM))  # type: ignore[arg-type]
    assert torch.equal(styles[-1], noise_of(8, Z_DIM))  # type: ignore[arg-type]
    steps = [(a - b).norm().item() for a, b in pairwise(styles)]  # type: ignore[operator]
    assert max(steps) < 2 * min(steps), "no jumps"


def test_regions_move_with_the_picture() -> None:
    a, b, c, d = (noise_of(seed, Z_DIM) for seed in range(4))
    first, second = RegionNoise(a, {"door": c}), RegionNoise(b, {"window": d})
    start, middle, end = interpolated(first, second, 3)
    assert start is first
    assert end is second
    assert isinstance(middle, RegionNoise)
    torch.testing.assert_close(middle.vector, spherical(a, b, 0.5))
    assert list(middle.regions) == ["door", "window"]
    torch.testing.assert_close(middle.regions["door"], spherical(c, b, 0.5))
    torch.testing.assert_close(middle.regions["window"], spherical(a, d, 0.5))
    (_, vector_to_regions, _) = interpolated(a, second, 3)
    assert isinstance(vector_to_regions, RegionNoise)
    torch.testing.assert_close(vector_to_regions.regions["window"], spherical(a, d, 0.5))


def test_what_has_nothing_in_between() -> None:
    vector = noise_of(0, Z_DIM)
    with pytest.raises(SemsynthError, match="ask for 2 or more"):
        interpolated(vector, vector, 1)
    with pytest.raises(SemsynthError, match="styles of objects"):
        interpolated(ObjectChoice(1), ObjectChoice(2), 3)
    with pytest.raises(SemsynthError, match="give their vectors"):
        interpolated(RegionNoise(vector, {"door": "red"}), vector, 3)


@pytest.mark.parametrize("kind", ["oasis", "spade"])
def test_frames_of_a_model_begin_and_end_with_the_seeds_pictures(kind: str, tmp_path: Path) -> None:
    save = save_tiny_oasis if kind == "oasis" else save_tiny_model
    synthesizer = load(save(tmp_path / kind), "cpu", "float32")
    side = 64 if kind == "oasis" else 32
    layout = Layout(np.random.default_rng(0).integers(0, 3, (side, side)).astype(np.uint16), CLASSES)
    ends = synthesizer.style(seed=1), synthesizer.style(seed=2)
    assert ends[0] is not None
    assert ends[1] is not None
    made = [np.asarray(synthesizer(layout, style=style)) for style in interpolated(ends[0], ends[1], 3)]
    assert np.array_equal(made[0], np.asarray(synthesizer(layout, seed=1)))
    assert np.array_equal(made[-1], np.asarray(synthesizer(layout, seed=2)))
    assert not np.array_equal(made[1], made[0])
    assert not np.array_equal(made[1], made[2])
