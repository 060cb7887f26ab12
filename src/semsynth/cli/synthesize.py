"""``semsynth synthesize``: label maps in, photos out."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semsynth.cli import bulk
from semsynth.cli.progress import JobBars, count_bar
from semsynth.cli.style_options import parse_region_seeds, read_styles
from semsynth.errors import SemsynthError
from semsynth.files import make_folder

if TYPE_CHECKING:
    from semsynth.api.contact_sheet import ContactSheet
    from semsynth.layout import Condition, Size
    from semsynth.styles.choice import StyleChoice
    from semsynth.synthesizer import Synthesizer

CONTACT_SHEET = "contact_sheet.png"
_SHOWN_NOTES = 5


@dataclass(frozen=True)
class Job:
    """One label map and where its photos go."""

    path: Path
    instances: Path | None
    outputs: tuple[Path, ...]
    """One for each style."""


def synthesize(
    maps: Annotated[
        list[Path],
        typer.Argument(metavar="MAP.png...", help="Label maps, or folders of them.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the photos; made if missing.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(help="Model or run folder, bundled name, or Hugging Face id; default the bundled facades."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Draws the style; default 0.")] = None,
    style: Annotated[
        Path | None, typer.Option("--style", "--style-photo", help="Photo to take the style from, instead of a seed.")
    ] = None,
    styles: Annotated[
        Path | None,
        typer.Option(metavar="STYLES.json", help='Styles of objects by instance id: {"26003": 4, "26001": "car.png"}.'),
    ] = None,
    region_seed: Annotated[
        list[str] | None,
        typer.Option(metavar="REGION=SEED", help="Other noise for a class (name or id) or instance id (OASIS)."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            help="Photos of each map, with seeds SEED, SEED + 1, ..., or all that a model makes at once; default 1.",
        ),
    ] = None,
    instances: Annotated[
        Path | None, typer.Option(help="Folder of instance maps named like the label maps, or the file for one map.")
    ] = None,
    contact_sheet: Annotated[
        bool, typer.Option("--contact-sheet", help=f"Also write {CONTACT_SHEET}: layouts and photos side by side.")
    ] = False,
    strict_size: Annotated[
        bool, typer.Option("--strict-size", help="Refuse maps of a size that the model cannot make.")
    ] = False,
    size: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the photos; default that of the map.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="auto is bfloat16 where the hardware has it.")
    ] = "auto",
    engine: bulk.EngineOption = None,
    workers: bulk.WorkersOption = None,
    address: bulk.AddressOption = None,
    gpus: bulk.GpusOption = None,
    limit: bulk.LimitOption = None,
    shard_size: bulk.ShardSizeOption = None,
) -> None:
    """Turn label maps into photos.

    Label maps are PNG files: class ids in 8 bit (255 is void) or 16 bit (65535 is void), palette PNGs, or RGB
    in the class set's colours. Models that were trained on edge maps take such pictures instead. Every map is
    checked before the first photo is written.
    """
    asked, count = count, count or 1
    if style is not None and (seed is not None or count > 1):
        raise SemsynthError("--style takes the style from one photo: leave out --seed and --count")
    wanted = None if size is None else parse_size(size)
    if engine is not None:
        bulk.refuse(True, {"--styles": styles, "--contact-sheet": contact_sheet})
        if len(maps) > 1:
            raise SemsynthError(f"--engine takes one folder of layouts, not {len(maps)} paths")
        from semsynth.bulk.synthesizing import choose_engine, synthesize_folder
        from semsynth.synthesizer import DEFAULT_MODEL

        start = time.monotonic()
        with JobBars() as bars:
            summary = synthesize_folder(
                maps[0],
                out,
                model or DEFAULT_MODEL,
                style=style,
                seed=seed,
                region_seeds=parse_region_seeds(region_seed or ()),
                count=asked,
                size=wanted,
                strict_size=strict_size,
                instances=instances,
                limit=limit,
                shard_size=shard_size,
                device=device,
                precision=precision,
                engine=choose_engine(engine, device, workers, address, gpus),
                progress=bars.begin,
                tell=bars.tell,
            )
        bulk.conclude(summary, out, time.monotonic() - start)
        return
    of_engines = {"--workers": workers, "--address": address, "--gpus": gpus, "--limit": limit}
    bulk.refuse(False, {**of_engines, "--shard-size": shard_size})
    jobs = plan(maps, out, None if count == 1 else range(seed or 0, (seed or 0) + count), instances)
    check_outputs(jobs, out, contact_sheet, style)

    from semsynth.images import decode_image
    from semsynth.synthesizer import DEFAULT_MODEL, load

    if style is not None:
        decode_image(style)  # before the model is loaded
    synthesizer = load(model or DEFAULT_MODEL, device, precision)
    if asked is not None and synthesizer.config.images_per_layout > 1:
        synthesizer.check_count(asked)
        jobs = plan(maps, out, range(1, count + 1), instances, "_")
        check_outputs(jobs, out, contact_sheet, style)
    elif count > 1 and not synthesizer.has_styles:
        raise SemsynthError("this model makes one photo of a layout: leave out --count")
    if synthesizer.needs_instances and instances is None:
        raise SemsynthError("this model reads instance boundaries: give them with --instances DIR")
    named = synthesizer.classes if synthesizer.has_region_noise else None
    objects = None if styles is None else read_styles(styles, named)
    regions = parse_region_seeds(region_seed or ())
    if style is not None or count == 1 or synthesizer.config.images_per_layout > 1:
        choices = [synthesizer.style(style, seed, objects, regions)] * count
    else:
        choices = [synthesizer.style(None, (seed or 0) + i, objects, regions) for i in range(count)]
    check_datasets(synthesizer, jobs)
    check_layouts(synthesizer, jobs, wanted, strict_size, choices[0])
    sheet = write_photos(synthesizer, jobs, choices, wanted, contact_sheet)
    typer.echo(f"{len(jobs) * count} photo{'s' if len(jobs) * count > 1 else ''} in {out}")
    if sheet is not None:
        _save_sheet(sheet, out / CONTACT_SHEET)


def parse_size(text: str) -> Size:
    """(height, width) of 'WIDTHxHEIGHT'."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise SemsynthError(f"--size {text}: expected WIDTHxHEIGHT in pixels, for example 512x256")
    if not (0 < int(width) < 2**20 and 0 < int(height) < 2**20):
        raise SemsynthError(f"--size {text}: both sides must be between 1 and a million pixels")
    return int(height), int(width)


