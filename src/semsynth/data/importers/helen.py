"""Helen face parsing (Smith et al., CVPR 2013): photos, and for each a folder of 11 probability maps.

``labels/NAME/NAME_lblNN.png`` is the probability of label NN, 0..255; a pixel gets the most probable one, the first of
equals, and none where all are 0. pix2pixHD trains on 2,000 pictures and tests on 330 (appendix A): these are the lists
``exemplars.txt``, and ``tuning.txt`` with ``testing.txt``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from semsynth.classes import VOID, builtin
from semsynth.data.importers.pairs import Listing, Pair
from semsynth.data.listing import list_pictures
from semsynth.data.source_files import few, read_lines, required
from semsynth.errors import SemsynthError
from semsynth.images import open_image, read_image_bytes
from semsynth.layout import Layout, pixels

LISTS = {"train": ("exemplars.txt",), "val": ("tuning.txt", "testing.txt")}
"""Split -> the lists of the download."""

_PAGE = "https://pages.cs.wisc.edu/~lizhang/projects/face-parsing"


def list_helen(source: Path) -> Listing:
    """List Helen with the class set ``helen``.

    Args:
        source: the folder that SmithCVPR2013_dataset_resized.zip (or _original) was unpacked into, or the one inside.

    Raises:
        SemsynthError: lists, photos or label folders are missing, or a label folder does not hold 11 maps.
    """
    inside = (source / name for name in ("SmithCVPR2013_dataset_resized", "SmithCVPR2013_dataset_original"))
    root = next((path for path in inside if path.is_dir()), source)
    origin = f"it comes with SmithCVPR2013_dataset_resized.zip of {_PAGE}"
    images = list_pictures(required(root / "images", origin))
    pairs = []
    for split, lists in LISTS.items():
        names = [name for file in lists for name in _names(required(root / file, origin))]
        missing = [name for name in names if name not in images]
        if missing:
            raise SemsynthError(
                f"{root / 'images'} lacks {len(missing)} listed photos: {few(missing)}; unpack it again"
            )
        for name in names:
            maps = _maps(required(root / "labels" / name, origin), name)
            pairs.append(Pair(split, name, images[name], partial(_read, maps), sources=tuple(maps)))
    return Listing(tuple(pairs), builtin("helen"))


def _names(path: Path) -> list[str]:
    """Of lines such as ``1 , 100032540_1``."""
    return [line.rpartition(",")[2].strip() for line in read_lines(path)]


def _maps(folder: Path, name: str) -> list[Path]:
    """The maps of all labels, in their order."""
    numbers = [int(number) for number in builtin("helen").ids]
    expected = [folder / f"{name}_lbl{number:02d}.png" for number in numbers]
    found = set(folder.glob("*_lbl*.png"))
    wrong = sorted(path.name for path in found.symmetric_difference(expected))
    if wrong:
        raise SemsynthError(f"{folder} does not hold the labels 00 to {numbers[-1]}: {few(wrong)} missing or unknown")
    return expected


def _read(maps: list[Path]) -> Layout:
    classes = builtin("helen")
    shares = [np.asarray(open_image(read_image_bytes(path), str(path)).convert("L")) for path in maps]
    sizes = {share.shape for share in shares}
    if len(sizes) > 1:
        raise SemsynthError(f"{maps[0].parent}: the maps have the sizes {', '.join(map(pixels, sorted(sizes)))}")
    stacked = np.stack(shares)  # [labels,H,W]
    labels = np.where(stacked.any(0), classes.ids[stacked.argmax(0)], np.uint16(VOID))
    return Layout(labels, classes)
