"""A memory bank on disk, read through memory maps: processes that open it share its pages."""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsynth.bank import masks
from semsynth.bank.index import SEGMENTS, BankFile, BankIndex, BankPhoto, load_index, photo_tensors, segment_tensors
from semsynth.bank.segments import SegmentRules
from semsynth.bank.tensors import Array, map_tensors
from semsynth.classes import UNKNOWN, VOID, VOID_8BIT, ClassSet
from semsynth.errors import SemsynthError

_MAPPED = 64
"""Shards that are mapped at a time: each keeps a file open."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A segment with its pixels, at the working size."""

    colour: NDArray[np.uint8]
    """[h,w,3]: the photo in the segment's bounding box, pixels around the segment included."""
    mask: NDArray[np.bool_]
    """[h,w]: the segment's pixels."""
    thin_mask: NDArray[np.bool_]
    """[h,w]: the same with those pixels of thin classes that connect its parts or touch them."""
    labels: NDArray[np.uint16]
    """[h,w]: class ids of the photo's layout in the box."""
    top: int
    """First row of the box in the working frame."""
    left: int
    """First column of the box in the working frame."""
    class_id: int
    image: int
    """Number of the photo in the bank."""


class MemoryBank:
    """The segments of a dataset's photos. n segments, sorted by class, then by photo.

    Attributes:
        folder: of the bank.
        index: what ``bank.json`` says.
        class_ids: [n] int32.
        images: [n] int32, numbers of the photos.
        boxes: [n,4] int32: top, left, height, width in the working frame.
        areas: [n] int64, pixels of the segments.
        context_areas: [n] int64, pixels of a class in the segments' contexts.
        bits: [n,words] uint64, the masks in the working frame (:mod:`semsynth.bank.masks`).
        coarse: [n,words] uint64, the masks in the coarse grid.
        layouts: [photos,H,W], the label maps as files hold them (8 bit with 255 for void, or 16 bit).
    """

    def __init__(self, folder: Path, index: BankIndex) -> None:
        """Map the files; :meth:`open` is the way to a bank.

        Raises:
            SemsynthError: a file is missing or damaged.
        """
        self.folder: Path = folder
        self.index: BankIndex = index
        for entry in index.files:
            check_size(folder, entry)
        expected = segment_tensors(
            index.rules.size,
            index.classes,
            photos=len(index.photos),
            segments=index.segments.entries,
            thin_masks=index.thin_masks,
        )
        found = map_tensors(folder / SEGMENTS, expected)
        self.class_ids: Array = found["class_ids"]
        self.images: Array = found["images"]
        self.boxes: Array = found["boxes"]
        self.areas: Array = found["areas"]
        self.context_areas: Array = found["context_areas"]
        self.bits: Array = found["bits"]
        self.coarse: Array = found["coarse"]
        self.layouts: Array = found["layouts"]
        self._thin_rows, self._thin_bits = found["thin_rows"], found["thin_bits"]
        self._check()
        self._starts = list(accumulate((shard.entries for shard in index.shards), initial=0))
        self._mapped = functools.lru_cache(_MAPPED)(self._map)

    @classmethod
    def open(cls, folder: str | Path) -> MemoryBank:
        """Open the bank in ``folder``.

        The sizes of the files are compared with ``bank.json``; :func:`semsynth.check_bank` compares their checksums.

        Raises:
            SemsynthError: no bank, or a file is missing or damaged.
        """
        return cls(Path(folder), load_index(Path(folder)))

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        """What other processes get: memory maps would be sent as their content."""
        return MemoryBank.open, (self.folder,)

    def __len__(self) -> int:
        """n, the number of segments."""
        return len(self.class_ids)

    @property
    def classes(self) -> ClassSet:
        """Of the label maps."""
        return self.index.classes

    @property
    def rules(self) -> SegmentRules:
        """What counts as a segment, and the working size."""
        return self.index.rules

    @property
    def photos(self) -> list[str]:
        """Names of the photos."""
        return [photo.name for photo in self.index.photos]

    @property
    def order(self) -> tuple[int, ...]:
        """Ids of the classes from back to front."""
        return self.index.order

    @property
    def checksum(self) -> str:
        """SHA-256, hexadecimal, by which a model names its bank."""
        return self.index.checksum

    def of_class(self, class_id: int) -> slice:
        """Where the segments of a class lie."""
        start, end = np.searchsorted(self.class_ids, (class_id, class_id + 1)).tolist()
        return slice(start, end)

    def piece(self, number: int) -> Piece:
        """The segment ``number``; its colours are a read-only view of the file."""
        if not 0 <= number < len(self):
            raise IndexError(f"the bank has {len(self)} segments, there is no segment {number}")
        image, class_id = int(self.images[number]), int(self.class_ids[number])
        top, left, height, width = self.boxes[number].tolist()
        box = slice(top, top + height), slice(left, left + width)
        mask = masks.unpack(self.bits[number], self.rules.size)[box]
        row = int(self._thin_rows[number])
        thin_mask = mask if row < 0 else masks.unpack(self._thin_bits[row], self.rules.size)[box]
        return Piece(self.photo(image)[box], mask, thin_mask, self.labels(image)[box], top, left, class_id, image)

    def photo(self, image: int) -> NDArray[np.uint8]:
        """[H,W,3]: the photo ``image`` at the working size, a read-only view of the file."""
        self._check_image(image)
        number = bisect_right(self._starts, image) - 1
        photo: NDArray[np.uint8] = self._mapped(number)["colours"][image - self._starts[number]]
        return photo

    def labels(self, image: int) -> NDArray[np.uint16]:
        """[H,W]: class ids of the layout of photo ``image`` at the working size, ``VOID`` where there is none."""
        self._check_image(image)
        stored = self.layouts[image]
        void = VOID_8BIT if stored.dtype == np.uint8 else VOID
        return np.where(stored == void, np.uint16(VOID), stored).astype(np.uint16)

    def sources(self, numbers: Iterable[int]) -> list[BankPhoto]:
        """The photos whose pixels a picture of the segments ``numbers`` uses, each once; -1 stands for no segment."""
        images = sorted({int(self.images[number]) for number in numbers if number >= 0})
        return [self.index.photos[image] for image in images]

    def check_classes(self, classes: ClassSet) -> None:
        """Refuse layouts whose ids mean something else than the bank's.

        Raises:
            SemsynthError: with the first class that differs.
        """
        if classes.meanings == self.classes.meanings:
            return
        class_id, name = min(classes.meanings ^ self.classes.meanings)
        owner = "the layout's" if (class_id, name) in classes.meanings else "the bank's"
        raise SemsynthError(
            f"the bank {self.folder} has other classes ('{self.classes.name}') than the layout ('{classes.name}'): "
            f"only {owner} have {class_id} as '{name}'; build a bank of photos with the layout's classes"
        )

    def _check_image(self, image: int) -> None:
        if not 0 <= image < len(self.index.photos):
            raise IndexError(f"the bank has {len(self.index.photos)} photos, there is no photo {image}")

    def _map(self, number: int) -> dict[str, Array]:
        entry = self.index.shards[number]
        return map_tensors(self.folder / entry.file, photo_tensors(self.rules.size, entry.entries))

    def _check(self) -> None:
        """Refuse numbers that point outside of the bank."""
        height, width = self.rules.size
        top, left, rows, columns = self.boxes.astype(np.int64).T
        right = (
            (top >= 0) & (left >= 0) & (rows > 0) & (columns > 0) & (top + rows <= height) & (left + columns <= width)
        )
        right &= (self.images >= 0) & (self.images < len(self.index.photos)) & (self.areas > 0)
        right &= (self._thin_rows >= -1) & (self._thin_rows < len(self._thin_bits))
        right &= (self.class_ids >= 0) & (self.class_ids < VOID)
        ordered = bool((np.diff(self.class_ids) >= 0).all())
        if not (right.all() and ordered) or (self.classes.index_of_id[self.class_ids] == UNKNOWN).any():
            raise SemsynthError(f"{self.folder / SEGMENTS} is damaged: segments lie outside the bank: build it again")


def check_size(folder: Path, entry: BankFile) -> None:
    """Refuse a file that is missing or has not its size.

    Raises:
        SemsynthError: which one it is.
    """
    path = folder / entry.file
    if not path.is_file():
        raise SemsynthError(f"{path} is missing: restore it, or build the bank again")
    size = path.stat().st_size
    if size != entry.bytes:
        state = "truncated" if size < entry.bytes else "too long"
        raise SemsynthError(f"{path} is {state}: {size} bytes instead of {entry.bytes}: restore it, or build it again")