def plan(
    maps: Sequence[Path],
    out: Path,
    numbers: Sequence[int | str] | None,
    instances: Path | None,
    mark: str = "_seed",
) -> list[Job]:
    """List the label maps and name their outputs, after ``numbers`` where there are several; nothing is decoded yet."""
    if instances is not None and not instances.exists():
        raise SemsynthError(f"--instances {instances}: there is no such folder or file")
    jobs, paths = [], list(_label_maps(maps))
    single = instances is not None and instances.is_file()
    if single and len(paths) > 1:
        raise SemsynthError(f"--instances {instances} is one file for {len(paths)} label maps: give a folder of them")
    for path in paths:
        beside = instances if instances is None or single else instances / f"{path.stem}.png"
        if beside is not None and not beside.is_file():
            raise SemsynthError(f"{path} has no instance map: {beside} does not exist")
        names = [f"{path.stem}.png"] if numbers is None else [f"{path.stem}{mark}{one}.png" for one in numbers]
        jobs.append(Job(path, beside, tuple(out / name for name in names)))
    return jobs


def _label_maps(given: Sequence[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.suffix.lower() == ".png" and file.is_file())
            if not found:
                raise SemsynthError(f"there are no PNG files in {path}: give a folder of label maps")
            yield from found
        elif path.is_file():
            yield path
        else:
            raise SemsynthError(f"there is no label map {path}: check the path")


def check_outputs(jobs: Sequence[Job], out: Path, contact_sheet: bool, style: Path | None) -> None:
    """Make sure, before anything is computed, that the photos can be written and replace nothing that is read."""
    sources: dict[Path, Path] = {}
    for job in jobs:
        for output in job.outputs:
            other = sources.setdefault(output, job.path)
            if other != job.path:
                raise SemsynthError(f"{other} and {job.path} would both become {output}: run them into two folders")
    if contact_sheet and out / CONTACT_SHEET in sources:
        raise SemsynthError(
            f"{sources[out / CONTACT_SHEET]} and the contact sheet would both become {CONTACT_SHEET}: rename it"
        )
    read = [job.path for job in jobs] + [job.instances for job in jobs if job.instances] + ([style] if style else [])
    inputs = {path.resolve() for path in read}
    for output in (*sources, *([out / CONTACT_SHEET] if contact_sheet else [])):
        if output.resolve() in inputs:
            raise SemsynthError(f"{output} is an input and would be replaced by a photo: choose another --out")
    folder = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not folder.is_dir():
        raise SemsynthError(f"--out {out}: {folder} is a file: choose another folder")
    if not os.access(folder, os.W_OK):
        raise SemsynthError(f"--out {out}: {folder} cannot be written to: choose another folder")


def _fitted(
    synthesizer: Synthesizer, job: Job, size: Size | None, strict: bool = False
) -> tuple[Condition, str | None]:
    instances = job.instances if synthesizer.uses_instances else None
    return synthesizer.conditions.fit(
        synthesizer.conditions.open(job.path, instances), size, strict=strict, source=str(job.path)
    )


def check_datasets(synthesizer: Synthesizer, jobs: Sequence[Job]) -> None:
    """Files inside a dataset folder tell what they are: the pixels alone might mean anything."""
    from semsynth.data.folder import CLASSES_FILE, CONDITIONS, LABELS, holds_conditions, load_classes

    for folder in dict.fromkeys(job.path.absolute().parent for job in jobs):
        root = folder.parent.parent
        described = folder.name == LABELS and (root / CLASSES_FILE).is_file()
        if described or (folder.name == CONDITIONS and holds_conditions(root)):
            synthesizer.conditions.check_classes(load_classes(root), str(folder))


def check_layouts(
    synthesizer: Synthesizer, jobs: Sequence[Job], size: Size | None, strict: bool, choice: StyleChoice | None
) -> None:
    """Decode every map once, keeping none: decoding takes a hundredth of the time that synthesis takes.

    The style is checked with each map: it may speak of objects.

    Raises:
        SemsynthError: the first problem, and how many more there are.
    """
    problems, notes = [], []
    with count_bar("checking") as bar:
        for i, job in enumerate(jobs):
            try:
                layout, note = _fitted(synthesizer, job, size, strict)
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    synthesizer.check_style(layout, choice)
            except SemsynthError as error:
                problems.append(f"{job.path}: {error}" if str(job.path) not in str(error) else str(error))
            else:
                notes += [] if note is None else [note]
                notes += [text for one in caught if (text := str(one.message)) not in notes]
            bar(i + 1, len(jobs))
    if problems:
        more = f" ({len(problems) - 1} more of the {len(jobs)} label maps have problems)" if len(problems) > 1 else ""
        raise SemsynthError(f"{problems[0]}{more}")
    for note in notes[:_SHOWN_NOTES]:
        typer.echo(f"note: {note}", err=True)
    if len(notes) > _SHOWN_NOTES:
        typer.echo(f"note: and {len(notes) - _SHOWN_NOTES} more such notes on other label maps", err=True)


def write_photos(
    synthesizer: Synthesizer,
    jobs: Sequence[Job],
    choices: Sequence[StyleChoice | None],
    size: Size | None,
    with_sheet: bool,
) -> ContactSheet | None:
    """Make and write the photos a few at a time: memory does not grow with their number."""
    import numpy as np
    from PIL import Image

    from semsynth.api.contact_sheet import ContactSheet
    from semsynth.cli.photos import make_photos
    from semsynth.images import save_png

    sheet = ContactSheet(1 + len(choices)) if with_sheet else None
    make_folder(jobs[0].outputs[0].parent)
    outputs = ((job, output) for job in jobs for output in job.outputs)
    made = make_photos(synthesizer, (_fitted(synthesizer, job, size)[0] for job in jobs), choices)
    with count_bar("synthesising") as bar:
        for done, ((job, output), (layout, number, photo)) in enumerate(zip(outputs, made, strict=True), 1):
            save_png(output, np.asarray(photo))
            if sheet is not None:
                if number == 0:
                    sheet.start_row(Image.fromarray(layout.colors()), job.path.stem)
                sheet.add(photo, output.stem)
            bar(done, len(jobs) * len(choices))
    return sheet


def _save_sheet(sheet: ContactSheet, path: Path) -> None:
    import numpy as np

    from semsynth.images import save_png

    save_png(path, np.asarray(sheet.draw()))
    typer.echo(f"contact sheet: {path}")
    if sheet.left_out:
        typer.echo(f"note: the sheet shows the first {sheet.max_rows} maps, {sheet.left_out} are left out", err=True)
