"""What one large picture is made of, and its tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from semsynth.bulk.task import TileTask
from semsynth.config import Config
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding, Size, pixels
from semsynth.layout.stored import SymbolFile
from semsynth.models.local import halo
from semsynth.ops.rectangle import Rectangle
from semsynth.synthesizer import Synthesizer

SYMBOLS, PIXELS = "symbols.raw", "pixels.raw"
"""Names of the files that hold the layout, as the network reads it, and the picture [H,W,3]."""


class LargeJob(Config):
    """How a large picture is made: the same for everybody who resumes it."""

    format: Literal[1] = 1
    """Version of this file and of the others beside it."""
    model: str
    """A bundled model's name, an absolute path, or a Hugging Face id."""
    model_sha256: str
    """See :func:`semsynth.bulk.job.model_digest`."""
    map: str
    """Absolute path of the label map."""
    map_sha256: str
    """Of that file."""
    seed: int | None
    """Of the style; None where a photo or nothing gives it."""
    style: str | None
    """Absolute path of the photo that gives the style."""
    style_sha256: str | None
    """Of that photo."""
    size: Size
    """(height, width) of the picture."""
    tile: int
    """Side of a tile in pixels; those at the right and at the bottom may be smaller."""
    precision: Literal["float32", "bfloat16"]
    """Arithmetic of the network."""

    @property
    def tasks(self) -> list[TileTask]:
        """All tiles."""
        rows, columns = self._grid
        return [TileTask(number) for number in range(rows * columns)]

    def box(self, task: TileTask) -> Rectangle:
        """The pixels of a tile."""
        row, column = divmod(task.number, self._grid[1])
        top, left = row * self.tile, column * self.tile
        height, width = self.size
        return Rectangle(top, left, min(height, top + self.tile), min(width, left + self.tile))

    def symbols(self, root: Path, encoding: LayoutEncoding) -> SymbolFile:
        """The layout in the job's folder."""
        return SymbolFile.of(root / SYMBOLS, self.size, encoding)

    @property
    def _grid(self) -> tuple[int, int]:
        height, width = self.size
        return -(-height // self.tile), -(-width // self.tile)


def check_tile(tile: int, synthesizer: Synthesizer, size: Size) -> None:
    """Make sure that a model makes pictures of (height, width) ``size`` in tiles with sides of ``tile`` pixels.

    Raises:
        SemsynthError: it makes none at all, or tiles would cost more for their surroundings than for themselves.
    """
    around = halo(synthesizer.large_stages(size))
    if tile < min(around, *size):
        raise SemsynthError(
            f"`tile={tile}` is too small for a picture of {pixels(size)}: a tile depends on {around} pixels more on "
            f"each side, which are computed with it; take {around} or more, for example 1024"
        )
