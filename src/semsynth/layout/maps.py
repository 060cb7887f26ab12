"""Label maps as people hold them: what files, canvases and requests become."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.classes import UNKNOWN, ClassSet
from semsynth.errors import SemsynthError, errors_of
from semsynth.images import encode_png, read_image_bytes, save_png
from semsynth.layout.arrays import Pixels, as_array, described
from semsynth.layout.contradictions import unknown_ids
from semsynth.layout.label_files import (
    decode_instances,
    decode_labels,
    labels_of_pixels,
    stored_instances,
    stored_labels,
)
from semsynth.layout.legend import Legend

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True, eq=False, repr=False)
class Layout:
    """A label map.

    Attributes:
        labels: [H,W] uint16, class ids of ``classes``; ``VOID`` where there is no class.
        classes: what the ids mean.
        instances: [H,W] int32, equal within one object; None where objects are not told apart.
    """

    labels: NDArray[np.uint16]
    classes: ClassSet
    instances: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _integers(self.labels, "labels", np.uint16))
        if self.instances is not None:
            object.__setattr__(self, "instances", _integers(self.instances, "instances", np.int32))
        if self.labels.ndim != 2 or 0 in self.labels.shape:
            raise SemsynthError(f"a label map needs two axes (height, width), got shape {self.labels.shape}")
        unknown = (self.classes.index_of_id == UNKNOWN)[self.labels]
        if unknown.any():
            raise unknown_ids(self.labels[unknown], self.classes)
        if self.instances is not None and self.instances.shape != self.labels.shape:
            instances, labels = pixels(self.instances.shape), pixels(self.labels.shape)
            raise SemsynthError(f"the instance map is {instances}, the label map {labels}: they must be equal")

    @classmethod
    def open(
        cls, path: str | Path, classes: ClassSet | Legend | str | Path, instances: str | Path | None = None
    ) -> Self:
        """Read a label map, and the instance map beside it.

        Args:
            path: a PNG file: 8-bit ids (255 is void), 16-bit ids (65535 is void), palette indices that are ids, or RGB
                in exactly the class set's colours (black is void unless a class is black).
            classes: what ids and colours mean: a class set, or what :meth:`ClassSet.open` takes.
            instances: the instance map: 8- or 16-bit numbers, 32-bit numbers (TIFF), or RGB as in COCO panoptic.

        Raises:
            SemsynthError: unreadable, JPEG, ids or colours outside the class set, or maps of two sizes;
                one line that names the file.
        """
        opened = classes if isinstance(classes, ClassSet | Legend) else ClassSet.open(classes)
        layout = cls.decode(read_image_bytes(Path(path)), opened, str(path))
        if instances is None:
            return layout
        return layout.with_instances(read_image_bytes(Path(instances)), f"{instances} beside {path}")

    @classmethod
    def decode(cls, data: bytes, classes: ClassSet | Legend, source: str = "the label map") -> Self:
        """Read a label map from the bytes of a file.

        Args:
            data: a PNG file, as :meth:`open` reads.
            classes: what ids and colours mean.
            source: what error messages call the file.

        Raises:
            SemsynthError: as :meth:`open`.
        """
        legend = classes if isinstance(classes, Legend) else Legend(classes)
        labels = decode_labels(data, legend, source)
        with errors_of(source):
            return cls(labels, legend.classes)

    @classmethod
    def of_pixels(cls, pixels: Image.Image | Pixels, classes: ClassSet) -> Self:
        """Take the pixels of a label map, ids or colours, which mean what they mean in files.

        Args:
            pixels: a picture of mode L, P, I, I;16 or RGB; or [H,W] integers or [H,W,3] uint8 colours, as an array, a
                tensor or nested lists. In 8 bits, 255 is void; else 65535 is.
            classes: what ids and colours mean.

        Raises:
            SemsynthError: neither, or ids or colours outside the class set.
        """
        return cls(labels_of_pixels(pixels, Legend(classes)), classes)

    def with_instances(self, data: bytes, source: str = "the instance map") -> Self:
        """The same labels with the instance map in the bytes of a file.

        Args:
            data: a file, as :meth:`open` reads.
            source: what error messages call the file.

        Raises:
            SemsynthError: unreadable, or of another size.
        """
        instances = decode_instances(data, source)
        with errors_of(source):
            return replace(self, instances=instances)

    def save(self, path: str | Path, instances: str | Path | None = None) -> None:
        """Write the labels, and the instances where a path for them is given, so that :meth:`open` reads them again.

        Each file is written atomically.

        Args:
            path: a PNG of ids: 8 bit if the class set's ids fit (void is 255), else 16 bit (void is 65535).
            instances: a PNG of 16-bit numbers.

        Raises:
            SemsynthError: it cannot be written; there are no instances, or numbers that 16 bits cannot hold.
        """
        if instances is not None:
            self.save_instances(instances)  # the only one that can refuse what it is given
        save_png(Path(path), stored_labels(self.labels, self.classes))

    def save_instances(self, path: str | Path) -> None:
        """Write the instances alone; see :meth:`save`."""
        with errors_of(f"cannot write {path}"):
            if self.instances is None:
                raise SemsynthError("the layout has no instances")
            stored = stored_instances(self.instances)
        save_png(Path(path), stored)

    def __repr__(self) -> str:
        """Size and class set, on one line."""
        more = "" if self.instances is None else ", with instances"
        return f"Layout({pixels(self.size)}, class set {self.classes.name}{more})"

    def _repr_png_(self) -> bytes:
        """The picture that notebooks show: the map in its classes' colours."""
        return encode_png(self.colors())

    @property
    def size(self) -> Size:
        """(height, width)."""
        height, width = self.labels.shape
        return height, width

    def resized(self, size: Size) -> Layout:
        """Nearest-neighbour resampling to ``size``, with pixel centres aligned as Pillow does."""
        if size == self.size:
            return self
        rows, columns = (nearest_centres(n, m) for n, m in zip(self.size, size, strict=True))
        pick = np.ix_(rows, columns)
        return Layout(self.labels[pick], self.classes, None if self.instances is None else self.instances[pick])

    def colors(self) -> NDArray[np.uint8]:
        """[H,W,3] uint8: the map drawn in its classes' colours, void black."""
        return self.classes.palette[self.classes.index_of_id[self.labels]]


def _integers(values: Any, called: str, kind: type[np.uint16 | np.int32]) -> Any:
    """``values`` as an array of ``kind``.

    Raises:
        SemsynthError: no integers, or some that it cannot hold.
    """
    limits = np.iinfo(kind)
    accepted = f"{called} are [H,W] integers from {limits.min} to {limits.max}, as an array, a tensor or lists"
    array = as_array(values, accepted)
    if array.dtype == kind:
        return array
    if array.dtype.kind not in "iu" or (array.size and not limits.min <= array.min() <= array.max() <= limits.max):
        raise SemsynthError(f"{accepted}: got {described(values)}")
    return array.astype(kind)


def nearest_centres(n: int, m: int) -> NDArray[np.int64]:
    """[m]: source positions of Pillow's nearest resampling from n to m samples, its float rounding included."""
    steps = np.full(m, n / m)
    steps[0] /= 2
    return np.minimum(np.add.accumulate(steps).astype(np.int64), n - 1)


def pixels(size: tuple[int, ...]) -> str:
    """'WIDTHxHEIGHT', as image programs say it."""
    return f"{size[1]}x{size[0]}"
