"""``semsynth convert``: models of other codes as model folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from semsynth.convert.official import ConversionReport

app = typer.Typer(no_args_is_help=True, help="Turn checkpoints of official codes into model folders.")

Checkpoint = Annotated[
    Path,
    typer.Argument(metavar="FILE_OR_FOLDER", help="The generator, or the folder that holds it.", show_default=False),
]
Options = Annotated[
    Path | None,
    typer.Option(help="opt.txt of its training, opt.pkl, or JSON (default: the file beside the checkpoint)."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="An official option, such as dataset_mode=coco; repeatable."),
]
Out = Annotated[Path | None, typer.Option(help="The model folder to make.", show_default=False)]
Encoder = Annotated[
    Path | None,
    typer.Option(help="*_net_E.pth of a VAE model or of one with features (default: the one beside the generator)."),
]
Clusters = Annotated[
    Path | None,
    typer.Option(help="features_clustered_010.npy, for the style bank (default: the one beside the generator)."),
]
Classes = Annotated[
    str | None,
    typer.Option(help="classes.json or name of a built-in class set (default: the official dataset's, if they fit)."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print what was recognised and where each option came from; write nothing.")
]
Check = Annotated[
    Path | None,
    typer.Option(help="Picture that the official code made of --check-map: print how far the model's differs."),
]
CheckMap = Annotated[Path | None, typer.Option(help="Label map of the picture given with --check.")]
CheckInstances = Annotated[Path | None, typer.Option(help="Instance map of the picture given with --check.")]


@app.callback()
def _systems() -> None:
    """Turn checkpoints of official codes into model folders."""


def _command(system: str, what: str) -> None:
    """Make the command of a system; all take the same options, and the library refuses those that don't apply."""

    def convert(
        checkpoint: Checkpoint,
        out: Out = None,
        options: Options = None,
        settings: Set = None,
        encoder: Encoder = None,
        clusters: Clusters = None,
        classes: Classes = None,
        dry_run: DryRun = False,
        check: Check = None,
        check_map: CheckMap = None,
        check_instances: CheckInstances = None,
    ) -> None:
        from semsynth.cli.options import parse_settings
        from semsynth.convert.checking import compare_with_official
        from semsynth.convert.converting import convert_checkpoint
        from semsynth.errors import SemsynthError

        if (out is None) != dry_run:
            raise SemsynthError("give --out DIR for the model folder, or --dry-run to write nothing")
        if check is not None and (check_map is None or out is None):
            raise SemsynthError("--check compares a picture of a label map: give --check-map, and --out")
        given: dict[str, Any] = {"options": options, "encoder": encoder, "clusters": clusters, "classes": classes}
        report = convert_checkpoint(system, checkpoint, out, settings=parse_settings(settings or []), **given)  # type: ignore[arg-type]
        _show(report, out)
        if out is not None and check is not None and check_map is not None:
            typer.echo(str(compare_with_official(out, check, check_map, check_instances)))

    app.command(system, help=f"{what} Nothing in the files is run.")(convert)


_command("auto", "Convert a checkpoint of any of the official codes below, told by its tensors' names.")
_command("spade", "Convert a generator, and a style encoder, of the official SPADE code.")
_command("pix2pixhd", "Convert a generator, feature encoder and styles of the official pix2pixHD code.")
_command("oasis", "Convert a generator of the official OASIS code, preferably the EMA checkpoint, *_EMA.pth.")
_command("crn", "Convert a generator of the official CRN code, exported to .npz: see docs/recipes/crn.md.")


def _show(report: ConversionReport, out: Path | None) -> None:
    typer.echo(f"{report.recognized}: {report.loaded} tensors taken over, none missing")
    if out is None:
        for option in report.options:
            typer.echo(f"  {option}")
    for line in report.found:
        typer.echo(line)
    for phrase in report.left_out:
        typer.echo(f"{phrase} left out: nothing reads {'it' if phrase.startswith('1 ') else 'them'}")
    if report.unused:
        more = f" and {len(report.unused) - 5} more" if len(report.unused) > 5 else ""
        typer.echo(f"unused: {', '.join(report.unused[:5])}{more}")
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    if out is not None:
        typer.echo(f"{out} is ready: semsynth synthesize MAP.png --model {out} --out DIR")
