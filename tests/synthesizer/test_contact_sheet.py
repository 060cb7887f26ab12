from __future__ import annotations

import numpy as np
from PIL import Image

from semsynth.synthesizer.contact_sheet import CAPTION, CELL, GAP, ContactSheet


def picture(color: tuple[int, int, int], size: tuple[int, int] = (CELL, CELL)) -> Image.Image:
    return Image.new("RGB", size, color)


def test_pictures_lie_in_rows_at_the_size_of_a_cell() -> None:
    sheet = ContactSheet(2)
    for row, color in enumerate([(255, 0, 0), (0, 255, 0)]):
        sheet.start_row(picture(color), f"row {row}")
        sheet.add(picture((0, 0, 255), (2 * CELL, CELL)), "wide")
    drawn = np.asarray(sheet.draw())
    assert drawn.shape == (2 * (CELL + CAPTION + GAP) + GAP, 2 * (CELL + GAP) + GAP, 3)
    middle = GAP + CELL // 2
    assert drawn[middle, middle].tolist() == [255, 0, 0]
    assert drawn[middle + CELL + CAPTION + GAP, middle].tolist() == [0, 255, 0]
    assert drawn[GAP + CELL // 4, middle + CELL + GAP].tolist() == [0, 0, 255]  # half as high as wide, at the top
    assert drawn[GAP + 3 * CELL // 4, middle + CELL + GAP].tolist() == [255, 255, 255]


def test_rows_beyond_the_limit_are_counted_and_not_drawn() -> None:
    sheet = ContactSheet(256)
    for row in range(5):
        sheet.start_row(picture((row, row, row), (4, 4)), str(row))
        sheet.add(picture((9, 9, 9), (4, 4)), "photo")
    assert (sheet.max_rows, sheet.left_out) == (2, 3)
    assert sheet.draw().height == 2 * (CELL + CAPTION + GAP) + GAP
