"""``semsynth render``: a sequence of label maps, such as a video's frames, in one style, or styles in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semsynth.cli.synthesize import Job, check_datasets, check_layouts, check_outputs, parse_size, plan, write_photos
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.styles.choice import StyleChoice
    from semsynth.synthesizer import Synthesizer

SETTINGS = "render.json"
"""The file in the folder of photos that tells how they were made."""


def render(
    frames: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER|FRAME.png...", help="Folder of label maps, or the label maps.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the photos; made if missing.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(help="Model or run folder, bundled name, or Hugging Face id; default the bundled facades."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Draws the style of all frames; default 0.")] = None,
    style: Annotated[Path | None, typer.Option(help="Photo to take the style from, instead of a seed.")] = None,
    interpolate: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="SEED_A SEED_B", min=0, help="Lead every label map from the style of one seed to that of another."
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option("--frames", min=2, max=10_000, help="Photos of each map with --interpolate.")
    ] = None,
    instances: Annotated[
        Path | None, typer.Option(help="Folder of instance maps named like the frames, for models that read them.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the photos; default that of the frame.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make all frames, also those that are there already.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="auto is bfloat16 where the hardware has it.")
    ] = "auto",
) -> None:
    """Turn a sequence of label maps into photos of one style, or of the styles between two.

    Interrupted, it goes on where it stopped: frames whose photo is newer than the label map are skipped, unless the
    folder's photos were made with other settings.
    """
    if style is not None and seed is not None:
        raise SemsynthError("--style takes the style from a photo: leave out --seed")
    if (interpolate is None) != (count is None):
        raise SemsynthError("--interpolate SEED_A SEED_B and --frames N belong together: give both or neither")
    if interpolate is not None and (style is not None or seed is not None):
        raise SemsynthError("--interpolate has seeds of its own: leave out --style and --seed")
    wanted = None if size is None else parse_size(size)
    numbers = None if count is None else [f"{number:05d}" for number in range(count)]
    jobs = plan(frames, out, numbers, instances, "_frame")
    check_outputs(jobs, out, False, style)

    from semsynth.files import make_folder, sha256, write_json
    from semsynth.images import decode_image
    from semsynth.synthesizer import DEFAULT_MODEL, load

    if style is not None:
        decode_image(style)  # before the model is loaded
    settings: dict[str, object] = {
        "model": _model_checksum(model or DEFAULT_MODEL),
        "seed": (seed or 0) if style is None and interpolate is None else None,
        "style": None if style is None else sha256(style),
        "size": size,
        "instances": instances is not None,
    }
    settings |= {} if interpolate is None else {"interpolate": [*interpolate, count]}
    missing = jobs if overwrite else _unfinished(jobs, out, settings)
    if missing:
        synthesizer = load(model or DEFAULT_MODEL, device, precision)
        _check_instances(synthesizer, instances)
        choices = _choices(synthesizer, style, seed, interpolate, count)
        check_datasets(synthesizer, missing)
        check_layouts(synthesizer, missing, wanted, False, choices[0])
        make_folder(out)
        write_json(out / SETTINGS, settings)
        write_photos(synthesizer, missing, choices, wanted, False)
    made, there = (len(some) * (count or 1) for some in (missing, jobs))
    skipped = f", {there - made} more were there already" if there > made else ""
    typer.echo(f"{made} photo{'' if made == 1 else 's'} in {out}{skipped}")


def _choices(
    synthesizer: Synthesizer,
    style: Path | None,
    seed: int | None,
    interpolate: tuple[int, int] | None,
    count: int | None,
) -> Sequence[StyleChoice | None]:
    """The styles of every label map's photos."""
    if interpolate is None or count is None:
        return [synthesizer.style(style, seed) if synthesizer.has_styles or style or seed is not None else None]
    from semsynth.styles.interpolation import interpolated

    ends = [synthesizer.style(seed=end) for end in interpolate]
    assert ends[0] is not None and ends[1] is not None  # noqa: PT018  (models without styles have refused)
    return interpolated(ends[0], ends[1], count)


def _model_checksum(model: str) -> str:
    """Of the model's config, which holds those of its weights."""
    from semsynth.checkpoint import CONFIG, find_model
    from semsynth.files import sha256

    return sha256(find_model(model) / CONFIG)


def _check_instances(synthesizer: Synthesizer, instances: Path | None) -> None:
    if synthesizer.needs_instances and instances is None:
        raise SemsynthError("this model reads instance boundaries: give their folder with --instances DIR")


def _unfinished(jobs: Sequence[Job], out: Path, settings: Mapping[str, object]) -> list[Job]:
    """The frames without a photo that is newer than they are.

    Raises:
        SemsynthError: the folder's photos were made with other settings.
    """
    from semsynth.files import read_json

    missing = [job for job in jobs if not _is_finished(job)]
    if len(missing) < len(jobs):
        made = read_json(out / SETTINGS) if (out / SETTINGS).is_file() else None
        if made != settings:
            raise SemsynthError(
                f"{out} holds photos that were made with other settings ({SETTINGS} tells which): give --overwrite to "
                "replace them, or another --out"
            )
    return missing


def _is_finished(job: Job) -> bool:
    """Photos are written whole or not at all."""
    sources = [path for path in (job.path, job.instances) if path is not None]
    newest = max(path.stat().st_mtime for path in sources)
    return all(photo.is_file() and photo.stat().st_mtime >= newest for photo in job.outputs)
