"""The pictures of a study: matched by name, checked for their sizes, and written under names that tell nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.classes import ClassSet
from semsynth.data.listing import list_pictures
from semsynth.errors import SemsynthError
from semsynth.images import decode_image, picture_header, resize_image, save_png
from semsynth.layout import Layout
from semsynth.layout.maps import pixels

LAYOUT, DAMAGED = " layout", " damaged"
"""Stand beside the methods' names, which hold no blanks."""

_DIMMED = 0.35
"""What remains of the brightness around a highlighted region."""
_OUTLINE = np.array([255, 214, 0], np.uint8)
_BLOCKS = 6
"""A damaged picture is cut into so many rows and columns of blocks, which change places."""
_STRETCH = 0.02
"""Proportions that differ by less differ by rounding."""
_SHOWN = 5

Folders = Mapping[str, Mapping[str, Path]]
"""By method, by name."""


def match_pictures(folders: Mapping[str, Path], common: bool) -> tuple[tuple[str, ...], Folders, list[str]]:
    """List the folders' pictures and pair them by their names without suffix.

    Args:
        folders: per method, real photos or layouts, where they lie.
        common: leave out names that a folder lacks instead of refusing them.

    Returns:
        The names in natural order, the files, and one line per folder that lacks some.

    Raises:
        SemsynthError: a folder is missing or empty, or names do not match; the line lists them.
    """
    for method, folder in folders.items():
        if not folder.is_dir():
            raise SemsynthError(f"the folder of '{method}', {folder}, does not exist: check the path")
    files = {method: list_pictures(folder) for method, folder in folders.items()}
    every = list(dict.fromkeys(name for found in files.values() for name in found))
    lacking = {method: [name for name in every if name not in found] for method, found in files.items()}
    notes = [f"{folders[method]} lacks {_listed(names)}" for method, names in lacking.items() if names]
    names = tuple(name for name in every if all(name in found for found in files.values()))
    if notes and not (common and names):
        way_out = "add them, or leave them out with `common`" if names else "the folders have no name in common"
        raise SemsynthError(f"{'; '.join(notes)}: {way_out}")
    return names, files, notes


def check_sizes(names: Sequence[str], files: Folders) -> list[str]:
    """Compare the sizes of each name's pictures, of which only the headers are read.

    Args:
        names: matched names.
        files: as of :func:`match_pictures`; layouts may have other sizes.

    Returns:
        A note, where layouts have other proportions than their pictures: models of one size stretch them.

    Raises:
        SemsynthError: two sizes of one name, or an unreadable file.
    """
    stretched = []
    for name in names:
        sizes = {method: picture_header(found[name]).size for method, found in files.items()}
        layout = sizes.pop(LAYOUT, None)
        (first, expected), *others = sizes.items()
        for method, size in others:
            if size != expected:
                raise SemsynthError(
                    f"{files[method][name]} is {pixels(size)}, {files[first][name]} is {pixels(expected)}: "
                    "people would see which is which; scale all methods' pictures to one size"
                )
        if layout is not None and abs(layout[0] * expected[1] / (layout[1] * expected[0]) - 1) > _STRETCH:
            stretched.append(name)
    return [f"layouts are stretched to their pictures' proportions: {_listed(stretched)}"] if stretched else []


