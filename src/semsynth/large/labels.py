"""Label maps of any size: read a few rows at a time, and kept as the symbols that a network reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.data.progress import Progress, silent
from semsynth.errors import errors_of
from semsynth.files import write_atomically
from semsynth.images import STRIP_PIXELS, picture_header
from semsynth.large.png import png_size, png_strips
from semsynth.layout import Layout, LayoutBatch, LayoutEncoding, Size
from semsynth.layout.label_files import is_png
from semsynth.layout.maps import nearest_centres
from semsynth.layout.stored import SymbolFile


def map_size(path: Path) -> Size:
    """(height, width) of a label map, of any size.

    Raises:
        SemsynthError: it cannot be read, or is no picture.
    """
    return png_size(path) if is_png(path) else picture_header(path).size


def label_strips(path: Path, classes: ClassSet) -> Iterator[tuple[slice, NDArray[np.uint16]]]:
    """Read a label map from above to below: a PNG of any size in strips, other formats at once.

    Args:
        path: the file, as :meth:`semsynth.Layout.open` reads it.
        classes: what ids and colours mean.

    Yields:
        The rows, and their ids [h,W].

    Raises:
        SemsynthError: what is wrong with the file, or with the rows that have been reached.
    """
    if not is_png(path):
        layout = Layout.open(path, classes)
        yield slice(0, layout.size[0]), layout.labels
        return
    for rows, data in png_strips(path):
        yield rows, Layout.decode(data, classes, f"{path}, rows {rows.start} to {rows.stop}").labels


def store_symbols(
    path: Path, classes: ClassSet, encoding: LayoutEncoding, file: SymbolFile, progress: Progress = silent
) -> None:
    """Write a label map as :class:`SymbolFile`, atomically, resampled to its size as layouts are (nearest neighbour).

    Args:
        path: of the label map.
        classes: what its ids and colours mean.
        encoding: which symbols they become; it has no edges.
        file: what is written.
        progress: is told of the rows.

    Raises:
        SemsynthError: as :func:`label_strips`, or the file cannot be written.
    """
    rows, columns = (nearest_centres(n, m) for n, m in zip(map_size(path), file.size, strict=True))
    together = max(1, STRIP_PIXELS // file.size[1])

    def write(partial: Path) -> None:
        with partial.open("wb") as stored:
            for strip, labels in label_strips(path, classes):
                first, end = np.searchsorted(rows, [strip.start, strip.stop]).tolist()
                for start in range(first, end, together):
                    chosen = rows[start : min(start + together, end)] - strip.start
                    with errors_of(path):
                        part = Layout(labels[np.ix_(chosen, columns)], classes)
                        symbols = LayoutBatch.from_layouts([part], encoding).full.symbols[0].numpy()
                    stored.write(symbols.astype(file.kind).tobytes())
                progress(end, len(rows))

    write_atomically(file.path, write)
