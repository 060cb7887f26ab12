"""Which bank a model's canvases come from, and how they are made."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field

from semsynth.bank.canvas import INNER
from semsynth.bank.memory import MemoryBank
from semsynth.config import Config
from semsynth.errors import SemsynthError
from semsynth.layout import Size, pixels

FOLDER = "bank"
"""Name of the bank in a model folder that holds its own."""
ATTACH = "'semsynth bank attach BANK MODEL'"
BUILD = "'semsynth bank build --data DATA --out BANK'"


class CanvasSettings(Config):
    """Bank and canvases of a model."""

    bank: str | None = None
    """The bank's folder."""
    sha256: str = ""
    """The bank's checksum, :attr:`MemoryBank.checksum`."""
    faithful: bool = True
    """Whether pieces stay inside the segments whose places they take, so that layouts stay as they are (ours);
    otherwise layouts take the shapes of the pieces, as published."""
    context: bool = False
    """Whether retrieval compares what is around segments, too (the paper; the official code compares masks alone)."""
    choices: int = Field(10, ge=1, le=1000)
    """Best pieces that are kept for a segment; seeds choose among them (the official code keeps ten and uses one)."""
    elision: float = Field(INNER, ge=0, le=1)
    """Side of the square that widens the border of a piece, as a share of the height; inside, half of the pixels of the
    band become white."""

    def named(self, size: Size | None) -> Self:
        """The same with the bank's absolute path and checksum, where it is the bank that they name.

        Args:
            size: (height, width) of the pictures; None: they have several.

        Raises:
            SemsynthError: there is no bank, or another one, or its frame has another shape or is smaller.
        """
        if not self.bank:
            raise SemsynthError(
                f"this system needs a memory bank of its training photos: make one with {BUILD}, and "
                "name it with `bank`"
            )
        bank = self.open()
        frame, (height, width) = bank.rules.size, size or bank.rules.size
        if frame[0] * width != frame[1] * height or frame[0] < height:
            made = pixels((height, width))
            raise SemsynthError(
                f"{self.bank} has a working size of {pixels(frame)}, the pictures are {made}: make a bank with "
                f"'semsynth bank build --size {made}', or change data.crop_size and data.aspect_ratio"
            )
        return self.model_copy(update={"bank": str(Path(self.bank).absolute()), "sha256": bank.checksum})

    def open(self, beside: Path | None = None) -> MemoryBank:
        """Open the bank.

        Args:
            beside: a model folder, whose own bank comes first.

        Raises:
            SemsynthError: it is missing, damaged, or another one than the model was trained with.
        """
        own = None if beside is None else beside / FOLDER
        folder = own if own is not None and own.is_dir() else Path(self.bank or FOLDER)
        if not folder.is_dir():
            where = "name its new place with `bank`" if own is None else f"copy it to {own} with {ATTACH}"
            raise SemsynthError(f"the memory bank {folder} is missing: restore it, or {where}")
        bank = MemoryBank.open(folder)
        if self.sha256 and bank.checksum != self.sha256:
            raise SemsynthError(
                f"{folder} is not the memory bank that the model was trained with (other checksums): restore that one, "
                "or train a new run"
            )
        return bank
