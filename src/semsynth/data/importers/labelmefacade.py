"""LabelMeFacade: photos, colour-coded label maps, and the lists ``train.txt`` (100) and ``test.txt`` (845)."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from semsynth.classes import builtin
from semsynth.data.importers.pairs import Listing, Pair, matched
from semsynth.data.listing import list_pictures
from semsynth.data.source_files import few, read_lines, required
from semsynth.errors import SemsynthError

LISTS = {"train": "train.txt", "val": "test.txt"}


def list_labelmefacade(source: Path) -> Listing:
    """List LabelMeFacade with the class set ``labelmefacade``; "various" (black) is void.

    Args:
        source: the repository, with ``images``, ``labels`` and the two lists.

    Raises:
        SemsynthError: a part is missing, or a listed picture.
    """
    origin = "it comes with https://github.com/cvjena/labelmefacade"
    images = list_pictures(required(source / "images", origin))
    labels = list_pictures(required(source / "labels", origin))
    pairs: list[Pair] = []
    for split, name in LISTS.items():
        stems = [PurePosixPath(line).stem for line in read_lines(required(source / name, origin))]
        for files, folder in ((images, "images"), (labels, "labels")):
            missing = [stem for stem in stems if stem not in files]
            if missing:
                raise SemsynthError(
                    f"{source / name} lists {len(missing)} pictures that are not in {folder}/: {few(missing)}; {origin}"
                )
        pairs += matched(split, {s: images[s] for s in stems}, {s: labels[s] for s in stems}, None, source)
    return Listing(tuple(pairs), builtin("labelmefacade"))
