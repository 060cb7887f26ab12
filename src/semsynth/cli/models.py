"""``semsynth models``: list the models at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from semsynth.api.models import ListedModel

_COLUMNS = ("model", "place", "system", "classes", "size", "parameters", "files", "licence")
_LICENCE = 48
"""Characters of a licence in the table."""
_WIDTH = 200
"""Characters of a line of the table in files and pipes."""
_UNLIMITED = 2**20
"""Columns in which every name fits."""


def models(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER...]", help="Folders with local models (default: this one and runs/)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything that is known as JSON.")] = False,
) -> None:
    """List the models at hand: bundled, local, and those in the Hugging Face cache.

    Only configurations and cards are read, no weights.
    """
    from semsynth.api.models import list_models

    found = list_models(folders or ())
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDTH
    _print(found, console)
    for one in found:
        if one.problem is not None:
            typer.echo(f"note: {one.problem}", err=True)


def _print(found: Sequence[ListedModel], console: Console) -> None:
    """Print as many columns as fit, in full: a name that is cut cannot be typed."""
    from rich.measure import Measurement
    from rich.table import Column, Table

    rows = [_row(one) for one in found]
    for shown in range(len(_COLUMNS), 0, -1):
        table = Table(*(Column(name, no_wrap=True) for name in _COLUMNS[:shown]))
        for row in rows:
            table.add_row(*row[:shown])
        needed = Measurement.get(console, console.options.update_width(_UNLIMITED), table).maximum
        if needed <= console.width or shown == 1:
            break
    console.width = max(console.width, needed)
    console.print(table)
    if shown < len(_COLUMNS):
        typer.echo(
            f"note: a wider terminal shows {', '.join(_COLUMNS[shown:])}, too; --json prints everything", err=True
        )


def _row(one: ListedModel) -> list[str]:
    if one.problem is not None:
        return [one.model, one.place, "unreadable", *[""] * (len(_COLUMNS) - 3)]
    licence = one.licence if len(one.licence) <= _LICENCE else one.licence[: _LICENCE - 1] + "…"
    return [
        one.model,
        one.place,
        one.system,
        f"{one.class_set} ({one.num_classes})",
        one.size,
        f"{one.parameters:,}",
        f"{one.file_bytes / 1e6:.1f} MB",
        licence or "not stated",
    ]
