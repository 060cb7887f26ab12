"""Any data set of the Hugging Face library ``datasets`` that has a column of photos and one of label maps.

Photos keep their bytes if they are JPEG or PNG. A sample's name is its number within its split.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from semsynth.classes import ClassSet
from semsynth.data.importers.pairs import Listing, Pair
from semsynth.data.splitting import split_named
from semsynth.errors import SemsynthError
from semsynth.extras import require
from semsynth.images import read_image_bytes
from semsynth.layout import Layout
from semsynth.layout.legend import Holds, Legend

if TYPE_CHECKING:
    from datasets import Dataset

_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")


class ImageRows:
    """Rows of two picture columns; read by one thread at a time."""

    def __init__(self, rows: Dataset, source: str) -> None:
        """``source`` is what messages call the rows."""
        self.rows, self.source = rows, source
        self._lock = Lock()

    def read(self, column: str, index: int) -> bytes:
        """The picture file in a row.

        Raises:
            SemsynthError: there is none.
        """
        with self._lock:
            picture = self.rows[index][column] or {}
        if picture.get("bytes"):
            return bytes(picture["bytes"])
        if picture.get("path"):
            return read_image_bytes(Path(picture["path"]))
        raise SemsynthError(f"{self.source}, row {index}: '{column}' is empty; filter such rows out")


def list_huggingface(
    source: str,
    classes: ClassSet,
    *,
    config: str | None = None,
    splits: Sequence[str] = (),
    image_column: str = "image",
    mask_column: str | None = None,
    void: int | str | Iterable[int | str] | None = None,
    meaning: Iterable[str] = (),
    holds: Holds | None = None,
) -> Listing:
    """List the pairs of a data set, downloading it if it is not there.

    Args:
        source: a folder (of Parquet files, or written by ``save_to_disk``), or ``user/name`` on the Hub.
        classes: what ids or colours of the label maps mean.
        config: the data set's configuration, if it has several.
        splits: those of the data set to take; all if it is empty.
        image_column: the photos'.
        mask_column: the label maps'; default the only other column of pictures.
        void: numbers and colours of the label maps that mean "no class", besides 255 (8 bit) and 65535 (16 bit).
        meaning: what other numbers and colours mean, as :meth:`Legend.said` reads it.
        holds: what label maps hold that could hold ids or colours.

    Raises:
        SemsynthError: `datasets` is not installed, the data set cannot be loaded, or it has no such columns.
    """
    legend = Legend.said(classes, holds, meaning, void)
    loaded = _load(source, config)
    unknown = [name for name in splits if name not in loaded]
    if unknown:
        raise SemsynthError(f"{source} has no split '{unknown[0]}': it has {', '.join(loaded)}")
    pairs: list[Pair] = []
    for name in splits or loaded:
        rows, split = loaded[name], split_named(name)
        mask = _mask_column(rows, image_column, mask_column, source)
        files = ImageRows(_undecoded(rows, (image_column, mask)), f"{source}, {name}")
        pairs += [
            Pair(
                split,
                f"{index:06d}",
                partial(files.read, image_column, index),
                partial(_read, files, mask, index, legend),
                stored=tuple(partial(files.read, column, index) for column in (image_column, mask)),
            )
            for index in range(len(rows))
        ]
    return Listing(tuple(pairs), classes)


def _load(source: str, config: str | None) -> Mapping[str, Dataset]:
    """Split -> rows."""
    require("huggingface", "a Hugging Face dataset", "datasets")
    import datasets

    folder = Path(source)
    if not folder.exists() and not _HUB_NAME.fullmatch(source):
        raise SemsynthError(f"there is no folder {source}: check the path, or name a data set of the Hub as user/name")
    with _quiet(datasets):
        try:
            if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
                loaded: Any = datasets.load_from_disk(source)
            else:
                loaded = datasets.load_dataset(source, config)
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            reason = " ".join(str(error).split())
            raise SemsynthError(f"cannot load the data set {source}: {reason}; check the name or folder") from error
    return dict(loaded) if isinstance(loaded, dict) else {"train": loaded}


@contextmanager
def _quiet(datasets: Any) -> Iterator[None]:
    """Without the library's own progress bars."""
    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _mask_column(rows: Dataset, image: str, mask: str | None, source: str) -> str:
    """The label maps' column.

    Raises:
        SemsynthError: it, or the photos' column, is not there or holds no pictures.
    """
    from datasets import Image

    pictures = [name for name, feature in rows.features.items() if isinstance(feature, Image)]
    others = [name for name in pictures if name != image]
    for name, option in ((image, "image_column"), (mask, "mask_column")):
        if name is not None and name not in pictures:
            raise SemsynthError(
                f"{source} has no column of pictures '{name}' (it has {', '.join(pictures) or 'none'}): "
                f"name it with `{option}`"
            )
    if mask is None and len(others) != 1:
        raise SemsynthError(
            f"{source}: which column holds the label maps? It has {', '.join(others) or 'no other pictures'}: "
            "name it with `mask_column`"
        )
    return mask or others[0]


def _undecoded(rows: Dataset, columns: tuple[str, str]) -> Dataset:
    """The same rows with the files' bytes instead of pictures."""
    from datasets import Image

    for column in columns:
        rows = rows.cast_column(column, Image(decode=False))
    return rows.select_columns(list(columns))


def _read(files: ImageRows, column: str, index: int, legend: Legend) -> Layout:
    return Layout.decode(files.read(column, index), legend, f"{files.source}, row {index}, {column}")
