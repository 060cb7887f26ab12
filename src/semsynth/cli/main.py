"""The ``semsynth`` command.

Every sub-command lives in its own module and imports its work inside the function, so that
``semsynth --help`` never waits for torch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from semsynth.cli import bank, convert, data, segmenter, study, styles
from semsynth.cli.compare import compare
from semsynth.cli.demo import demo
from semsynth.cli.doctor import doctor
from semsynth.cli.edit import edit
from semsynth.cli.evaluate import evaluate
from semsynth.cli.export import export
from semsynth.cli.hub import push
from semsynth.cli.importing import app as data_import
from semsynth.cli.label import label
from semsynth.cli.last_net import interruptible, last_net
from semsynth.cli.memorisation import memorisation
from semsynth.cli.models import models
from semsynth.cli.ordered import OrderedCommand
from semsynth.cli.remake import remake
from semsynth.cli.render import render
from semsynth.cli.studio import studio
from semsynth.cli.synthesize import synthesize
from semsynth.cli.train import train
from semsynth.errors import SemsynthError, shortened
from semsynth.version import __version__

_WORDS = "semsynth.cli.main"
_ARGUMENT = re.compile(r"`(\w+)(?:=([^`]+))?`")


class _ErrorLineGroup(TyperGroup):
    """Turns a :class:`SemsynthError` of any command into one line on stderr and exit code 2.

    Messages of the library call its arguments `name` or `name=value`; here they become the command's options.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep the words that name the command, which its context takes with it when it ends."""
        ctx.meta[_WORDS] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # a click context: which click depends on Typer's version
        """Run the command."""
        try:
            with interruptible("nothing half-written stays, and the same command begins again"):
                return super().invoke(ctx)
        except SemsynthError as error:
            text = _ARGUMENT.sub(lambda found: self._option(ctx, found), str(error))
            typer.echo("error: " + " ".join(text.split()), err=True)
            raise typer.Exit(2) from error
        except OSError as error:
            if error.filename is None:
                raise
            # Of a path that somebody gave: names that are too long, folders that cannot be entered.
            typer.echo(f"error: cannot use {shortened(error.filename)}: {error.strerror}: check the path", err=True)
            raise typer.Exit(2) from error

    def _option(self, ctx: Any, found: re.Match[str]) -> str:
        """The option of the command that was called for an argument; anything else stays as it is."""
        command: Any = self
        for word in ctx.meta[_WORDS]:
            command = (command.get_command(ctx, word) if hasattr(command, "get_command") else None) or command
        flags = {name: flag for one in command.params for name, flag in _names(one)}
        if found[0] in flags:
            return flags[found[0]]
        flag = flags.get(found[1], "")
        return " ".join(filter(None, (flag, found[2]))) if flag.startswith("--") else found[0]


def _names(parameter: Any) -> Iterator[tuple[str, str]]:
    """What the library may call a parameter of a command, with the option; ``NAME=False`` is that of ``--no-NAME``."""
    for flag in (*parameter.opts, *parameter.secondary_opts):
        name = flag.lstrip("-").replace("-", "_")
        if name.startswith("no_"):
            yield f"`{name.removeprefix('no_')}=False`", flag
        if flag in parameter.opts:
            yield name, parameter.opts[0]
            yield parameter.name, parameter.opts[0]


app = typer.Typer(
    name="semsynth",
    cls=_ErrorLineGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"semsynth {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Semantic image synthesis: a label map goes in, a photograph comes out."""


app.command()(demo)
app.command()(synthesize)
app.command()(remake)
app.command()(render)
app.command()(studio)
app.command(cls=OrderedCommand)(edit)
app.command()(train)
app.command()(evaluate)
app.command()(memorisation)
app.command()(label)
app.command()(export)
app.command()(push)
app.command()(compare)
app.command()(models)
app.command()(doctor)
data.app.add_typer(data_import, name="import")
app.add_typer(data.app, name="data")
app.add_typer(convert.app, name="convert")
app.add_typer(bank.app, name="bank")
app.add_typer(styles.app, name="styles")
app.add_typer(study.app, name="study")
app.add_typer(segmenter.app, name="segmenter")


def main() -> None:
    """Run the command line; wrong usage and wrong input exit with 2, Ctrl-C with 130, mistakes of semsynth with 70."""
    # Torch's threads otherwise wait for one another by spinning: on a machine that has anything else to do, ten times
    # the time. Read when torch is loaded, which the commands do later.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with last_net():
        app(prog_name="semsynth")
