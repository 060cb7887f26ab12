"""A contact sheet: one row per layout, its colours first, then its photos."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

CELL = 256
"""Side of the square that a picture is fitted into, in pixels."""
GAP = 12
CAPTION = 22
"""Height of the line under a picture."""
MAX_CELLS = 512
"""More pictures would make a file that few programs open."""

BACKGROUND, INK = (255, 255, 255), (60, 60, 60)


class ContactSheet:
    """Collects pictures row by row."""

    def __init__(self, columns: int) -> None:
        """Make an empty sheet of rows of ``columns`` pictures."""
        self.columns = columns
        self.max_rows = max(1, MAX_CELLS // columns)
        self.left_out = 0
        self._rows: list[list[tuple[Image.Image, str]]] = []

    def start_row(self, picture: Image.Image, caption: str) -> None:
        """Begin a row, or count it where the sheet is full."""
        if len(self._rows) == self.max_rows:
            self.left_out += 1
            return
        self._rows.append([])
        self.add(picture, caption)

    def add(self, picture: Image.Image, caption: str) -> None:
        """Put the next picture into the current row."""
        if not self.left_out:
            small = picture.copy()
            small.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
            self._rows[-1].append((small, caption))

    def draw(self) -> Image.Image:
        """The sheet as one RGB picture."""
        width = self.columns * (CELL + GAP) + GAP
        height = len(self._rows) * (CELL + CAPTION + GAP) + GAP
        sheet = Image.new("RGB", (width, height), BACKGROUND)
        pen = ImageDraw.Draw(sheet)
        font = ImageFont.load_default(13)
        for row, cells in enumerate(self._rows):
            for column, (picture, caption) in enumerate(cells):
                left, top = GAP + column * (CELL + GAP), GAP + row * (CELL + CAPTION + GAP)
                sheet.paste(picture, (left + (CELL - picture.width) // 2, top + (CELL - picture.height) // 2))
                pen.text((left, top + CELL + 4), caption[:36], INK, font)
        return sheet
