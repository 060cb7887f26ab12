"""``semsynth data import``: dataset folders of data in other arrangements, one sub-command per format."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from semsynth.cli.data import Out, class_set, print_report
from semsynth.cli.progress import count_bar
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.data.importers.pairs import Listing
    from semsynth.data.placing import Place


class FormatGroup(TyperGroup):
    """Lists the formats where somebody asks for one that there is not."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The sub-command."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise SemsynthError(f"there is no format '{args[0]}'; known: {', '.join(self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


class Format(TyperCommand):
    """Says whose an option is that another format has."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options."""
        own = _options(self, ctx)
        for given in (arg.partition("=")[0] for arg in args if arg.startswith("--") and arg != "--"):
            others = [
                f"'{name}'" for name, other in ctx.parent.command.commands.items() if given in _options(other, ctx)
            ]
            if given not in own and others:
                raise SemsynthError(
                    f"'{ctx.info_name}' has no {given}: options of that name belong to {', '.join(others)}"
                )
        return super().parse_args(ctx, args)


def _options(command: Any, ctx: Any) -> set[str]:
    return {name for parameter in command.get_params(ctx) for name in (*parameter.opts, *parameter.secondary_opts)}


app = typer.Typer(cls=FormatGroup, no_args_is_help=True)

Source = Annotated[Path, typer.Argument(metavar="SRC", help="Where the data lies.", show_default=False)]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many samples of every split, the first ones.")]
Copies = Annotated[bool, typer.Option("--copy", help="Copy the files; by default they are linked.")]
Check = Annotated[
    bool, typer.Option("--check/--no-check", help="Read it all again and sum it up, as `semsynth data check` does.")
]
Classes = Annotated[str | None, typer.Option(help="A classes.json or the name of a built-in class set.")]
Void = Annotated[int | None, typer.Option(min=0, max=65534, help="An id that means 'no class', besides 255.")]
ValShare = Annotated[float | None, typer.Option(min=0, max=1, help="Share of an undivided SRC for val; default 0.1.")]


@app.callback()
def about() -> None:
    """Make a dataset folder of data in another arrangement.

    Files are linked (or copied) as they are; what cannot be linked is written as ids. Started again, it goes on where
    it was interrupted. `semsynth data import FORMAT --help` says what to download, where, and under which licence.
    """


def bring(listing: Listing, out: Path, limit: int | None, copies: bool, check: bool) -> None:
    """Import what was listed, and sum it up."""
    from semsynth.data.importers.pairs import import_listing

    with count_bar("importing") as bar:
        counts = import_listing(listing, out, place=_place(copies), limit=limit, progress=bar)
    _tell(out, counts, check)


@app.command("folder", cls=Format)
def folder(
    source: Source,
    out: Out,
    classes: Classes = None,
    split: Annotated[str, typer.Option(help="Where the pairs of an undivided SRC go.")] = "train",
    void: Void = None,
    limit: Limit = None,
    copies: Copies = False,
    check: Check = True,
) -> None:
    """Any folder: SRC/images and SRC/labels, or the same in sub-folders per split; ids or colours.

    The classes are those of SRC/classes.json, if --classes does not name others.
    """
    from semsynth.data.importers.folder import list_folder

    bring(list_folder(source, class_set(classes, source), split=split, void=void), out, limit, copies, check)


@app.command("edges", cls=Format)
def edges(
    source: Source,
    out: Out,
    method: Annotated[
        Literal["canny", "sobel"] | None, typer.Option(help="Thin lines (the default) or soft gradients.")
    ] = None,
    sigma: Annotated[
        float | None, typer.Option(min=0, help="Smoothing before, in pixels of the photo; default 1.")
    ] = None,
    low: Annotated[float | None, typer.Option(help="Lower threshold; default 0.1, sobel 0.")] = None,
    high: Annotated[float | None, typer.Option(help="Upper threshold; default 0.2, sobel 0.3.")] = None,
    val_share: ValShare = None,
    limit: Limit = None,
    copies: Copies = False,
    check: Check = True,
) -> None:
    """Photos in SRC, or in SRC/train and SRC/val: their edges become the condition, for pix2pixhd --preset edges."""
    from semsynth.config import validated
    from semsynth.data.edges import EdgeSettings
    from semsynth.data.importers.edges import import_edges

    finding = {"method": method, "sigma": sigma, "low": low, "high": high}
    settings = validated(EdgeSettings, finding, "edges")
    with count_bar("finding edges") as bar:
        counts = import_edges(
            source, out, settings, val_share=val_share, place=_place(copies), limit=limit, progress=bar
        )
    _tell(out, counts, check)


@app.command("unlabelled", cls=Format)
def unlabelled(
    source: Source,
    out: Out,
    segmenter: Annotated[str | None, typer.Option(help="Bundled class set, folder or Hugging Face id.")] = None,
    mapping: Annotated[str | None, typer.Option(help="What the segmenter's outputs mean.")] = None,
    confidence: Annotated[float, typer.Option(min=0, max=1, help="Less probable pixels become void.")] = 0.0,
    val_share: ValShare = None,
    limit: Limit = None,
    copies: Copies = False,
    check: Check = True,
) -> None:
    """Photos in SRC, or in SRC/train and SRC/val: a segmenter makes their label maps."""
    from semsynth.data.importers.pairs import import_listing
    from semsynth.data.importers.unlabelled import list_unlabelled
    from semsynth.evaluation.segmenters.hugging_face import load_segmenter
    from semsynth.evaluation.segmenters.photos import label_photo

    if segmenter is None:
        raise SemsynthError("'unlabelled' needs a segmenter that makes the label maps: --segmenter SEG")
    loaded = load_segmenter(segmenter, mapping)
    listing = list_unlabelled(
        source, loaded.classes, partial(label_photo, loaded, confidence=confidence), val_share=val_share
    )
    with count_bar("labelling") as bar:
        counts = import_listing(listing, out, place=_place(copies), limit=limit, progress=bar)
    _tell(out, counts, check)


@app.command("huggingface", cls=Format)
def huggingface(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="user/name on the Hub, or a folder of Parquet files or of save_to_disk.",
            show_default=False,
        ),
    ],
    out: Out,
    classes: Classes = None,
    config: Annotated[str | None, typer.Option(help="The data set's configuration, if it has several.")] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="Take this split of the data set; may be repeated. Default all.")
    ] = None,
    image_column: Annotated[str, typer.Option(help="The photos' column.")] = "image",
    mask_column: Annotated[
        str | None, typer.Option(help="The label maps' column; default the only other one of pictures.")
    ] = None,
    void: Void = None,
    limit: Limit = None,
    check: Check = True,
) -> None:
    """Any set of the Hugging Face library `datasets` with a column of photos and one of label maps.

    Needs semsynth[huggingface]. The licence is the one that the data set's page on https://huggingface.co/datasets
    names. --classes says what the ids or colours mean; photos keep their bytes if they are JPEG or PNG.
    """
    from semsynth.data.importers.huggingface import list_huggingface

    known = class_set(classes, Path(source))
    listing = list_huggingface(
        source,
        known,
        config=config,
        splits=split or (),
        image_column=image_column,
        mask_column=mask_column,
        void=void,
    )
    bring(listing, out, limit, False, check)


def _place(copies: bool) -> Place:
    from semsynth.data.placing import copy, link

    return copy if copies else link


def _tell(out: Path, counts: dict[str, int], check: bool) -> None:
    """How much was imported, and what is wrong with it: that is no failure of the import."""
    from semsynth.data.check import check_dataset
    from semsynth.data.check_conditions import check_conditions
    from semsynth.data.folder import holds_conditions

    pairs = ", ".join(f"{split} {count}" for split, count in counts.items())
    typer.echo(f"{out}: {pairs} pairs" + ("" if check else f". Check them: semsynth data check {out}"))
    if check:
        with count_bar("checking") as bar:
            print_report(check_conditions(out, bar) if holds_conditions(out) else check_dataset(out, bar))
