"""A sequence of label maps, such as a video's frames, in one style or in styles in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.checkpoint import CONFIG, find_model
from semsynth.data.progress import Stages, Tell, silent_stages, tell_nobody
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.files import make_folder, sha256, write_json
from semsynth.images import decode_image
from semsynth.layout import Size, pixels
from semsynth.styles.choice import StyleChoice
from semsynth.styles.interpolation import interpolated
from semsynth.synthesizer.core import Synthesizer
from semsynth.synthesizer.devices import Precision
from semsynth.synthesizer.loading import DEFAULT_MODEL, load
from semsynth.synthesizer.map_files import MapFiles, check_outputs, list_maps
from semsynth.synthesizer.photo_files import CheckedMaps

SETTINGS = "render.json"
"""The file in the folder of photos that says how they were made."""


@dataclass(frozen=True)
class RenderedFrames:
    """What a call of :func:`render_frames` did."""

    made: int
    """Photos."""
    kept: int
    """Photos that were there already."""


def render_frames(
    frames: str | Path | Sequence[str | Path],
    out: str | Path,
    model: str | Path = DEFAULT_MODEL,
    *,
    style: str | Path | None = None,
    seed: int | None = None,
    interpolate: tuple[int, int] | None = None,
    count: int | None = None,
    size: Size | None = None,
    instances: str | Path | None = None,
    overwrite: bool = False,
    device: str = "auto",
    precision: Precision = "auto",
    progress: Stages = silent_stages,
    tell: Tell = tell_nobody,
) -> RenderedFrames:
    """Turn a sequence of label maps into photos of one style, or of the styles between two.

    An interrupted sequence resumes: frames whose photo is newer than the label map are kept.

    Args:
        frames: a folder of label maps, or several maps.
        out: the folder for the photos, made if missing; named like the maps.
        model: as in :func:`semsynth.load`.
        style: a photo to take the style from, instead of a seed.
        seed: draws the style of all frames; None: 0.
        interpolate: two seeds: every label map goes from the style of one to that of the other.
        count: photos of each map, ``NAME_frame00000.png`` ..., with ``interpolate``.
        size: (height, width) of the photos; None: that of the frame, or the nearest that the model makes.
        instances: folder of instance maps named like the frames.
        overwrite: make all frames, also those that are there already.
        device: as in :func:`semsynth.load`.
        precision: likewise.
        progress: is told of the parts ``checking`` and ``synthesising``.
        tell: is told what there is to know about single frames.

    Raises:
        SemsynthError: something cannot be made, or the folder's photos were made with other settings.
    """
    if style is not None and seed is not None:
        raise SemsynthError("`style` takes the style from a photo: leave out `seed`")
    if (interpolate is None) != (count is None):
        raise SemsynthError("`interpolate` and `count` belong together: give both or neither")
    if interpolate is not None and (style is not None or seed is not None):
        raise SemsynthError("`interpolate` has seeds of its own: leave out `style` and `seed`")
    folder, photo = Path(out), None if style is None else Path(style)
    numbers = None if count is None else [f"{number:05d}" for number in range(count)]
    files = list_maps(frames, folder, numbers, None if instances is None else Path(instances), "_frame")
    check_outputs(files, folder, photo, overwrite=True)  # photos that are kept or remade are told apart below
    read = None if photo is None else decode_image(photo)  # before the model is loaded
    settings: dict[str, object] = {
        "model": sha256(find_model(model) / CONFIG),  # holds the checksums of the weights
        "seed": (seed or 0) if photo is None and interpolate is None else None,
        "style": None if photo is None else sha256(photo),
        "size": None if size is None else pixels(size),
        "instances": instances is not None,
    }
    settings |= {} if interpolate is None else {"interpolate": [*interpolate, count]}
    missing = files if overwrite else _unfinished(files, folder, settings)
    if missing:
        synthesizer = load(model, device, precision)
        choices = _choices(synthesizer, read, seed, interpolate, count)
        checked = CheckedMaps(synthesizer, missing, choices[0], size)
        checked.check(progress, tell)
        make_folder(folder)
        write_json(folder / SETTINGS, settings)
        checked.write_photos(choices, progress)
    made, total = (sum(len(one.photos) for one in some) for some in (missing, files))
    return RenderedFrames(made, total - made)


def _choices(
    synthesizer: Synthesizer,
    style: NDArray[np.uint8] | None,
    seed: int | None,
    interpolate: tuple[int, int] | None,
    count: int | None,
) -> Sequence[StyleChoice | None]:
    """The styles of every label map's photos."""
    if interpolate is None or count is None:
        asked = style is not None or seed is not None
        return [synthesizer.style(style, seed) if asked or synthesizer.has_styles else None]
    ends = [synthesizer.style(seed=end) for end in interpolate]
    assert ends[0] is not None and ends[1] is not None  # noqa: PT018  (models without styles have refused)
    return interpolated(ends[0], ends[1], count)


def _unfinished(files: Sequence[MapFiles], out: Path, settings: Mapping[str, object]) -> list[MapFiles]:
    """The frames without a photo that is newer than they are.

    Raises:
        SemsynthError: the folder's photos were made with other settings.
    """
    missing = [one for one in files if not _is_finished(one)]
    if len(missing) < len(files):
        made = read_json(out / SETTINGS) if (out / SETTINGS).is_file() else None
        if made != settings:
            raise SemsynthError(
                f"{out} holds photos that were made with other settings (see {SETTINGS}): give `overwrite` to "
                "replace them, or another `out`"
            )
    return missing


def _is_finished(one: MapFiles) -> bool:
    """Photos are written whole or not at all."""
    sources = [path for path in (one.path, one.instances) if path is not None]
    newest = max(path.stat().st_mtime for path in sources)
    return all(photo.is_file() and photo.stat().st_mtime >= newest for photo in one.photos)
