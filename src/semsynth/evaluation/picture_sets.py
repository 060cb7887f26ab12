"""A set of pictures, whatever holds them: a folder, a dataset folder or shards."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from semsynth.data.folder import CLASSES_FILE, holds_conditions
from semsynth.data.listing import list_pictures
from semsynth.data.sample import IMAGE, Samples
from semsynth.data.shards.store import is_shard_folder
from semsynth.data.source import LabelledSamples, is_address, open_source
from semsynth.errors import SemsynthError
from semsynth.evaluation.pictures import Picture
from semsynth.images import decode_image


class NamedPictures(Protocol):
    """Pictures by number."""

    names: tuple[str, ...]
    """Of the pictures."""

    def __len__(self) -> int:
        """Number of pictures."""

    def __getitem__(self, index: int, /) -> Picture:
        """One of them."""


class SamplePhotos:
    """The photos of a split."""

    def __init__(self, samples: LabelledSamples) -> None:
        """Wrap a split whose samples have photos."""
        self.names, self._samples = samples.names, samples

    def __len__(self) -> int:
        """Number of photos."""
        return len(self._samples)

    def __getitem__(self, index: int) -> Picture:
        """Read photo ``index``."""
        return _image(self._samples, index)


class PictureSet:
    """Pictures by number, in the order of their names."""

    def __init__(self, location: str | Path, limit: int | None = None) -> None:
        """List the pictures.

        Args:
            location: a folder of pictures; or a dataset folder, or shards, whose splits are taken one after the other.
            limit: take only the first.

        Raises:
            SemsynthError: there is no such folder, or it holds no pictures.
        """
        self.location = str(location)
        pictures = _of_dataset(location) if _is_dataset(location) else _of_folder(Path(location))
        chosen = list(pictures.items())[:limit]
        if not chosen:
            raise SemsynthError(f"{location} holds no pictures: give a folder of them, a dataset folder or shards")
        self.names = tuple(name for name, _ in chosen)
        """``SPLIT/NAME`` of pictures of a data set."""
        self._readers = [read for _, read in chosen]

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.names)

    def __getitem__(self, index: int) -> Picture:
        """Read picture ``index``.

        Raises:
            SemsynthError: a damaged file.
        """
        return self._readers[index]()


def _is_dataset(location: str | Path) -> bool:
    if is_address(location):
        return True
    folder = Path(location)
    return (folder / CLASSES_FILE).is_file() or is_shard_folder(folder) or holds_conditions(folder)


def _of_folder(folder: Path) -> dict[str, Callable[[], Picture]]:
    if not folder.is_dir():
        raise SemsynthError(f"there is no folder {folder}: give a folder of pictures, a dataset folder or shards")
    return {name: partial(decode_image, path) for name, path in list_pictures(folder).items()}


def _of_dataset(location: str | Path) -> dict[str, Callable[[], Picture]]:
    source = open_source(location)
    found: dict[str, Callable[[], Picture]] = {}
    for split in source.splits:
        if IMAGE in source.kinds(split):
            samples = source.open(split)
            found |= {f"{split}/{name}": partial(_image, samples, index) for index, name in enumerate(samples.names)}
    return found


def _image(samples: Samples, index: int) -> Picture:
    return samples[index].rgb
