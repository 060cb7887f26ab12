"""CMP facades: ``base`` and ``extended``, each with photos, palette label maps of 1..12 and XML files of the same name.

The database has no division: numbers that end in 0 become ``val``, about a tenth. The XML files (overlapping
rectangles, of which the label maps are painted) are not read.
"""

from __future__ import annotations

import re
from pathlib import Path

from semsynth.classes import VOID, builtin
from semsynth.data.importers.ids import read_official
from semsynth.data.importers.pairs import Listing, Pair, matched_splits
from semsynth.errors import SemsynthError
from semsynth.layout import Layout

PARTS = {"base": "cmp_b", "extended": "cmp_x"}
"""Folder -> how its files' names begin."""


def list_cmp_facades(source: Path) -> Listing:
    """List CMP facades with the class set ``cmp_facades``, whose ids are the files' less one.

    Args:
        source: the folder that CMP_facade_DB_base.zip, CMP_facade_DB_extended.zip or both were unpacked into.

    Raises:
        SemsynthError: neither part is there, or files do not pair.
    """
    pairs: list[Pair] = []
    for part, start in PARTS.items():
        images, labels = (_found(source / part, f"{start}*{suffix}") for suffix in (".jpg", ".png"))
        split_of = {name: _split(name) for name in images | labels}
        pairs += matched_splits(split_of, ("train", "val"), images, labels, source / part, _read)
    if not pairs:
        raise SemsynthError(
            f"{source} holds neither base/cmp_b*.png nor extended/cmp_x*.png: give the folder that "
            "CMP_facade_DB_base.zip of https://cmp.felk.cvut.cz/~tylecr1/facade was unpacked into"
        )
    return Listing(tuple(pairs), builtin("cmp_facades"))


def _found(folder: Path, pattern: str) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob(pattern))}


def _split(name: str) -> str:
    digits = re.findall(r"\d+", name)
    return "val" if digits and int(digits[-1]) % 10 == 0 else "train"


def _read(path: Path) -> Layout:
    """0 stands in no file of the database known to us; it would be a pixel without annotation."""
    classes = builtin("cmp_facades")
    meaning = {0: VOID} | {int(number) + 1: int(number) for number in classes.ids}
    return read_official(path, classes, meaning)
