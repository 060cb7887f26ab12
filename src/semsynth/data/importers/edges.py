"""A folder of photographs, with edge maps made of them as conditions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from semsynth.config import dump_config, load_config
from semsynth.data.edges import EdgeSettings, edge_map
from semsynth.data.folder import CLASSES_FILE, CONDITIONS, IMAGES
from semsynth.data.placing import Place, in_parallel, link, once
from semsynth.data.progress import Progress, silent
from semsynth.data.splitting import SPLITS, FoundPhoto, divided, first_of_splits
from semsynth.errors import SemsynthError
from semsynth.images import decode_image, save_png

SETTINGS_FILE = "edges.json"
"""Beside the splits: how the edges were found."""


def import_edges(
    source: Path,
    out: Path,
    settings: EdgeSettings,
    *,
    val_share: float | None = None,
    place: Place = link,
    limit: int | None = None,
    progress: Progress = silent,
) -> dict[str, int]:
    """Import the photographs in ``SOURCE``, or in ``SOURCE/train``, ``val`` and ``test``, and draw their edges.

    Args:
        source: the photographs; in a divided one they may also lie in ``SPLIT/images``.
        out: the dataset folder to make or to go on with.
        settings: how edges are found.
        val_share: how many of an undivided source go to ``val``, about, 0 to 1; None: a tenth. The names decide which.
        place: `link` or `copy`.
        limit: at most so many photographs of every split, the first ones; None: all.
        progress: called once per photograph.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: no photographs, a damaged one, or a folder ``out`` of other data or with other edges.
    """
    photos = first_of_splits(divided(source, val_share), limit)
    _check_out(out, settings, photos)
    if not (out / SETTINGS_FILE).exists():
        dump_config(settings, out / SETTINGS_FILE)

    def bring(photo: FoundPhoto) -> None:
        folder = out / photo.split
        once(photo.path, folder / CONDITIONS / f"{photo.name}.png", draw)  # first: it fails where a photo is damaged
        once(photo.path, folder / IMAGES / (photo.name + photo.path.suffix.lower()), place)

    def draw(path: Path, target: Path) -> None:
        save_png(target, edge_map(decode_image(path), settings))

    in_parallel(bring, photos, progress)
    return dict(Counter(photo.split for photo in photos))


def _check_out(out: Path, settings: EdgeSettings, photos: Iterable[FoundPhoto]) -> None:
    """Make sure that ``out`` is new, or an import of the same kind that goes on."""
    if (out / CLASSES_FILE).exists():
        raise SemsynthError(f"{out} holds a dataset with label maps: choose a new folder")
    path = out / SETTINGS_FILE
    if path.exists() and load_config(EdgeSettings, path) != settings:
        raise SemsynthError(f"{path} tells of edges found in another way: give the same options or a new folder")
    here: Mapping[str, set[str]] = {
        split: {file.stem for file in (out / split / CONDITIONS).glob("*.png")} for split in SPLITS
    }
    for photo in photos:
        for split in SPLITS:
            if split != photo.split and photo.name in here[split]:
                raise SemsynthError(
                    f"{out / split} has '{photo.name}' already, which goes to {photo.split} now, because the "
                    "photographs or their division have changed: choose a new folder"
                )
