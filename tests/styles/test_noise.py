"""Seeds of whole pictures and of regions, for models that read noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny_models import CLASSES, Z_DIM, save_tiny_model, save_tiny_oasis

from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.styles.choice import RegionNoise
from semsynth.styles.noise import NoiseStyles, stacked
from semsynth.synthesizer import Synthesizer, load

TOP, BOTTOM = CLASSES.classes[1], CLASSES.classes[2]


@pytest.fixture(scope="module")
def synthesizer(tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    return load(save_tiny_oasis(tmp_path_factory.mktemp("models") / "oasis"), "cpu", "float32")


def layout(instances: NDArray[np.int32] | None = None) -> Layout:
    labels = np.full((64, 64), TOP.id, np.uint16)
    labels[32:] = BOTTOM.id
    return Layout(labels, CLASSES, instances)


def halves() -> Layout:
    """Two objects of the upper class, left and right."""
    instances = np.full((64, 64), 70, np.int32)
    instances[:, 32:] = 71
    return layout(instances)


def read(choice: torch.Tensor | RegionNoise, of: Layout) -> torch.Tensor:
    return NoiseStyles(Z_DIM).read(choice, of)


def test_a_seed_draws_one_vector_for_the_picture(synthesizer: Synthesizer) -> None:
    assert synthesizer.has_styles
    assert synthesizer.has_region_noise
    assert not synthesizer.has_object_styles
    style = synthesizer.style(seed=5)
    assert isinstance(style, torch.Tensor)
    assert torch.equal(style, torch.randn(Z_DIM, generator=torch.Generator().manual_seed(5)))
    pictures = [np.asarray(synthesizer(layout(), seed=seed)) for seed in (5, 5, 6)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    assert np.array_equal(pictures[0], np.asarray(synthesizer(layout(), style=style)))


def test_seeds_of_regions_are_noise_where_the_regions_are() -> None:
    styles = NoiseStyles(Z_DIM)
    vector, other = styles.choose(None, 0, None), styles.choose(None, 9, None)
    for region in (BOTTOM.id, BOTTOM.name):
        noise = read(styles.choose_regions(vector, {region: 9}), layout())
        assert torch.equal(noise[:, :32], vector[:, None, None].expand(-1, 32, 64))
        assert torch.equal(noise[:, 32:], other[:, None, None].expand(-1, 32, 64))
    noise = read(styles.choose_regions(vector, {71: 9, BOTTOM.name: 0}), halves())
    assert torch.equal(noise[:, :32, 32:], other[:, None, None].expand(-1, 32, 32))
    assert torch.equal(noise[:, 32:], vector[:, None, None].expand(-1, 32, 64))


def test_the_pictures_seed_for_a_region_changes_nothing(synthesizer: Synthesizer) -> None:
    plain = np.asarray(synthesizer(layout(), seed=3)).astype(int)
    same = np.asarray(synthesizer(layout(), seed=3, region_seeds={BOTTOM.name: 3})).astype(int)
    assert abs(plain - same).max() <= 1
    changed = np.asarray(synthesizer(layout(), seed=3, region_seeds={BOTTOM.name: 4})).astype(int)
    assert abs(plain - changed).max() > 1


def test_pictures_of_one_batch_may_differ_in_kind(synthesizer: Synthesizer) -> None:
    choices = [synthesizer.style(seed=1), synthesizer.style(seed=1, region_seeds={TOP.name: 2})]
    assert all(choice is not None for choice in choices)
    together = synthesizer.synthesize_batch([layout()] * 2, choices)  # type: ignore[arg-type]
    for choice, picture in zip(choices, together, strict=True):
        alone = np.asarray(synthesizer(layout(), style=choice)).astype(int)
        assert abs(alone - np.asarray(picture)).max() <= 1
    assert stacked([torch.zeros(2), torch.ones(2, 3, 4)], (3, 4)).shape == (2, 2, 3, 4)
    assert stacked([torch.zeros(2), torch.ones(2)], (3, 4)).shape == (2, 2)


def test_a_class_that_is_not_there_is_a_note(synthesizer: Synthesizer) -> None:
    absent = CLASSES.classes[5].name
    with pytest.warns(UserWarning, match=f"has no '{absent}'"):
        synthesizer(layout(), region_seeds={absent: 1})


def test_what_cannot_be(synthesizer: Synthesizer, tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"no class 'sofa' \(the layout has no instance map\): give an instance id"):
        synthesizer(layout(), region_seeds={"sofa": 1})
    with pytest.raises(SemsynthError, match="a seed is a number"):
        synthesizer(layout(), region_seeds={TOP.name: -1})
    with pytest.raises(SemsynthError, match="no mode 2 of class 1; it has none"):
        synthesizer(layout(), object_styles={1: 2})
    with pytest.raises(SemsynthError, match="stands alone"):
        synthesizer(layout(), style=synthesizer.style(region_seeds={TOP.name: 1}), seed=1)
    spade = load(save_tiny_model(tmp_path / "spade"), "cpu", "float32")
    with pytest.raises(SemsynthError, match="no noise for regions"):
        spade(layout(), region_seeds={TOP.name: 1})
    silent = load(save_tiny_oasis(tmp_path / "silent", z_dim=0), "cpu", "float32")
    assert not silent.has_styles
    with pytest.raises(SemsynthError, match="leave out styles and seed"):
        silent(layout(), seed=1)
