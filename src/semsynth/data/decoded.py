"""Samples decoded once into one file, which is read through memory: for trainings that wait for JPEG and PNG."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.config import Config, dump_config, load_config
from semsynth.data.progress import Progress, silent
from semsynth.data.sample import Sample, Samples
from semsynth.errors import SemsynthError
from semsynth.files import write_atomically
from semsynth.layout import Condition, ConditionPicture, Layout

INDEX, PIXELS = "decoded.json", "decoded.bin"


class Place(Config):
    """Where an array lies in the file, and what it is."""

    offset: int
    """Bytes before it."""
    shape: tuple[int, ...]
    dtype: str
    """NumPy's name."""

    @property
    def bytes(self) -> int:
        """Its length."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class DecodedSample(Config):
    """One sample; what it has not is None."""

    name: str
    image: Place | None = None
    """[H,W,3] uint8."""
    labels: Place | None = None
    """[H,W] uint16."""
    instances: Place | None = None
    """[H,W] int32."""
    picture: Place | None = None
    """[H,W,3] uint8: the condition where it is a picture."""


class DecodedIndex(Config):
    """``decoded.json``: written last, so that what it names is whole."""

    classes: ClassSet | None = None
    """Of the label maps; None where conditions are pictures."""
    samples: tuple[DecodedSample, ...]


def write_decoded(samples: Samples, folder: Path, progress: Progress = silent) -> None:
    """Decode all samples into ``folder``; nothing is done where that has happened.

    Args:
        samples: in their order.
        folder: made if missing.
        progress: called with (done, total).

    Raises:
        SemsynthError: a damaged sample, or the folder cannot be written.
    """
    if (folder / INDEX).is_file() and len(load_config(DecodedIndex, folder / INDEX).samples) == len(samples):
        return
    entries: list[DecodedSample] = []
    classes: list[ClassSet] = []

    def write(path: Path) -> None:
        with path.open("wb") as file:
            for number in range(len(samples)):
                sample = samples[number]
                places = {}
                for key, array in _arrays(sample).items():
                    places[key] = Place(offset=file.tell(), shape=array.shape, dtype=array.dtype.name)
                    file.write(np.ascontiguousarray(array).data)
                entries.append(DecodedSample(name=sample.name, **places))
                if not classes and isinstance(sample.condition, Layout):
                    classes.append(sample.condition.classes)
                progress(number + 1, len(samples))

    write_atomically(folder / PIXELS, write)
    dump_config(DecodedIndex(classes=classes[0] if classes else None, samples=tuple(entries)), folder / INDEX)


class DecodedSamples:
    """The samples that :func:`write_decoded` wrote. Processes that read one share its pages in memory."""

    def __init__(self, folder: Path) -> None:
        """Open them.

        Raises:
            SemsynthError: they are not there, or not whole.
        """
        self.folder = folder
        self.index = load_config(DecodedIndex, folder / INDEX)
        end = max((place.offset + place.bytes for one in self.index.samples for place in _places(one)), default=0)
        path = folder / PIXELS
        if not path.is_file() or path.stat().st_size != end:
            raise SemsynthError(f"{path} is not what {INDEX} beside it tells: remove {folder} to have it made again")

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.index.samples)

    def __getitem__(self, number: int) -> Sample:
        """One sample, its arrays copied out of the file."""
        entry = self.index.samples[number]
        image = None if entry.image is None else self._read(entry.image)
        return Sample(entry.name, self._condition(entry), image)

    def _condition(self, entry: DecodedSample) -> Condition:
        if entry.labels is None or self.index.classes is None:
            assert entry.picture is not None
            return ConditionPicture(self._read(entry.picture))
        instances = None if entry.instances is None else self._read(entry.instances)
        return Layout(self._read(entry.labels), self.index.classes, instances)

    def _read(self, place: Place) -> NDArray[Any]:
        return self._bytes[place.offset : place.offset + place.bytes].view(place.dtype).reshape(place.shape).copy()

    @functools.cached_property
    def _bytes(self) -> NDArray[np.uint8]:
        """The whole file; opened in each process on its own."""
        return np.memmap(self.folder / PIXELS, np.uint8, "r")

    def __reduce__(self) -> tuple[type[DecodedSamples], tuple[Path]]:
        """What other processes get: a memory map would be sent as its pixels."""
        return DecodedSamples, (self.folder,)


def _arrays(sample: Sample) -> dict[str, NDArray[np.generic]]:
    condition = sample.condition
    found: dict[str, NDArray[np.generic] | None] = {"image": sample.image}
    if isinstance(condition, ConditionPicture):
        found["picture"] = condition.pixels
    else:
        found |= {"labels": condition.labels, "instances": condition.instances}
    return {key: array for key, array in found.items() if array is not None}


def _places(sample: DecodedSample) -> list[Place]:
    places = (sample.image, sample.labels, sample.instances, sample.picture)
    return [place for place in places if place is not None]
