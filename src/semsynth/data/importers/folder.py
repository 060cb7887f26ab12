"""Any folder of photos and label maps: ids or colours, one split or several, names with a beginning or end."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from semsynth.classes import ClassSet
from semsynth.data.folder import IMAGES, INSTANCES, LABELS
from semsynth.data.importers.pairs import Listing, Pair, matched
from semsynth.data.listing import counted, examples, is_clutter, list_pictures, pairing_problems
from semsynth.data.splitting import SPLITS, names_for_val, split_named
from semsynth.errors import SemsynthError
from semsynth.files import explained
from semsynth.layout import Layout
from semsynth.layout.contradictions import PaletteError
from semsynth.layout.legend import Holds, Legend


@dataclass(frozen=True)
class Folders:
    """Where the files of one split lie."""

    photos: Path
    maps: Path
    instances: Path
    """May be missing."""


@dataclass(frozen=True)
class Arrangement:
    """Where a source's photos and label maps lie, and how their files are named.

    Attributes:
        images: name of the folders of photos.
        labels: name of the folders of label maps.
        photo_prefix: how names of photos begin before the name of the sample.
        photo_suffix: how they end after it, before the file's own suffix.
        label_prefix: the same of label maps.
        label_suffix: the same of label maps.
        skip_unpaired: whether label maps without a photo are left out instead of refused.
    """

    images: str = IMAGES
    labels: str = LABELS
    photo_prefix: str = ""
    photo_suffix: str = ""
    label_prefix: str = ""
    label_suffix: str = ""
    skip_unpaired: bool = False

    def photos_in(self, folder: Path) -> dict[str, Path]:
        """Photos by the names of their samples.

        Raises:
            SemsynthError: there are none.
        """
        return _stripped(list_pictures(folder, nested=True), self.photo_prefix, self.photo_suffix, folder)

    def maps_in(self, folder: Path) -> dict[str, Path]:
        """Label maps by the names of their samples.

        Raises:
            SemsynthError: there are none.
        """
        return _stripped(list_pictures(folder, nested=True), self.label_prefix, self.label_suffix, folder)

    def folders(self, source: Path, split: str) -> Iterator[tuple[str, Folders]]:
        """The folders of every split; ``split`` where the source is not divided.

        Raises:
            SemsynthError: there are none.
        """
        kinds = self.images, self.labels, INSTANCES
        if (source / self.labels).is_dir():
            inside = [name for name in _folders_in(source / self.labels) if split_named(name) in SPLITS]
            for name in inside:
                yield split_named(name), Folders(*(source / kind / name for kind in kinds))
            if not inside:
                yield split, Folders(*(source / kind for kind in kinds))
            return
        divided = [name for name in _folders_in(source) if (source / name / self.labels).is_dir()]
        for name in divided:
            yield split_named(name), Folders(*(source / name / kind for kind in kinds))
        if not divided:
            raise SemsynthError(
                f"{source} has neither {self.labels}/ nor SPLIT/{self.labels}/, but "
                f"{examples(_folders_in(source)) or 'no folders'}: name its folders with `images` and `labels`"
            )


def list_folder(
    source: Path,
    classes: ClassSet,
    arrangement: Arrangement = Arrangement(),
    *,
    split: str = "train",
    val_share: float | None = None,
    void: int | str | Iterable[int | str] | None = None,
    meaning: Iterable[str] = (),
    holds: Holds | None = None,
) -> Listing:
    """List photos and label maps in ``SOURCE/images`` and ``SOURCE/labels``, with the sub-folders of both.

    A divided source has these in one sub-folder per split, or sub-folders ``train``, ``val`` and ``test`` in both. What
    lies in ``images/street/a.jpg`` otherwise becomes the sample ``street_a``. Photos without a label map are left out.

    Args:
        source: the folder; ``instances`` beside ``labels`` are listed, too.
        classes: what ids and colours mean.
        arrangement: where files lie and how they are named.
        split: where the pairs go if the source is not divided.
        val_share: about how many of an undivided source go to ``val``, 0 to 1, by their names; None: none.
        void: numbers and colours of the label maps that mean "no class", besides 255 (8 bit) and 65535 (16 bit).
        meaning: what other numbers and colours mean, as :meth:`Legend.said` reads it.
        holds: what label maps hold that could hold ids or colours.

    Raises:
        SemsynthError: no such folders, names that do not pair, a share for a source that is divided already, or a
            meaning that does not fit the classes.
    """
    if not source.is_dir():
        raise SemsynthError(f"there is no folder {source}: check the path")
    legend = Legend.said(classes, holds, meaning, void)
    read = None if legend.plain else partial(Layout.open, classes=legend)
    folders = dict(arrangement.folders(source, split))
    if val_share is not None and (split != "train" or list(folders) != [split]):
        raise SemsynthError(f"`val_share` divides an undivided source; here it is {', '.join(folders)}: leave it out")
    pairs: list[Pair] = []
    notes: list[str] = []
    if legend.holds is None and (first := _palette_by_colors(folders.values(), arrangement, legend)):
        legend = replace(legend, holds="colors")
        read = partial(Layout.open, classes=legend)
        notes.append(
            f"{first} and files like it hold the class set's colours at other indices than the ids: they are read by "
            "their colours; if the indices are right, import with --labels-hold ids"
        )
    for name, where in folders.items():
        photos, maps, instances = _paired(where, arrangement, f"{source}, {name}", notes)
        pairs += matched(name, photos, maps, instances, source, read)
    chosen = names_for_val((pair.name for pair in pairs), val_share or 0)
    pairs = [replace(pair, split="val") if pair.name in chosen else pair for pair in pairs]
    return Listing(tuple(pairs), classes, tuple(notes), divided_by_name=val_share is not None)


def _palette_by_colors(folders: Iterable[Folders], arrangement: Arrangement, legend: Legend) -> Path | None:
    """The first label map, if its palette is the class set's colours in another order and holds no other colours."""
    path = next(iter(arrangement.maps_in(next(iter(folders)).maps).values()))
    try:
        Layout.open(path, legend)
    except SemsynthError as error:  # of other kinds: whoever imports the map says what is wrong
        if isinstance(error.__cause__, PaletteError):
            with suppress(SemsynthError):
                Layout.open(path, replace(legend, holds="colors"))
                return path
    return None


