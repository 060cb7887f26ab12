"""A folder of photographs, with edge maps made of them as conditions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from semsynth.config import dump_config, load_config
from semsynth.data.edges import EdgeSettings, edge_map
from semsynth.data.folder import CLASSES_FILE, CONDITIONS, IMAGES
from semsynth.data.importers.record import ImportRecord, check_sources
from semsynth.data.placing import Place, in_parallel, link, once
from semsynth.data.progress import Progress, Tell, silent, tell_nobody
from semsynth.data.splitting import FoundPhoto, divided, first_of_splits
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
    tell: Tell = tell_nobody,
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
        tell: is told which samples are no longer in the source.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: no photographs, a damaged one, or a folder ``out`` of other data or with other edges.
    """
    found, by_name = divided(source, val_share)
    record = ImportRecord(out, settings.model_dump_json(), (CONDITIONS, IMAGES))
    check_sources(out, (photo.path for photo in found))
    every = record.kept_in_place(found, tell) if by_name else found
    _check_settings(out, settings)
    record.check_splits(every)
    photos = first_of_splits(every, limit)
    if not (out / SETTINGS_FILE).exists():
        dump_config(settings, out / SETTINGS_FILE)

    def bring(photo: FoundPhoto) -> None:
        folder = out / photo.split
        if not record.is_current(photo, [photo.path]):
            record.remove(photo)
        once(photo.path, folder / CONDITIONS / f"{photo.name}.png", draw)  # first: it fails where a photo is damaged
        once(photo.path, folder / IMAGES / (photo.name + photo.path.suffix.lower()), place)
        record.add(photo, [photo.path])

    def draw(path: Path, target: Path) -> None:
        save_png(target, edge_map(decode_image(path), settings))

    in_parallel(bring, photos, progress)
    if note := record.gone(every):
        tell(note)
    return dict(Counter(photo.split for photo in photos))


def _check_settings(out: Path, settings: EdgeSettings) -> None:
    """Make sure that ``out`` is new, or an import of the same kind that goes on."""
    if (out / CLASSES_FILE).exists():
        raise SemsynthError(f"{out} holds a dataset with label maps: choose a new folder")
    path = out / SETTINGS_FILE
    if path.exists() and load_config(EdgeSettings, path) != settings:
        raise SemsynthError(f"{path} tells of edges found in another way: give the same options or a new folder")
