"""``semsynth synthesize --engine``: its options, and what became of the job."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from semsynth.cli.last_net import interruptible
from semsynth.cli.progress import JobBars, Notes
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.bulk.faithfulness_report import FaithfulnessSummary
    from semsynth.bulk.run import BulkSummary

EngineOption = Annotated[
    Literal["local", "ray"] | None,
    typer.Option("--engine", help="Many layouts (a folder, a dataset or shards) by worker processes, or by Ray."),
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="With --engine or --tile: processes (default: one for each GPU or core)."),
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

SegmenterOption = Annotated[
    str | None,
    typer.Option(
        "--segmenter", help="With --engine: scores each photo against its label map; a folder or a Hugging Face id."
    ),
]
MappingOption = Annotated[
    str | None,
    typer.Option("--mapping", help="What the segmenter's outputs mean: a mapping file or a built-in mapping."),
]
MinFaithfulnessOption = Annotated[
    float | None,
    typer.Option(
        "--min-faithfulness",
        metavar="X",
        min=0,
        max=1,
        help="With --engine: keep only photos whose mean IoU with their label map is X or more.",
    ),
]
TriesOption = Annotated[
    int | None,
    typer.Option("--tries", min=1, max=1000, help="Photos made, with other seeds, until one is kept (default: 1)."),
]
IgnoreBelowOption = Annotated[
    float | None,
    typer.Option(
        "--ignore-below",
        metavar="X",
        min=0,
        max=1,
        help="With --engine: objects seen on less than share X of their pixels become void in the label map.",
    ),
]


def refuse(with_engine: bool, given: Mapping[str, object]) -> None:
    """Refuse options of the other way of synthesis; ``given``: by name, None or False where left out."""
    names = [name for name, value in given.items() if value is not None and value is not False]
    if names:
        why = "does not go with --engine" if with_engine else "needs --engine local or --engine ray"
        raise SemsynthError(f"{names[0]} {why}")


def synthesize(
    folders: Sequence[Path],
    out: Path,
    model: str | None,
    engine: Literal["local", "ray"],
    workers: int | None,
    address: str | None,
    gpus: float | None,
    **how: Any,
) -> None:
    """Run a bulk job with bars, and print what became of it; ``how``: see :func:`semsynth.synthesize_folder`."""
    from semsynth.api.bulk import synthesize_folder
    from semsynth.bulk.engines import choose_engine
    from semsynth.synthesizer import DEFAULT_MODEL

    if len(folders) > 1:
        raise SemsynthError(f"--engine takes one folder of layouts, not {len(folders)} paths")
    chosen = choose_engine(engine, how["device"], workers, address, gpus)
    start = time.monotonic()
    with interruptible(f"the same command makes what is missing in {out}"), JobBars() as bars:
        summary = synthesize_folder(
            folders[0], out, model or DEFAULT_MODEL, engine=chosen, progress=bars.begin, tell=bars.tell, **how
        )
    _conclude(summary, out, time.monotonic() - start)


def _conclude(summary: BulkSummary, out: Path, seconds: float) -> None:
    """Print what a run did; exit code 1 where layouts failed."""
    from semsynth.bulk.manifest import FAILURES

    kept = f", {summary.kept} were there" if summary.kept else ""
    rate = f" ({summary.made / seconds:.1f} per second)" if summary.made else ""
    typer.echo(f"{summary.made} pictures made in {out}{rate}{kept}")
    with Notes() as notes:
        for note in summary.notes:
            notes.tell(note)
    if summary.faithfulness is not None:
        _tell_scores(summary.faithfulness, out)
    if summary.failed:
        listed = f"{summary.failed} layout{'s' if summary.failed > 1 else ''} failed, listed in {out / FAILURES}"
        typer.echo(f"error: {listed}; the first: {' '.join(summary.first_error.split())}", err=True)
        raise typer.Exit(1)


def _tell_scores(scores: FaithfulnessSummary, out: Path) -> None:
    """Print how many pictures are kept, their mean score, and where the page is."""
    from semsynth.bulk.faithfulness_report import FOLDER, PAGE

    mean = "" if scores.mean_iou is None else f", mean IoU {scores.mean_iou:.3f}"
    share = f"{scores.kept} of {scores.kept + scores.left_out} pictures kept"
    void = f", {scores.ignored:.1%} of labelled pixels became void" if scores.ignored else ""
    typer.echo(f"faithfulness: {share}{mean}{void}: {out / FOLDER / PAGE}")
