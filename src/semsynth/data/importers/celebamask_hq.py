"""CelebAMask-HQ: photos of 1024x1024, and for each up to 18 masks of 512x512, one per part of the face.

The masks are painted in the order of the data set's ``g_mask.py``, later parts over earlier ones; the rest is
background. Label maps are made as large as the photos, which doubles every pixel.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import builtin
from semsynth.data.importers.pairs import Listing, Pair
from semsynth.data.listing import list_pictures
from semsynth.data.source_files import few, read_lines, required
from semsynth.errors import SemsynthError
from semsynth.images import decode_image, open_image, read_image_bytes
from semsynth.layout import Layout, pixels

IMAGES, MASKS = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno"
MAPPING_FILE = "CelebA-HQ-to-CelebA-mapping.txt"
PARTS = (
    *("skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip", "l_lip"),
    *("hair", "hat", "ear_r", "neck_l", "neck", "cloth"),
)
"""The masks' names; the first has class 1."""
FIRST_OF_VAL, FIRST_OF_TEST = 162_771, 182_638
"""``orig_idx`` of the mapping file from which on pictures belong to ``val`` and ``test`` (``g_partition.py``)."""

_SPLIT_NAMES = {"0": "train", "1": "val", "2": "test"}
_PAGE = "https://github.com/switchablenorms/CelebAMask-HQ"


def list_celebamask_hq(source: Path, partition: Path | None = None) -> Listing:
    """List CelebAMask-HQ with the class set ``celebamask_hq``.

    Args:
        source: the folder that CelebAMask-HQ.zip was unpacked into, or ``CelebAMask-HQ`` in it.
        partition: CelebA's ``list_eval_partition.txt``; default the limits of the data set's ``g_partition.py``.

    Raises:
        SemsynthError: a part of the download is missing, or a mask or photo has no partner.
    """
    root = source / "CelebAMask-HQ" if (source / "CelebAMask-HQ").is_dir() else source
    origin = f"it comes with CelebAMask-HQ.zip of {_PAGE}"
    images = list_pictures(required(root / IMAGES, origin))
    masks = _masks(required(root / MASKS, origin))
    split_of = _splits(required(root / MAPPING_FILE, origin), partition)
    without = [name for name in images if name not in masks]
    extra = [name for name in masks if name not in images]
    unsaid = [name for name in images if name not in split_of]
    for names, problem in (
        (without, f"photos have no masks in {MASKS}"),
        (extra, f"pictures have masks but no photo in {IMAGES}"),
        (unsaid, f"photos are not in {MAPPING_FILE}"),
    ):
        if names:
            raise SemsynthError(f"{root}: {len(names)} {problem}: {few(names)}; unpack the data set again")
    order = {split: place for place, split in enumerate(_SPLIT_NAMES.values())}
    pairs = [
        Pair(split_of[name], name, path, partial(_read, path, masks[name]), sources=tuple(masks[name].values()))
        for name, path in images.items()
    ]
    return Listing(tuple(sorted(pairs, key=lambda pair: order[pair.split])), builtin("celebamask_hq"))


def _masks(folder: Path) -> dict[str, dict[int, Path]]:
    """Name of a photo (``0``) -> class -> mask, of ``0/00000_hair.png`` and the like."""
    number_of = {part: number for number, part in enumerate(PARTS, 1)}
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.glob("*/*.png")):
        name, _, part = path.stem.partition("_")
        if not name.isdecimal() or part not in number_of:
            raise SemsynthError(f"{path} is a mask of no known part: expected NNNNN_PART.png with {', '.join(PARTS)}")
        found.setdefault(str(int(name)), {})[number_of[part]] = path
    return found


def _splits(mapping: Path, partition: Path | None) -> dict[str, str]:
    """Name of a photo -> split."""
    rows = [line.split() for line in read_lines(mapping)][1:]
    if not rows or any(len(row) != 3 or not row[1].isdecimal() for row in rows):
        raise SemsynthError(f"{mapping} does not hold the columns idx, orig_idx and orig_file: restore it")
    if partition is None:
        return {name: _split(int(original)) for name, original, _ in rows}
    origin = "it is a part of CelebA, https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
    said = dict(line.split()[:2] for line in read_lines(required(partition, origin)) if len(line.split()) > 1)
    unknown = [file for _, _, file in rows if said.get(file) not in _SPLIT_NAMES]
    if unknown:
        raise SemsynthError(
            f"{partition} does not tell the split of {len(unknown)} pictures: {few(unknown)}; restore it"
        )
    return {name: _SPLIT_NAMES[said[file]] for name, _, file in rows}


def _split(original: int) -> str:
    if original >= FIRST_OF_TEST:
        return "test"
    return "val" if original >= FIRST_OF_VAL else "train"


def _read(photo: Path, masks: dict[int, Path]) -> Layout:
    height, width = decode_image(photo).shape[:2]
    painted: NDArray[np.uint16] | None = None
    for number in sorted(masks):
        path = masks[number]
        mask = np.asarray(open_image(read_image_bytes(path), str(path)).convert("L")) > 0
        if painted is None:
            painted = np.zeros(mask.shape, np.uint16)
        if mask.shape != painted.shape:
            raise SemsynthError(
                f"{path} is {pixels(mask.shape)}, the masks before it {pixels(painted.shape)}: restore it"
            )
        painted[mask] = number
    assert painted is not None  # pictures without masks are not listed
    return Layout(painted, builtin("celebamask_hq")).resized((height, width))
