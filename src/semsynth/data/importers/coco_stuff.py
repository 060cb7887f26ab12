"""COCO-Stuff: photos, pixel maps of the 182 ids, and instance maps where there are some.

Two arrangements are known: the downloads (``train2017``, ``stuffthingmaps_trainval2017/train2017``), and the folders
that SPADE's instructions build (``train_img``, ``train_label``, ``train_inst``). Instance maps exist only in the
second one, or as ``instances/train2017`` in the first.
"""

from __future__ import annotations

from pathlib import Path

from semsynth.classes import builtin
from semsynth.data.folder import list_pictures
from semsynth.data.importers.pairs import Pair, Place, import_pairs, link, matched
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError

SPLITS = ("train", "val")

_IMAGES = ("{0}_img", "{0}2017", "images/{0}2017")
_LABELS = ("{0}_label", "stuffthingmaps_trainval2017/{0}2017", "stuffthingmaps/{0}2017", "annotations/{0}2017")
_INSTANCES = ("{0}_inst", "instances/{0}2017")


def import_coco_stuff(source: Path, out: Path, *, place: Place = link, progress: Progress = silent) -> dict[str, int]:
    """Import COCO-Stuff with the class set ``coco_stuff``.

    Args:
        source: the folder that holds one of the arrangements.
        out: the dataset folder to make or to go on with.
        place: `link` or `copy`.
        progress: called once per pair.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: no arrangement was recognised, or files do not pair.
    """
    pairs: list[Pair] = []
    for split in SPLITS:
        images, labels, instances = (_first(source, split, names) for names in (_IMAGES, _LABELS, _INSTANCES))
        if labels is not None:
            if images is None:
                raise SemsynthError(
                    f"{source}: {labels.name} has no photos beside it; looked for {_listed(_IMAGES, split)}"
                )
            maps = None if instances is None else list_pictures(instances)
            pairs += matched(split, list_pictures(images), list_pictures(labels), maps, source)
    if not pairs:
        raise SemsynthError(
            f"{source} holds no pixel maps: looked for {_listed(_LABELS, 'train')} and the same for val"
        )
    return import_pairs(pairs, builtin("coco_stuff"), out, place=place, progress=progress)


def _first(source: Path, split: str, names: tuple[str, ...]) -> Path | None:
    folders = (source / name.format(split) for name in names)
    return next((folder for folder in folders if folder.is_dir()), None)


def _listed(names: tuple[str, ...], split: str) -> str:
    return ", ".join(name.format(split) for name in names)