@dataclass
class PictureWriter:
    """Writes what is shown, each once, under an opaque name.

    Attributes:
        files: per method, and under :data:`LAYOUT`, the files by name.
        folder: where pictures are written.
        rng: draws names and damage.
        box: (height, width) into which pictures are scaled down or up, keeping their proportions; None: as they are.
        classes: of the label maps; None: layouts are shown as they are.
        region: id of the highlighted class; None: nothing is highlighted.
    """

    files: Folders
    folder: Path
    rng: np.random.Generator
    box: tuple[int, int] | None = None
    classes: ClassSet | None = None
    region: int | None = None
    size: tuple[int, int] = (0, 0)
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def request(self, method: str, image: str) -> str:
        """The opaque file name of a method's picture, of :data:`LAYOUT`, or of a :data:`DAMAGED` picture."""
        key = (method, image)
        if key not in self.names:
            self.names[key] = f"{self.rng.bytes(16).hex()}.png"
        return self.names[key]

    def write(self) -> None:
        """Write every requested picture; ``size`` is then the largest (height, width)."""
        for (method, image), name in self.names.items():
            shown = self._shown(method, image)
            self.size = (max(self.size[0], shown.shape[0]), max(self.size[1], shown.shape[1]))
            save_png(self.folder / name, shown)

    def _shown(self, method: str, image: str) -> NDArray[np.uint8]:
        """[H,W,3] uint8."""
        if method == LAYOUT:
            size = self._fitted(picture_header(next(iter(self.files.values()))[image]).size)
            path = self.files[LAYOUT][image]
            if self.classes is not None:
                return Layout.open(path, self.classes).resized(size).colors()
            drawn = Image.fromarray(decode_image(path))
            return np.asarray(drawn.resize((size[1], size[0]), Image.Resampling.NEAREST))
        source = method.removesuffix(DAMAGED)
        picture = decode_image(self.files[source][image])
        picture = resize_image(picture, self._fitted((picture.shape[0], picture.shape[1])))
        if source != method:
            return _damaged(picture, self.rng)
        if self.region is None:
            return picture
        return highlighted(picture, self._layout(image).resized((picture.shape[0], picture.shape[1])), self.region)

    def _layout(self, image: str) -> Layout:
        assert self.classes is not None  # planning refuses a region without classes
        return Layout.open(self.files[LAYOUT][image], self.classes)

    def _fitted(self, size: tuple[int, int]) -> tuple[int, int]:
        if self.box is None:
            return size
        factor = min(self.box[0] / size[0], self.box[1] / size[1])
        return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))

    def region_share(self, image: str) -> float:
        """Share of the layout that the region covers, 0..1."""
        return float((self._layout(image).labels == self.region).mean())


def highlighted(picture: NDArray[np.uint8], layout: Layout, class_id: int) -> NDArray[np.uint8]:
    """[H,W,3] uint8 with a class's region outlined and all else darker.

    pix2pixHD section 4.2 highlights "the car regions" without saying how.
    """
    region = layout.labels == class_id
    dark = (picture * _DIMMED).astype(np.uint8)
    shown = np.where(region[..., None], picture, dark)
    grown = region.copy()
    for axis in (0, 1):  # by two pixels in every direction, so that the outline lies outside
        grown |= np.any([_shifted(grown, axis, step) for step in (-2, -1, 1, 2)], axis=0)
    shown[grown & ~region] = _OUTLINE
    return shown


def _shifted(mask: NDArray[np.bool_], axis: int, step: int) -> NDArray[np.bool_]:
    moved = np.zeros_like(mask)
    source, target = [slice(None)] * 2, [slice(None)] * 2
    source[axis], target[axis] = (slice(-step), slice(step, None)) if step > 0 else (slice(-step, None), slice(step))
    moved[tuple(target)] = mask[tuple(source)]
    return moved


def _damaged(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture's blocks in another order: its colours and details, but no scene."""
    rows, columns = (n // _BLOCKS for n in picture.shape[:2])
    blocks = picture[: rows * _BLOCKS, : columns * _BLOCKS].reshape(_BLOCKS, rows, _BLOCKS, columns, 3)
    blocks = blocks.swapaxes(1, 2).reshape(-1, rows, columns, 3)  # [BLOCKS*BLOCKS,rows,columns,3]
    mixed = blocks[rng.permutation(len(blocks))].reshape(_BLOCKS, _BLOCKS, rows, columns, 3).swapaxes(1, 2)
    damaged = picture.copy()
    damaged[: rows * _BLOCKS, : columns * _BLOCKS] = mixed.reshape(rows * _BLOCKS, columns * _BLOCKS, 3)
    return damaged


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} of them: {', '.join(names[:_SHOWN])}{more}" if len(names) > 1 else names[0]
