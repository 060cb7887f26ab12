"""Files of label maps to files of photos, in this process: every map is checked before the first photo is written."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from semsynth.data.progress import Stages, Tell, silent_stages, tell_nobody
from semsynth.errors import SemsynthError
from semsynth.files import make_folder, write_bytes
from semsynth.images import Pixels, decode_image, save_png
from semsynth.layout import Condition, Layout, Size
from semsynth.pixel_format import shown
from semsynth.styles.choice import ObjectStyle, StyleChoice
from semsynth.synthesizer.contact_sheet import ContactSheet
from semsynth.synthesizer.core import BATCH_SIZE, Synthesizer
from semsynth.synthesizer.devices import Precision
from semsynth.synthesizer.loading import DEFAULT_MODEL, load
from semsynth.synthesizer.map_files import MapFiles, check_datasets, check_outputs, list_maps
from semsynth.synthesizer.object_style_files import read_object_styles

CONTACT_SHEET = "contact_sheet.png"
HELD_BYTES = 2**28
"""Checked label maps that wait in memory for their turn: 2,000 maps of 256x256.

All maps are checked before the first photo is written, so that a mistake in the last one costs nothing. Maps beyond
this limit are decoded a second time when their turn comes, which takes a hundredth of the time of synthesis.
"""


@dataclass(frozen=True)
class SynthesizedFiles:
    """What was written."""

    photos: tuple[Path, ...]
    """In the order of the maps; those of one map together."""
    contact_sheet: Path | None = None
    left_out: int = 0
    """Maps for which the contact sheet had no room."""


def synthesize_files(
    maps: str | Path | Sequence[str | Path],
    out: str | Path,
    model: str | Path = DEFAULT_MODEL,
    *,
    style: str | Path | None = None,
    seed: int | None = None,
    object_styles: Mapping[int, ObjectStyle] | str | Path | None = None,
    region_seeds: Mapping[int | str, int] | None = None,
    count: int | None = None,
    size: Size | None = None,
    strict_size: bool = False,
    instances: str | Path | None = None,
    contact_sheet: bool = False,
    sources: str | Path | None = None,
    overwrite: bool = False,
    device: str = "auto",
    precision: Precision = "auto",
    progress: Stages = silent_stages,
    tell: Tell = tell_nobody,
) -> SynthesizedFiles:
    """Turn files of label maps into files of photos.

    Args:
        maps: a label map, a folder of them, or several of both.
        out: the folder for the photos, made if missing. A photo is named like its map: ``NAME.png``; of several,
            ``NAME_seed3.png`` after their seeds, or ``NAME_1.png`` ... for models that make a collection at once.
        model: as in :func:`semsynth.load`.
        style: a photo to take the style from, instead of a seed.
        seed: draws the style of the first photo of each map; None: 0.
        object_styles: styles of single objects by instance id, or the JSON file that holds them.
        region_seeds: other noise for regions, by instance id, class id or class name (OASIS).
        count: photos of each map, with the seeds ``seed``, ``seed + 1``, ...; None: one.
        size: (height, width) of the photos; None: that of the map, or the nearest that the model makes.
        strict_size: refuse maps whose own size the model cannot make.
        instances: a folder of instance maps named like the label maps, or the file for a single map.
        contact_sheet: also write ``contact_sheet.png``: layouts and photos side by side.
        sources: also write this JSON file, with the training photos whose pixels each photo shows (SIMS).
        overwrite: replace photos of these names that are in ``out`` already.
        device: as in :func:`semsynth.load`.
        precision: likewise.
        progress: is told of the parts ``checking`` and ``synthesising``.
        tell: is told what there is to know about single maps.

    Raises:
        SemsynthError: something cannot be made, or a photo would be replaced; then nothing has been written. Or a full
            disk.
    """
    if style is not None and (seed is not None or (count or 1) > 1):
        raise SemsynthError("`style` takes the style from one photo: leave out `seed` and `count`")
    folder, photo = Path(out), None if style is None else Path(style)
    sheet = folder / CONTACT_SHEET if contact_sheet else None

    def list_files(numbers: Sequence[int] | None, mark: str, suffix: str = ".png") -> list[MapFiles]:
        files = list_maps(maps, folder, numbers, None if instances is None else Path(instances), mark, suffix)
        check_outputs(files, folder, photo, sheet, overwrite=overwrite)
        return files

    seeds = [(seed or 0) + number for number in range(count or 1)]
    files = list_files(seeds if len(seeds) > 1 else None, "_seed")
    read = None if photo is None else decode_image(photo)  # before the model is loaded
    synthesizer = load(model, device, precision)
    together = count is not None and synthesizer.config.images_per_layout > 1
    if together:
        synthesizer.check_count(len(seeds))
        files = list_files(range(1, len(seeds) + 1), "_")
    elif len(seeds) > 1 and not synthesizer.has_styles:
        raise SemsynthError("this model makes one photo of a layout: leave out `count`")
    elif (suffix := synthesizer.config.pixel_format.suffix) != ".png":
        files = list_files(seeds if len(seeds) > 1 else None, "_seed", suffix)
    if isinstance(object_styles, str | Path):
        named = synthesizer.classes if synthesizer.has_region_noise else None
        object_styles = read_object_styles(Path(object_styles), named)
    if together or len(seeds) == 1:
        choices = [synthesizer.style(read, seed, object_styles, region_seeds)] * len(seeds)
    else:
        choices = [synthesizer.style(None, one, object_styles, region_seeds) for one in seeds]
    checked = CheckedMaps(synthesizer, files, choices[0], size, strict_size=strict_size)
    checked.check(progress, tell)
    if sources is not None:
        write_sources(Path(sources), checked.sources(choices))
    drawn = None if sheet is None else ContactSheet(1 + len(choices))
    checked.write_photos(choices, progress, drawn)
    if drawn is not None and sheet is not None:
        save_png(sheet, np.asarray(drawn.draw()))
    left_out = 0 if drawn is None else drawn.left_out
    return SynthesizedFiles(tuple(path for one in files for path in one.photos), sheet, left_out)


def write_sources(path: Path, sources: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
    """Write which training photos every photo shows pixels of.

    Raises:
        SemsynthError: the file cannot be written.
    """
    write_bytes(path, json.dumps(sources, indent=1, ensure_ascii=False).encode() + b"\n")


class CheckedMaps:
    """Label maps that are decoded and brought to their photos' size in one place, and once where memory allows."""

    def __init__(
        self,
        synthesizer: Synthesizer,
        files: Sequence[MapFiles],
        choice: StyleChoice | None,
        size: Size | None = None,
        *,
        strict_size: bool = False,
        held_bytes: int = HELD_BYTES,
    ) -> None:
        """List what is to be checked.

        Args:
            synthesizer: makes the photos.
            files: the label maps.
            choice: the style that is checked with each map: it may speak of objects.
            size: (height, width) of the photos; None: that of the map, or the nearest.
            strict_size: refuse maps whose own size cannot be made.
            held_bytes: limit of the memory for maps between check and synthesis.

        Raises:
            SemsynthError: the model needs instance maps that are not given.
        """
        if synthesizer.needs_instances and any(one.instances is None for one in files):
            raise SemsynthError("this model reads instance boundaries: give instance maps as `instances`")
        self._synthesizer, self._files, self._choice = synthesizer, files, choice
        self._size, self._strict_size = size, strict_size
        self._held: dict[Path, Condition] = {}
        self._free = held_bytes

    def check(self, progress: Stages = silent_stages, tell: Tell = tell_nobody) -> None:
        """Open every map, and tell what there is to know about them.

        Raises:
            SemsynthError: the first problem, and how many more maps have one.
        """
        check_datasets(self._synthesizer.conditions, self._files)
        done, problems, notes = progress("checking"), [], dict[str, None]()
        for number, one in enumerate(self._files, 1):
            try:
                condition, note = self._open(one)
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    self._synthesizer.check_style(condition, self._choice)
            except SemsynthError as error:
                problems.append(f"{one.path}: {error}" if str(one.path) not in str(error) else str(error))
            else:
                notes |= dict.fromkeys([*([] if note is None else [note]), *(str(text.message) for text in caught)])
                self._hold(one, condition)
            done(number, len(self._files))
        if problems:
            others = f"{len(problems) - 1} more of the {len(self._files)} label maps have problems"
            raise SemsynthError(f"{problems[0]} ({others})" if len(problems) > 1 else problems[0])
        for text in notes:
            tell(text)

    def write_photos(
        self,
        choices: Sequence[StyleChoice | None],
        progress: Stages = silent_stages,
        sheet: ContactSheet | None = None,
    ) -> None:
        """Make and write the photos a few at a time: memory does not grow with their number.

        Args:
            choices: the style of each photo of a map; as many as a collection has photos, and all None, for models that
                make collections.
            progress: is told of the part ``synthesising``.
            sheet: gets the layouts and their photos.
        """
        make_folder(self._files[0].photos[0].parent)
        done, total = progress("synthesising"), len(self._files) * len(choices)
        for number, (one, path, condition, photo) in enumerate(self._photos(choices), 1):
            self._synthesizer.config.pixel_format.write(path, photo)
            if sheet is not None:
                if path == one.photos[0]:
                    sheet.start_row(Image.fromarray(condition.colors()), one.path.stem)
                sheet.add(Image.fromarray(shown(photo)), path.stem)
            done(number, total)

    def sources(self, choices: Sequence[StyleChoice | None]) -> dict[str, list[dict[str, str]]]:
        """File name of a photo -> name, source and licence of the training photos whose pixels it shows.

        Raises:
            SemsynthError: the model shows none.
        """
        opened = ((one, self._held.get(one.path) or self._open(one)[0]) for one in self._files)
        return {
            path.name: [
                {"name": photo.name, **photo.credit.model_dump()}
                for photo in self._synthesizer.sources(condition, choice)
            ]
            for one, condition in opened
            for path, choice in zip(one.photos, choices, strict=True)
        }

    def _photos(self, choices: Sequence[StyleChoice | None]) -> Iterator[tuple[MapFiles, Path, Condition, Pixels]]:
        """Photos [H,W,C] in the order of the files, with what they were made of."""
        opened = ((one, self._take(one)) for one in self._files)
        together = len(choices) > 1 and self._synthesizer.config.images_per_layout > 1
        wanted = (
            (one, condition, one.photos if together else (path,), choice)
            for one, condition in opened
            for path, choice in zip(one.photos[:1] if together else one.photos, choices, strict=False)
        )
        while batch := list(islice(wanted, 1 if together else BATCH_SIZE)):
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # they were notes of the check
                made = self._synthesizer.synthesize_arrays([one[1] for one in batch], [one[3] for one in batch])
            for (one, condition, paths, _), photos in zip(batch, made, strict=True):
                yield from ((one, path, condition, photo) for path, photo in zip(paths, photos, strict=False))

    def _open(self, one: MapFiles) -> tuple[Condition, str | None]:
        """Decode a map and bring it to the photo's size: nobody else here does."""
        reader = self._synthesizer.conditions
        instances = one.instances if self._synthesizer.uses_instances else None
        opened = reader.open(one.path, instances)
        return reader.fit(opened, self._size, strict=self._strict_size, source=str(one.path))

    def _hold(self, one: MapFiles, condition: Condition) -> None:
        if isinstance(condition, Layout):
            size = condition.labels.nbytes + (0 if condition.instances is None else condition.instances.nbytes)
        else:
            size = condition.pixels.nbytes
        if size <= self._free and one.path not in self._held:
            self._held[one.path] = condition
            self._free -= size

    def _take(self, one: MapFiles) -> Condition:
        held = self._held.pop(one.path, None)
        return self._open(one)[0] if held is None else held
