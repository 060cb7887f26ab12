"""``semsynth data``: make dataset folders and find what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from semsynth.cli.progress import count_bar
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.classes import ClassSet
    from semsynth.data.check import Report
    from semsynth.data.check_conditions import ConditionReport
    from semsynth.data.importers.pairs import Place
    from semsynth.layout import Size

app = typer.Typer(no_args_is_help=True, help="Make dataset folders and check them.")

Out = Annotated[Path, typer.Argument(help="The dataset folder to make.", show_default=False)]
Count = Annotated[int, typer.Option(min=1, help="How many.", show_default=False)]
SquareSize = Annotated[int, typer.Option(min=16, help="Width and height in pixels.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed draws the same pictures.")]

_SHOWN = 50
"""How many problems are printed."""


@app.command("import")
def import_(
    form: Annotated[
        Literal["folder", "cityscapes", "coco-stuff", "edges", "unlabelled"],
        typer.Argument(
            metavar="FORMAT", help="folder, cityscapes, coco-stuff, edges or unlabelled.", show_default=False
        ),
    ],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Where the data lies.", show_default=False)],
    out: Out,
    classes: Annotated[
        str | None,
        typer.Option(help="folder: a classes.json or the name of a built-in class set; default SRC/classes.json."),
    ] = None,
    split: Annotated[str, typer.Option(help="folder: where the pairs of an undivided SRC go.")] = "train",
    void: Annotated[
        int | None, typer.Option(min=0, max=65534, help="folder: an id that means 'no class', besides 255.")
    ] = None,
    method: Annotated[
        Literal["canny", "sobel"] | None, typer.Option(help="edges: thin lines (the default) or soft gradients.")
    ] = None,
    sigma: Annotated[
        float | None, typer.Option(min=0, help="edges: smoothing before, in pixels of the photo; default 1.")
    ] = None,
    low: Annotated[float | None, typer.Option(help="edges: lower threshold; default 0.1, sobel 0.")] = None,
    high: Annotated[float | None, typer.Option(help="edges: upper threshold; default 0.2, sobel 0.3.")] = None,
    val_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="edges, unlabelled: share of an undivided SRC for val; default 0.1."),
    ] = None,
    segmenter: Annotated[
        str | None, typer.Option(help="unlabelled: bundled class set, folder or Hugging Face id.")
    ] = None,
    mapping: Annotated[str | None, typer.Option(help="unlabelled: what the segmenter's outputs mean.")] = None,
    confidence: Annotated[
        float | None, typer.Option(min=0, max=1, help="unlabelled: less probable pixels become void; default 0.")
    ] = None,
    copies: Annotated[bool, typer.Option("--copy", help="Copy the files; by default they are linked.")] = False,
) -> None:
    """Make a dataset folder of data in another arrangement.

    Files are linked (or copied) as they are. Started again, it goes on where it was interrupted.

    Formats: folder (SRC/images and SRC/labels, or the same in sub-folders per split; ids or colours),
    cityscapes (leftImg8bit and gtFine as downloaded), coco-stuff (photos and pixel maps as downloaded, or the
    folders of SPADE's instructions), edges (photos in SRC, or in SRC/train and SRC/val: their edges become the
    condition, for pix2pixhd --preset edges), unlabelled (the same photos; a segmenter makes their label maps).
    """
    from semsynth.data.importers.cityscapes import import_cityscapes
    from semsynth.data.importers.coco_stuff import import_coco_stuff
    from semsynth.data.importers.folder import import_folder
    from semsynth.data.importers.pairs import copy, link

    if form != "folder" and (classes is not None or void is not None or split != "train"):
        raise SemsynthError(f"--classes, --void and --split belong to 'folder'; {form} has its own classes and splits")
    finding = {"method": method, "sigma": sigma, "low": low, "high": high}
    if form != "edges" and any(value is not None for value in finding.values()):
        raise SemsynthError("--method, --sigma, --low and --high belong to 'edges'")
    if form not in ("edges", "unlabelled") and val_share is not None:
        raise SemsynthError("--val-share belongs to 'edges' and 'unlabelled'")
    labelling = {"--segmenter": segmenter, "--mapping": mapping, "--confidence": confidence}
    if form != "unlabelled" and any(value is not None for value in labelling.values()):
        raise SemsynthError(f"{', '.join(labelling)} belong to 'unlabelled'")
    place = copy if copies else link
    if form == "unlabelled":
        _import_unlabelled(source, out, segmenter, mapping, confidence or 0.0, val_share, place)
        return
    if form == "edges":
        _import_edges(source, out, finding, val_share, place)
        return
    with count_bar("importing") as bar:
        if form == "cityscapes":
            counts = import_cityscapes(source, out, place=place, progress=bar)
        elif form == "coco-stuff":
            counts = import_coco_stuff(source, out, place=place, progress=bar)
        else:
            counts = import_folder(
                source, out, class_set(classes, source), split=split, void=void, place=place, progress=bar
            )
    _tell(out, counts)


def _import_edges(
    source: Path, out: Path, finding: Mapping[str, object], val_share: float | None, place: Place
) -> None:
    from semsynth.config import validated
    from semsynth.data.edges import EdgeSettings
    from semsynth.data.importers.edges import import_edges

    settings = validated(EdgeSettings, finding, "edges")
    with count_bar("finding edges") as bar:
        counts = import_edges(source, out, settings, val_share=val_share, place=place, progress=bar)
    _tell(out, counts)


def _import_unlabelled(
    source: Path,
    out: Path,
    segmenter: str | None,
    mapping: str | None,
    confidence: float,
    val_share: float | None,
    place: Place,
) -> None:
    from semsynth.evaluation.segmenters.hugging_face import load_segmenter
    from semsynth.evaluation.segmenters.photos import import_unlabelled

    if segmenter is None:
        raise SemsynthError("'unlabelled' needs a segmenter that makes the label maps: --segmenter SEG")
    loaded = load_segmenter(segmenter, mapping)
    with count_bar("labelling") as bar:
        counts = import_unlabelled(
            source, out, loaded, confidence=confidence, val_share=val_share, place=place, progress=bar
        )
    _tell(out, counts)


def _tell(out: Path, counts: dict[str, int]) -> None:
    pairs = ", ".join(f"{split} {count}" for split, count in counts.items())
    typer.echo(f"{out}: {pairs} pairs. Check them: semsynth data check {out}")


@app.command()
def check(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.", show_default=False)],
) -> None:
    """Read every file of a dataset folder; exit with 1 and a list if something is wrong."""
    from semsynth.data.check import check_dataset
    from semsynth.data.check_conditions import check_conditions
    from semsynth.data.folder import holds_conditions

    report: Report | ConditionReport
    with count_bar("checking") as bar:
        report = check_conditions(root, bar) if holds_conditions(root) else check_dataset(root, bar)
    _print_report(report)
    if report.problems:
        raise typer.Exit(1)


@app.command()
def toy(out: Out, count: Count = 200, size: SquareSize = 256, seed: Seed = 0) -> None:
    """Draw scenes with labels, instances and photos: a dataset for tests and a first training."""
    from semsynth.data.toy import write_toy

    with count_bar("drawing") as bar:
        write_toy(out, count, size, seed, bar)
    typer.echo(f"{out}: {count} scenes of {size}x{size} in train and val")


@app.command()
def facades(out: Out, count: Count = 20, size: SquareSize = 256, seed: Seed = 0) -> None:
    """Draw random house fronts as layouts of the cmp_facades classes (no photos)."""
    from semsynth.data.facades import write_facades

    with count_bar("drawing") as bar:
        write_facades(out, count, size, seed, bar)
    typer.echo(f"{out}: {count} layouts of {size}x{size} in test/labels")


@app.command()
def streets(
    out: Out,
    count: Count = 20,
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the layouts in pixels.")] = "384x256",
    seed: Seed = 0,
) -> None:
    """Draw random street scenes as layouts of the labelmefacade classes (no photos)."""
    from semsynth.cli.synthesize import parse_size
    from semsynth.data.streets import write_streets

    wanted = parse_size(size)
    with count_bar("drawing") as bar:
        write_streets(out, count, wanted, seed, bar)
    typer.echo(f"{out}: {count} layouts of {wanted[1]}x{wanted[0]} in test/labels")


@app.command()
def components(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.", show_default=False)],
) -> None:
    """Make instance maps for the splits that have none: every connected component of a class is an object.

    Started again, it goes on where it was interrupted.
    """
    from semsynth.data.components import write_components

    with count_bar("writing instances") as bar:
        counts = write_components(root, bar)
    if not counts:
        typer.echo(f"{root}: every split has instances/ already, nothing to do")
    for split, count in counts.items():
        typer.echo(f"{root / split / 'instances'}: {count} instance maps")


def class_set(given: str | None, source: Path) -> ClassSet:
    """The class set that ``--classes`` names, by default the one that lies in ``source``."""
    from semsynth.classes import BUILTIN_CLASS_SETS, ClassSet, builtin

    if given in BUILTIN_CLASS_SETS:
        return builtin(given)
    path = Path(given) if given else source / "classes.json"
    if not path.is_file():
        raise SemsynthError(
            f"{path} does not exist: name the classes with --classes FILE or --classes NAME "
            f"({', '.join(BUILTIN_CLASS_SETS)})"
        )
    return ClassSet.load(path)


def _print_report(report: Report | ConditionReport) -> None:
    from semsynth.data.check import Report

    console = Console(soft_wrap=True, highlight=False, markup=False)
    if not isinstance(report, Report):
        console.print(_condition_table(report))
    elif report.splits:
        console.print(_split_table(report))
        console.print(_class_table(report))
    for note in report.notes:
        console.print(f"note: {note}")
    for problem in report.problems[:_SHOWN]:
        console.print(f"problem: {problem}")
    if len(report.problems) > _SHOWN:
        console.print(f"... and {len(report.problems) - _SHOWN} more")
    console.print(f"{len(report.problems)} problems" if report.problems else "no problems")


def _split_table(report: Report) -> Table:
    table = Table("split", "label maps", "photos", "instances", "sizes (width x height)")
    for split in report.splits:
        counts = map(str, (split.layouts, split.photos, split.instances))
        table.add_row(split.name, *counts, _range(split.sizes))
    return table


def _condition_table(report: ConditionReport) -> Table:
    table = Table("split", "conditions", "photos", "sizes (width x height)")
    for split in report.splits:
        table.add_row(split.name, str(split.conditions), str(split.photos), _range(split.sizes))
    return table


def _range(sizes: tuple[Size, Size] | None) -> str:
    return " to ".join(dict.fromkeys(f"{width}x{height}" for height, width in sizes or ())) or "-"


def _class_table(report: Report) -> Table:
    """Share of pixels per class and split."""
    table = Table("id", "class", *(split.name for split in report.splits))
    rows = [(str(item.id), item.name) for item in report.classes.classes] + [("-", "void")]
    for index, row in enumerate(rows):
        shares = []
        for split in report.splits:
            pixels, total = int(split.pixels[index]), int(split.pixels.sum())
            shares.append(f"{pixels / total:.2%}" if pixels else "-")
        table.add_row(*row, *shares)
    return table