def _paired(
    where: Folders, arrangement: Arrangement, called: str, notes: list[str]
) -> tuple[dict[str, Path], dict[str, Path], dict[str, Path] | None]:
    """Photos, label maps and instance maps of a split that pair; what is left out goes to ``notes``.

    Raises:
        SemsynthError: nothing pairs, or label maps have no partner and are not to be left out.
    """
    photos, maps = arrangement.photos_in(where.photos), arrangement.maps_in(where.maps)
    maps = _named_like_files(maps, photos)
    without, extra = ([one for one in ours if one not in theirs] for ours, theirs in ((maps, photos), (photos, maps)))
    both = [one for one in maps if one in photos]
    if not both or (without and not arrangement.skip_unpaired):
        problems = pairing_problems(maps, photos, "photos")
        raise SemsynthError(
            f"{called}: {'; '.join(problems)}" + ("; or leave them out with `skip_unpaired`" * bool(both))
        )
    for names, kind, other in ((without, "label map", "photo"), (extra, "photo", "label map")):
        if names:
            notes.append(f"{called}: {counted(len(names), kind)} without {other} left out: {examples(names)}")
    instances = None
    if where.instances.is_dir():
        listed = list_pictures(where.instances, nested=True)
        instances = {one: listed[one] for one in both if one in listed}
        if problems := pairing_problems(both, instances, INSTANCES, way_out="rename them"):
            raise SemsynthError(f"{called}: {'; '.join(problems)}")
    return {one: photos[one] for one in both}, {one: maps[one] for one in both}, instances


def _stripped(files: Mapping[str, Path], prefix: str, suffix: str, folder: Path) -> dict[str, Path]:
    """The files whose names begin and end so, by what is between.

    Raises:
        SemsynthError: there are none.
    """
    start, end = (unicodedata.normalize("NFC", text) for text in (prefix, suffix))
    named = {
        name[len(start) : len(name) - len(end)]: path
        for name, path in files.items()
        if name.startswith(start) and name.endswith(end) and len(name) > len(start) + len(end)
    }
    if not named:
        raise SemsynthError(
            f"no name in {folder} has the form '{start}NAME{end}': it has {examples(list(files))} (without .png or the "
            "like)"
        )
    return named


def _named_like_files(maps: Mapping[str, Path], photos: Mapping[str, Path]) -> dict[str, Path]:
    """Label maps by the photos' names where they are named like the files: ``a.jpg.png`` beside ``a.jpg``."""
    names = {f"{name}{path.suffix}": name for name, path in photos.items()}
    return {name if name in photos else names.get(name, name): path for name, path in maps.items()}


def _folders_in(folder: Path) -> list[str]:
    with explained(folder, "cannot list"):
        return sorted(path.name for path in folder.iterdir() if not is_clutter(path.name) and path.is_dir())
