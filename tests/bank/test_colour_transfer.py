import numpy as np
import pytest

from semsynth.bank.colour_transfer import transfer_colours, transport


def colours(seed: int, scale: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 3))
    return 0.5 + scale * (mixed - mixed.mean(0)) / np.abs(mixed).max()


def test_the_result_has_the_mean_and_the_covariance_of_the_other_colours() -> None:
    own, other = colours(1, 0.1), colours(2, 0.2) + 0.1
    made = transfer_colours(own, other).astype(np.float64)
    assert np.allclose(made.mean(0), other.mean(0), atol=1e-6)
    assert np.allclose(np.cov(made, rowvar=False), np.cov(other, rowvar=False), atol=1e-6)


def test_axes_that_do_not_mix_are_scaled_by_the_ratio_of_deviations() -> None:
    before, after = np.diag([1.0, 4.0, 9.0]), np.diag([4.0, 4.0, 1.0])
    assert np.allclose(transport(before, after), np.diag([2.0, 1.0, 1 / 3]))


def test_the_map_is_symmetric_and_positive_so_that_no_colour_is_mirrored() -> None:
    before, after = (np.cov(colours(seed, 0.2), rowvar=False) for seed in (3, 4))
    mapping = transport(before, after)
    assert np.allclose(mapping, mapping.T)
    assert np.linalg.eigvalsh(mapping).min() > 0


def test_equal_statistics_change_nothing() -> None:
    own = colours(5, 0.2)
    assert np.allclose(transfer_colours(own, own[::-1]), own, atol=1e-6)


def test_what_lies_beyond_the_range_is_clipped() -> None:
    made = transfer_colours(colours(6, 0.4), 3 * colours(7, 0.4) - 1)
    assert made.min() == 0
    assert made.max() == 1


@pytest.mark.parametrize("other", [np.full((40, 3), 0.25), np.full((1, 3), 0.25)])
def test_colours_without_a_spread(other: np.ndarray) -> None:
    """All alike become the mean; statistics of one pixel are none."""
    own = colours(8, 0.2)
    made = transfer_colours(own, other)
    assert np.allclose(made, own if len(other) == 1 else 0.25, atol=1e-5)


def test_one_colour_takes_the_mean_and_stays_one_colour() -> None:
    made = transfer_colours(np.full((2, 2, 3), 0.5), colours(9, 0.2))
    assert made.shape == (2, 2, 3)
    assert np.allclose(made, colours(9, 0.2).mean(0), atol=1e-5)
