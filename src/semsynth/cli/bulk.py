"""``semsynth synthesize --engine``: its options, and what became of the job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.bulk.run import BulkSummary

EngineOption = Annotated[
    Literal["local", "ray"] | None,
    typer.Option("--engine", help="Many layouts (a folder, a dataset or shards) by worker processes, or by Ray."),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="With --engine: processes; default one for each GPU or core.")
]
AddressOption = Annotated[
    str | None, typer.Option("--address", help="With --engine ray: the cluster; auto is the one that runs here.")
]
GpusOption = Annotated[
    float | None, typer.Option("--gpus", min=0, help="With --engine ray: GPUs of each worker; 0.5 lets two share one.")
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="With --engine: only the first layouts.")]
ShardSizeOption = Annotated[
    str | None, typer.Option("--shard-size", metavar="SIZE", help="With --engine: write tar shards, such as 500MB.")
]
_SHOWN_NOTES = 3


def refuse(with_engine: bool, given: Mapping[str, object]) -> None:
    """Refuse options of the other way of synthesis; ``given``: by name, None or False where left out."""
    names = [name for name, value in given.items() if value is not None and value is not False]
    if names:
        why = "does not go with --engine" if with_engine else "needs --engine local or --engine ray"
        raise SemsynthError(f"{names[0]} {why}")


def conclude(summary: BulkSummary, out: Path, seconds: float) -> None:
    """Print what a run did; exit code 1 where layouts failed."""
    from semsynth.bulk.manifest import FAILURES

    kept = f", {summary.kept} were there" if summary.kept else ""
    rate = f" ({summary.made / seconds:.1f} per second)" if summary.made else ""
    typer.echo(f"{summary.made} pictures made in {out}{rate}{kept}")
    for note in summary.notes[:_SHOWN_NOTES]:
        typer.echo(f"note: {note}", err=True)
    if len(summary.notes) > _SHOWN_NOTES:
        typer.echo(f"note: and {len(summary.notes) - _SHOWN_NOTES} more such notes on other layouts", err=True)
    if summary.failed:
        listed = f"{summary.failed} layout{'s' if summary.failed > 1 else ''} failed, listed in {out / FAILURES}"
        typer.echo(f"error: {listed}; the first: {' '.join(summary.first_error.split())}", err=True)
        raise typer.Exit(1)
