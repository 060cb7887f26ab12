"""Layouts that stay in a file: every level is read from it, and no more of it than somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsynth.files import explained
from semsynth.layout.batch import LayoutBatch, Level, Regions, nearest_floor
from semsynth.layout.encoding import LayoutEncoding
from semsynth.layout.maps import Size
from semsynth.ops.rectangle import Rectangle


@dataclass(frozen=True)
class SymbolFile:
    """The symbols of one layout, row after row, without a header."""

    path: Path
    size: Size
    """(height, width)."""
    wide: bool
    """Whether a symbol takes two bytes, little-endian; else one."""

    @classmethod
    def of(cls, path: Path, size: Size, encoding: LayoutEncoding) -> Self:
        """A file that has room for the symbols of an encoding."""
        return cls(path, size, encoding.num_symbols > 2**8)

    @property
    def kind(self) -> np.dtype[np.unsignedinteger]:
        """The numbers."""
        return np.dtype("<u2" if self.wide else "u1")

    def read(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int32]:
        """[len(rows),len(columns)]: symbols at these places.

        Raises:
            SemsynthError: the file cannot be read.
        """
        with explained(self.path, "cannot read"):
            mapped = np.memmap(self.path, self.kind, "r", shape=self.size)  # released with its pages when this returns
            return np.asarray(mapped[np.ix_(rows, columns)]).astype(np.int32)


@dataclass(frozen=True, eq=False)
class StoredLevel(Level):
    """A level whose :attr:`symbols` are on torch's device ``meta``: they have a size, and :meth:`cut` reads parts."""

    file: SymbolFile = field(kw_only=True)
    device: torch.device = field(kw_only=True)
    """Of the parts."""

    def cut(self, area: Rectangle) -> Tensor:
        """See :meth:`Level.cut`."""
        rows, columns = (nearest_floor(n, m) for n, m in zip(self.file.size, self.size, strict=True))
        chosen = rows[area.top : area.bottom].numpy(), columns[area.left : area.right].numpy()
        return torch.from_numpy(self.file.read(*chosen))[None].to(self.device)  # [1,h,w]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> StoredLevel:
        """The same, with parts on ``device``."""
        return StoredLevel(self.symbols, self.encoding, file=self.file, device=torch.device(device))


@dataclass(frozen=True, eq=False)
class StoredLayout(LayoutBatch):
    """One layout in a file. It has levels of which parts can be had, and none that is whole."""

    @classmethod
    def open(cls, file: SymbolFile, encoding: LayoutEncoding, device: torch.device | str = "cpu") -> StoredLayout:
        """The layout in a file.

        Args:
            file: of symbols of ``encoding``.
            encoding: what they mean.
            device: where parts go.
        """
        return cls(_level(file, encoding, file.size, torch.device(device)))

    def at(self, height: int, width: int) -> Level:
        """See :meth:`LayoutBatch.at`."""
        full = self._stored
        return _level(full.file, full.encoding, (height, width), full.device)

    def regions(self) -> Regions:
        """See :meth:`LayoutBatch.regions`: there is a group for every symbol, whether it occurs or not."""
        full, count = self._stored, self.encoding.num_symbols
        groups = StoredLayout.open(full.file, LayoutEncoding(num_classes=count), full.device)
        numbers = torch.arange(count, device=full.device)
        return Regions(groups, torch.zeros_like(numbers), numbers)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> StoredLayout:
        """The same, with parts on ``device``."""
        return StoredLayout(self._stored.to(device))

    @property
    def _stored(self) -> StoredLevel:
        assert isinstance(self.full, StoredLevel)
        return self.full


def _level(file: SymbolFile, encoding: LayoutEncoding, size: Size, device: torch.device) -> StoredLevel:
    return StoredLevel(torch.empty(1, *size, dtype=torch.int32, device="meta"), encoding, file=file, device=device)
