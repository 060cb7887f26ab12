"""``semsynth data``: make dataset folders and find what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from semsynth.cli.dataset_report import print_report
from semsynth.cli.options import parse_size
from semsynth.cli.progress import Notes, count_bar
from semsynth.cli.shards import shard

if TYPE_CHECKING:
    from semsynth.data.grammars import Grammar
    from semsynth.layout import Size

app = typer.Typer(no_args_is_help=True, help="Make dataset folders and check them.")

ExportFormat = Literal["coco", "yolo", "voc", "cvat", "labelme", "cityscapes"]
Out = Annotated[Path, typer.Argument(help="The dataset folder to make.", show_default=False)]
Count = Annotated[int, typer.Option(min=1, help="How many.", show_default=False)]
SquareSize = Annotated[int, typer.Option(min=16, help="Width and height in pixels.")]
LayoutSize = Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the layouts in pixels.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed draws the same pictures.")]

app.command()(shard)


@app.command()
def check(
    root: Annotated[
        str, typer.Argument(metavar="DIR", help="A dataset folder, or shards or their address.", show_default=False)
    ],
    thin: Annotated[
        list[str] | None,
        typer.Option(help="A class that is one or two pixels wide by nature, such as outlines; may be repeated."),
    ] = None,
) -> None:
    """Read every file of a dataset folder or of shards; exit with 1 and a list if something is wrong."""
    from semsynth.data.source import open_source

    with count_bar("checking") as bar:
        report = open_source(root).report(bar, thin or ())
    print_report(report)
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
    from semsynth.data.grammars import FACADES

    _draw(FACADES, out, count, (size, size), seed)


@app.command()
def streets(out: Out, count: Count = 20, size: LayoutSize = "256x256", seed: Seed = 0) -> None:
    """Draw random street scenes as layouts of the labelmefacade classes (no photos)."""
    from semsynth.data.grammars import STREETS

    _draw(STREETS, out, count, parse_size(size), seed)


@app.command()
def landscapes(out: Out, count: Count = 20, size: LayoutSize = "256x256", seed: Seed = 0) -> None:
    """Draw random scenes of nature as layouts of the ade_landscapes classes (no photos)."""
    from semsynth.data.grammars import LANDSCAPES

    _draw(LANDSCAPES, out, count, parse_size(size), seed)


def _draw(grammar: Grammar, out: Path, count: int, size: Size, seed: int) -> None:
    with count_bar("drawing") as bar:
        grammar.write(out, count, size, seed, bar)
    typer.echo(f"{out}: {count} layouts of {size[1]}x{size[0]} in test/labels")


@app.command()
def export(
    format: Annotated[
        ExportFormat,
        typer.Argument(metavar="FORMAT", help=f"One of {', '.join(get_args(ExportFormat))}.", show_default=False),
    ],
    root: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.", show_default=False)],
    out: Annotated[
        Path, typer.Argument(help="The folder to make; it must not exist, or be empty.", show_default=False)
    ],
    split: Annotated[list[str] | None, typer.Option(help="Export this split; may be repeated (default: all).")] = None,
    photos: Annotated[
        Path | None, typer.Option(help="Photos to write instead of DIR's: what `synthesize` made of its label maps.")
    ] = None,
    links: Annotated[bool, typer.Option("--links", help="Link the photos; by default they are copied.")] = False,
) -> None:
    """Write labels, objects and photos as the files that detectors and annotation tools read.

    `semsynth data import FORMAT` makes the same label maps of them; what a format cannot hold is told. Where a split
    has no instance maps, every connected component of a class is an object.
    """
    from semsynth.data.exporters.table import export_dataset

    with Notes() as notes, count_bar("exporting") as bar:
        counts = export_dataset(
            format, root, out, split=split or (), photos=photos, links=links, progress=bar, tell=notes.tell
        )
    typer.echo(f"{out}: {', '.join(f'{name} {count}' for name, count in counts.items())} as {format}")


@app.command()
def rebalance(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.", show_default=False)],
    out: Annotated[
        Path, typer.Argument(help="The dataset folder to make; it must not exist, or be empty.", show_default=False)
    ],
    goals: Annotated[
        list[str],
        typer.Option(
            "--class", metavar="NAME=SHARE", help="Share of the labelled pixels: bicycle=5%; may be repeated."
        ),
    ],
    split: Annotated[str, typer.Option(help="The split to rebalance.")] = "train",
    keep: Annotated[
        list[str] | None,
        typer.Option(help="Another class whose objects must not be hidden; may be repeated."),
    ] = None,
    max_overlap: Annotated[
        float, typer.Option(min=0, max=1, help="How much of an object another one may hide, 0 to 1.")
    ] = 0.2,
    seed: Seed = 0,
) -> None:
    """Make new layouts by pasting objects of rare classes where such objects stand in DIR.

    OUT has label and instance maps and no photos: `semsynth synthesize` makes those. OUT/rebalance.html compares the
    classes before and after.
    """
    from semsynth.cli.options import parse_shares
    from semsynth.data.rebalancing.rebalance import rebalance_dataset

    with count_bar("rebalancing") as bar:
        result = rebalance_dataset(
            root,
            out,
            parse_shares(goals),
            split=split,
            keep=keep or (),
            max_overlap=max_overlap,
            seed=seed,
            progress=bar,
        )
    typer.echo(f"{out}: {result.layouts} layouts in {split}; see {out / 'rebalance.html'}")
    typer.echo(f"{'class':24}{'pixels':>9}{'after':>9}{'objects':>9}{'after':>9}")
    for one in result.classes:
        asked = "" if one.goal is None else f"   asked for {one.goal:.2%}, {one.pasted} pasted"
        typer.echo(f"{one.name:24}{one.before:9.2%}{one.after:9.2%}{one.objects_before:9}{one.objects_after:9}{asked}")


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
