"""``semsynth data import``: one sub-command per format of the table in :mod:`semsynth.api.importers`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from semsynth.api.importers import IMPORTERS, Importer, ImportOption
from semsynth.cli.dataset_report import print_report
from semsynth.cli.last_net import interruptible
from semsynth.cli.progress import Notes, count_bar
from semsynth.errors import SemsynthError


class FormatGroup(TyperGroup):
    """Lists the formats where somebody asks for one that does not exist."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The sub-command."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise SemsynthError(f"there is no format '{args[0]}'; known: {', '.join(self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


class Format(TyperCommand):
    """Says which format has an option that this one lacks."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options."""
        own = _flags(self, ctx)
        for given in (arg.partition("=")[0] for arg in args if arg.startswith("--") and arg != "--"):
            others = [f"'{name}'" for name, other in ctx.parent.command.commands.items() if given in _flags(other, ctx)]
            if given not in own and others:
                raise SemsynthError(
                    f"'{ctx.info_name}' has no {given}: options of that name belong to {', '.join(others)}"
                )
        return super().parse_args(ctx, args)


def _flags(command: Any, ctx: Any) -> set[str]:
    return {name for parameter in command.get_params(ctx) for name in (*parameter.opts, *parameter.secondary_opts)}


app = typer.Typer(cls=FormatGroup, no_args_is_help=True)

Limit = Annotated[int | None, typer.Option(min=1, help="At most N samples per split.", metavar="N")]
Copies = Annotated[bool, typer.Option("--copy", help="Copy the files; by default they are linked.")]
Check = Annotated[
    bool, typer.Option("--check/--no-check", help="Read it all again and sum it up, as `semsynth data check` does.")
]


@app.callback()
def about() -> None:
    """Make a dataset folder of data laid out differently.

    Files are linked (or copied) as they are; what cannot be linked is written as ids. The same command resumes an
    import that was interrupted. `semsynth data import FORMAT --help` says what to download, where, and under which
    licence. SRC may be a zip file of the folder.
    """


def _command(importer: Importer) -> Callable[..., None]:
    """The function behind one sub-command; Typer reads its parameters from the signature."""

    def run(*, source: str, out: Path, check: bool, **given: Any) -> None:
        from semsynth.api.datasets import import_dataset
        from semsynth.data.source import open_source

        go_on = interruptible(f"the same command continues in {out}")
        with go_on, Notes() as notes, count_bar("importing") as bar:
            counts = import_dataset(importer.name, source, out, progress=bar, tell=notes.tell, **given)
        if given.get("dry_run"):
            return
        pairs = ", ".join(f"{split} {count}" for split, count in counts.items())
        typer.echo(f"{out}: {pairs} pairs" + ("" if check else f". Check them: semsynth data check {out}"))
        if check:  # problems are no failure of the import
            with count_bar("checking") as bar:
                print_report(open_source(out).report(bar))

    run.__doc__ = f"{importer.summary}\n\n{importer.details}"
    parameters = list(_parameters(importer))
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _parameters(importer: Importer) -> Iterator[Parameter]:
    source = typer.Argument(metavar="SRC", help=importer.source, show_default=False)
    out = typer.Argument(help="The dataset folder to make.", show_default=False)
    yield Parameter("source", Parameter.KEYWORD_ONLY, annotation=Annotated[str, source])
    yield Parameter("out", Parameter.KEYWORD_ONLY, annotation=Annotated[Path, out])
    for option in importer.options:
        yield Parameter(option.name, Parameter.KEYWORD_ONLY, default=option.default, annotation=_annotation(option))
    yield Parameter("limit", Parameter.KEYWORD_ONLY, default=None, annotation=Limit)
    if importer.links:
        yield Parameter("copy", Parameter.KEYWORD_ONLY, default=False, annotation=Copies)
    yield Parameter("check", Parameter.KEYWORD_ONLY, default=True, annotation=Check)


def _annotation(option: ImportOption) -> Any:
    kind = option.kind if option.default is not None else option.kind | None
    flags = (option.flag,) if option.flag else ()
    return Annotated[kind, typer.Option(*flags, help=option.about, min=option.least, max=option.most)]


for _importer in IMPORTERS.values():
    app.command(_importer.name, cls=Format)(_command(_importer))
