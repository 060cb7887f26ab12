"""``semsynth models``: list the models at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from semsynth.api.models import ListedModel

_LICENCE = 48
"""Characters of a licence in the table."""
_WIDTH = 200
"""Characters of a line of the table in files and pipes."""


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
    console.print(_table(found))
    for one in found:
        if one.problem is not None:
            typer.echo(f"note: {one.problem}", err=True)


def _table(found: Sequence[ListedModel]) -> Table:
    from rich.table import Table

    table = Table("model", "place", "system", "classes", "size", "parameters", "files", "licence")
    for one in found:
        licence = one.licence if len(one.licence) <= _LICENCE else one.licence[: _LICENCE - 1] + "…"
        if one.problem is not None:
            table.add_row(one.model, one.place, "unreadable", "", "", "", "", "")
            continue
        table.add_row(
            one.model,
            one.place,
            one.system,
            f"{one.class_set} ({one.num_classes})",
            one.size,
            f"{one.parameters:,}",
            f"{one.file_bytes / 1e6:.1f} MB",
            licence or "not stated",
        )
    return table
