"""Cityscapes as its download unpacks: ``leftImg8bit/SPLIT/CITY/...`` and ``gtFine/SPLIT/CITY/...``."""

from __future__ import annotations

from pathlib import Path

from semsynth.classes import builtin
from semsynth.data.importers.pairs import Listing, MissingSplits, Pair, matched
from semsynth.errors import SemsynthError

SPLITS = ("train", "val")
"""The label maps of ``test`` are blank in the download."""


def list_cityscapes(source: Path) -> Listing:
    """List photos, ``labelIds`` and ``instanceIds`` with the class set ``cityscapes``.

    Args:
        source: the folder that holds ``leftImg8bit`` and ``gtFine``.

    Raises:
        SemsynthError: a part of the tree is missing, or files do not pair.
    """
    pairs: list[Pair] = []
    missing = MissingSplits(source)
    for split in SPLITS:
        labels = _found(source / "gtFine" / split, "_gtFine_labelIds.png")
        photos = source / "leftImg8bit" / split
        if labels and not missing.lacks(split, photos, f"{photos}; leftImg8bit_trainvaltest.zip has them"):
            instances = _found(source / "gtFine" / split, "_gtFine_instanceIds.png")
            images = _found(photos, "_leftImg8bit.png")
            pairs += matched(split, images, labels, instances, source)
    notes = missing.notes(pairs)
    if not pairs:
        raise SemsynthError(
            f"{source} holds no gtFine/SPLIT/CITY/*_gtFine_labelIds.png for {' or '.join(SPLITS)}: "
            "give the folder that leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip of "
            "https://www.cityscapes-dataset.com/downloads were unpacked into"
        )
    return Listing(tuple(pairs), builtin("cityscapes"), notes)


def _found(folder: Path, ending: str) -> dict[str, Path]:
    """CITY_SEQUENCE_FRAME -> file, sorted."""
    return {path.name.removesuffix(ending): path for path in sorted(folder.glob(f"*/*{ending}"))}
