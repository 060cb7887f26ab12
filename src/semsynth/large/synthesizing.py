"""Large pictures as one function: files of label maps in, files of photos out, in tiles."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from semsynth.bulk.engine import BulkEngine
from semsynth.bulk.job import lasting_name, model_digest
from semsynth.bulk.local import choose_devices, local_engine
from semsynth.checkpoint import find_model
from semsynth.data.progress import Stages, Tell, silent_stages, tell_nobody
from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.images import MAX_SIDE
from semsynth.large.fitting import DEFAULT_TILE
from semsynth.large.folder import TileFolder
from semsynth.large.job import LargeJob, check_tile
from semsynth.large.labels import map_size, store_symbols
from semsynth.large.maker import TileMaker
from semsynth.large.writing import SUFFIXES, Format, check_format, write_picture
from semsynth.layout import Size, pixels
from semsynth.synthesizer import DEFAULT_MODEL, Precision, Synthesizer, load, settled_precision
from semsynth.synthesizer.map_files import MapFiles, check_datasets, check_outputs, list_maps


@dataclass(frozen=True)
class LargeSummary:
    """What a run did."""

    photos: tuple[Path, ...]
    """In the order of the maps; those of one map together."""
    made: int
    """Tiles."""
    kept: int
    """Tiles that an earlier run had made."""


def synthesize_large(
    maps: str | Path | Sequence[str | Path],
    out: str | Path,
    model: str | Path = DEFAULT_MODEL,
    *,
    tile: int = DEFAULT_TILE,
    style: str | Path | None = None,
    seed: int | None = None,
    count: int | None = None,
    size: Size | None = None,
    strict_size: bool = False,
    form: Format = "png",
    overwrite: bool = False,
    device: str = "auto",
    precision: Precision = "auto",
    engine: BulkEngine | None = None,
    progress: Stages = silent_stages,
    tell: Tell = tell_nobody,
) -> LargeSummary:
    """Turn files of label maps into files of photos that are made in tiles: neither has to fit into memory.

    A photo is the same as one that is made at once, up to float rounding. Tiles that are finished wait in a folder
    beside the photo; after an interruption the same call goes on with them.

    Worker processes import the main program: in a script, call this under ``if __name__ == "__main__":``.

    Args:
        maps: a label map, a folder of them, or several of both; PNGs may be of any size up to 65,535 pixels on a side.
        out: the folder for the photos, made if missing. A photo is named like its map; of several, ``NAME_seed3`` after
            their seeds.
        model: as in :func:`semsynth.load`, but not an exported model.
        tile: side of a tile in pixels.
        style: a photo to take the style from, instead of a seed.
        seed: draws the style of the first photo of each map; None: 0.
        count: photos of each map, with the seeds ``seed``, ``seed + 1``, ...; None: one.
        size: (height, width) of the photos; None: that of the map, or the nearest that the model makes.
        strict_size: refuse maps whose own size the model cannot make.
        form: ``png``, or ``tiff`` for a TIFF of tiles (a BigTIFF beyond 4 GiB).
        overwrite: replace photos of these names that are in ``out`` already, and tiles of other photos.
        device: ``auto``, ``cpu``, ``cuda`` or another device that torch knows.
        precision: ``auto`` takes bfloat16 where the device multiplies in it.
        engine: as in :func:`semsynth.synthesize_folder`.
        progress: is told of the parts ``reading the map``, ``tiles`` and ``writing``, of every photo.
        tell: is told what there is to know about single maps, and what happens to workers.

    Raises:
        SemsynthError: a model whose pixels depend on the whole picture, or that reads more than label maps; a tile that
            is too small, or something else that cannot be made: then nothing has been written. Or a full disk.
    """
    if style is not None and (seed is not None or (count or 1) > 1):
        raise SemsynthError("`style` takes the style from one photo: leave out `seed` and `count`")
    check_format(form)
    photo, folder = None if style is None else Path(style), Path(out)
    synthesizer = load(model, "cpu", "auto" if Path(model).is_file() else "float32")
    _check_model(synthesizer, photo, seed, count)
    seeds = [(seed or 0) + number for number in range(count or 1)]
    files = _list_files(maps, folder, seeds, form)
    check_outputs(files, folder, photo, overwrite=overwrite)
    check_datasets(synthesizer.conditions, files)
    sizes = [_photo_size(one.path, synthesizer, size, strict_size, tell) for one in files]
    for each in dict.fromkeys(sizes):
        check_tile(tile, synthesizer, each)
    how = {
        "model": lasting_name(model),
        "model_sha256": model_digest(find_model(model)),
        "style": None if photo is None else str(photo.absolute()),
        "style_sha256": None if photo is None else sha256(photo),
        "tile": tile,
        "precision": settled_precision(precision, device),
    }
    chosen = engine or local_engine(choose_devices(device, None))
    summary = LargeSummary((), 0, 0)
    for one, each in zip(files, sizes, strict=True):
        what = {"map": str(one.path.absolute()), "map_sha256": sha256(one.path), "size": each}
        for path, number in zip(one.photos, seeds, strict=True):
            own = number if photo is None and synthesizer.has_styles else None
            job = LargeJob.model_validate({**how, **what, "seed": own})
            with TileFolder(path.with_suffix(".tiles"), job, overwrite=overwrite) as tiles:
                kept = len(tiles.finished)
                make_tiles(job, synthesizer, tiles, chosen, progress, tell)
                write_picture(tiles.pixels, each, path, form, progress("writing"))
                tiles.remove()
            made = len(job.tasks) - kept
            summary = LargeSummary((*summary.photos, path), summary.made + made, summary.kept + kept)
    return summary


def make_tiles(
    job: LargeJob,
    synthesizer: Synthesizer,
    folder: TileFolder,
    engine: BulkEngine,
    progress: Stages = silent_stages,
    tell: Tell = tell_nobody,
) -> None:
    """Make the tiles that a folder lacks.

    Args:
        job: what is made.
        synthesizer: the job's model.
        folder: the job's.
        engine: who makes them.
        progress: is told of the parts ``reading the map`` and ``tiles``.
        tell: is told what happens to workers.

    Raises:
        SemsynthError: a map that cannot be used, a full disk, or workers that die; finished tiles stay.
    """
    encoding = synthesizer.config.encoding
    symbols = job.symbols(folder.root, encoding)
    if not symbols.path.exists():
        try:
            store_symbols(Path(job.map), synthesizer.classes, encoding, symbols, progress("reading the map"))
        except SemsynthError:
            folder.remove()
            raise
    missing = [task for task in job.tasks if task.number not in folder.finished]
    done, total = progress("tiles"), len(job.tasks)
    with closing(engine(partial(TileMaker, job, folder.root.absolute()), missing, tell)) as outcomes:
        done(total - len(missing), total)
        for outcome in outcomes:
            if outcome.error:
                raise SemsynthError(outcome.error)
            folder.add(outcome.task)
            done(len(folder.finished), total)


def _check_model(synthesizer: Synthesizer, style: Path | None, seed: int | None, count: int | None) -> None:
    """Make sure that a label map and a style are all that the model reads.

    Raises:
        SemsynthError: it reads more, or another style.
    """
    if synthesizer.conditions.reads_pictures or synthesizer.needs_instances:
        reads = "pictures" if synthesizer.conditions.reads_pictures else "instance boundaries"
        raise SemsynthError(f"this model reads {reads}, and tiles are made of label maps alone: leave out `tile`")
    synthesizer.style(style, seed)
    synthesizer.check_count(count or 1)


def _list_files(
    maps: str | Path | Sequence[str | Path], out: Path, seeds: Sequence[int], form: Format
) -> list[MapFiles]:
    files = list_maps(maps, out, seeds if len(seeds) > 1 else None)
    return [replace(one, photos=tuple(path.with_suffix(SUFFIXES[form]) for path in one.photos)) for one in files]


def _photo_size(path: Path, synthesizer: Synthesizer, size: Size | None, strict: bool, tell: Tell) -> Size:
    """(height, width) of the photo of a map.

    Raises:
        SemsynthError: the model cannot make it, or it has too long a side.
    """
    reader = replace(synthesizer.conditions, sizes=synthesizer.config.large_sizes)
    chosen, note = reader.fitting_size(map_size(path), size, strict=strict, source=str(path))
    if max(chosen) > MAX_SIDE:
        raise SemsynthError(f"a photo of {pixels(chosen)}: sides have {MAX_SIDE:,} pixels at most")
    if note is not None:
        tell(note)
    return chosen
