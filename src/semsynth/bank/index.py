"""``bank.json``: what a bank was made of, and the checksums of its files.

A bank is a folder: ``bank.json``; ``photos-00000.safetensors`` and so on with the photos at the working size;
``segments.safetensors`` with all that a search reads: the segments, sorted by class and, within a class, by photo, and
the label maps. A segment's crops of colours and labels are views of its photo's: segments of one photo overlap in their
boxes, and so every pixel is stored once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from semsynth.bank import masks
from semsynth.bank.segments import SegmentRules
from semsynth.bank.tensors import Expected
from semsynth.classes import ClassSet
from semsynth.config import Config, validated
from semsynth.data.fingerprint import DataFingerprint
from semsynth.documents import read_json
from semsynth.errors import SemsynthError, shortened
from semsynth.layout import Size

FORMAT = 1
INDEX, SEGMENTS = "bank.json", "segments.safetensors"
_LONGEST_INDEX = 2**28
"""Bytes: names of a million photos."""


class Credit(Config):
    """Whose photo it is, for people."""

    source: str = ""
    """Where it comes from; empty where that is not known."""
    licence: str = ""
    """Empty where it is not known."""


class BankPhoto(Config):
    """A photo whose pixels are in the bank."""

    name: str
    """Of the sample in its dataset."""
    credit: Credit = Credit()
    sha256: dict[str, str] = Field(default_factory=dict)
    """Kind (``image``, ``label``, ``instance``) -> checksum of the file; empty for data that came in shards."""


class BankFile(Config):
    """A file of the bank."""

    file: str = Field(pattern=r"^[A-Za-z0-9_-]{1,100}\.safetensors$")
    """Its name in the folder."""
    entries: int = Field(ge=0, le=2**40)
    """How many photos or segments it holds."""
    bytes: int = Field(ge=1, le=2**50)
    """Its size."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Its checksum."""


class BankIndex(Config):
    """``bank.json``."""

    format: int = Field(FORMAT, ge=1, le=FORMAT)
    """Version of the bank's files."""
    classes: ClassSet
    """Of the label maps."""
    rules: SegmentRules
    """What counts as a segment."""
    instances: bool
    """Whether segments are objects of instance maps."""
    data: str
    """The dataset's folder or address."""
    split: str
    """For example ``train``."""
    fingerprint: DataFingerprint | str | None
    """Of the dataset when the bank was built."""
    order: tuple[int, ...]
    """Ids of the classes from back to front."""
    photos: tuple[BankPhoto, ...]
    """In the order of the dataset."""
    shards: tuple[BankFile, ...]
    """Files with photos, in their order."""
    segments: BankFile
    """The file with the segments."""
    thin_masks: int = Field(ge=0)
    """How many segments have pixels of thin classes."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(shard.entries for shard in self.shards) != len(self.photos):
            raise ValueError("the shards do not hold as many photos as are listed")
        if sorted(self.order) != sorted(item.id for item in self.classes.classes):
            raise ValueError("the order is not one of the classes")
        if self.thin_masks > self.segments.entries:
            raise ValueError("there are more thin masks than segments")
        return self

    @property
    def files(self) -> tuple[BankFile, ...]:
        """All files but ``bank.json``."""
        return *self.shards, self.segments

    @property
    def checksum(self) -> str:
        """SHA-256, hexadecimal, of rules, classes and the files' checksums: by it a model names its bank."""
        parts = [self.rules.model_dump_json(), self.classes.model_dump_json(), *(one.sha256 for one in self.files)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def load_index(folder: Path) -> BankIndex:
    """Read ``bank.json``.

    Raises:
        SemsynthError: ``folder`` is not a bank, or the file is damaged.
    """
    if not (folder / INDEX).is_file():
        raise SemsynthError(f"{folder} is not a memory bank: it has no {INDEX} ('semsynth bank build' makes banks)")
    return validated(BankIndex, read_json(folder / INDEX, _LONGEST_INDEX), str(folder / INDEX))


def segment_tensors(size: Size, classes: ClassSet, *, photos: int, segments: int, thin_masks: int) -> Expected:
    """Tensors of a file of segments.

    Args:
        size: (height, width) of the working frame.
        classes: of the label maps.
        photos: how many there are.
        segments: how many there are.
        thin_masks: how many segments have pixels of thin classes.
    """
    rows, columns = masks.grid(size)
    words, coarse = masks.words_of(size[0] * size[1]), masks.words_of(rows * columns)
    return {
        "class_ids": (np.int32, (segments,)),
        "images": (np.int32, (segments,)),
        "boxes": (np.int32, (segments, 4)),
        "areas": (np.int64, (segments,)),
        "context_areas": (np.int64, (segments,)),
        "coarse": (np.uint64, (segments, coarse)),
        "bits": (np.uint64, (segments, words)),
        "thin_rows": (np.int32, (segments,)),
        "thin_bits": (np.uint64, (thin_masks, words)),
        "layouts": (np.uint8 if classes.fits_8bit else np.uint16, (photos, *size)),
    }


def photo_tensors(size: Size, count: int) -> Expected:
    """Tensors of a file of ``count`` photos of ``size``."""
    return {"colours": (np.uint8, (count, *size, 3))}


def read_credits(path: Path) -> dict[str, Credit]:
    """Read the credits of photos: JSON such as ``{"0001": {"source": "https://...", "licence": "CC BY 4.0"}}``.

    Raises:
        SemsynthError: the file cannot be read, or is of another form.
    """
    values = read_json(path, _LONGEST_INDEX)
    if not isinstance(values, dict):
        raise SemsynthError(f'{path} is not a list of credits: expected {{"NAME": {{"source": ..., "licence": ...}}}}')
    return {name: validated(Credit, value, f"{path}, '{shortened(name)}'") for name, value in values.items()}
