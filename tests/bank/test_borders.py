import numpy as np

from semsynth.bank.borders import band, border, dilated, random_half, side_of


def square(size: int, top: int, left: int, side: int) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_a_border_has_one_pixel_on_each_side_of_the_outline() -> None:
    found = border(square(12, 3, 3, 6))
    expected = square(12, 2, 2, 8) & ~square(12, 4, 4, 4)
    assert np.array_equal(found, expected)


def test_the_edge_of_the_frame_is_no_border() -> None:
    half = np.zeros((6, 6), bool)
    half[:, :3] = True
    assert np.array_equal(np.flatnonzero(border(half)[0]), [2, 3])
    assert not border(np.ones((6, 6), bool)).any()


def test_dilation_by_a_square() -> None:
    point = square(9, 4, 4, 1)
    assert np.array_equal(dilated(point, 5), square(9, 2, 2, 5))
    assert np.array_equal(dilated(point, 1), point)
    assert np.array_equal(dilated(square(9, 0, 0, 1), 3), square(9, 0, 0, 2))


def test_a_band_lies_inside_and_outside() -> None:
    found = band(square(20, 5, 5, 10), 3)
    assert np.array_equal(found, square(20, 3, 3, 14) & ~square(20, 7, 7, 6))


def test_a_square_without_a_pixel_leaves_no_band() -> None:
    assert not band(square(20, 5, 5, 10), 0).any()
    assert band(square(20, 5, 5, 10), 1).any()


def test_half_of_the_pixels_is_drawn() -> None:
    mask = square(100, 10, 10, 80)
    drawn = random_half(mask, np.random.default_rng(0))
    assert not (drawn & ~mask).any()
    assert abs(drawn.sum() / mask.sum() - 0.5) < 0.02
    assert np.array_equal(drawn, random_half(mask, np.random.default_rng(0)))


def test_squares_are_shares_of_the_height_rounded_down() -> None:
    assert [side_of(0.05, 512), side_of(0.035, 256), side_of(0.06, 512)] == [25, 8, 30]
