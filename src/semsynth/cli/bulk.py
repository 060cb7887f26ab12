"""``semsynth synthesize --engine``, and ``semsynth remake``: many layouts, and one picture of them again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Literal, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.bulk.job import Engine, Job
    from semsynth.bulk.run import Summary
    from semsynth.data.progress import Progress as Report
    from semsynth.layout import Size
    from semsynth.synthesizer import Precision, Synthesizer

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
_SECONDS = 30
"""Between lines where there is no terminal."""


def refuse(with_engine: bool, given: Mapping[str, object]) -> None:
    """Refuse options of the other way of synthesis; ``given``: by name, None or False where left out."""
    names = [name for name, value in given.items() if value is not None and value is not False]
    if names:
        why = "does not go with --engine" if with_engine else "needs --engine local or --engine ray"
        raise SemsynthError(f"{names[0]} {why}")


def choose_engine(
    engine: Literal["local", "ray"], device: str, workers: int | None, address: str | None, gpus: float | None
) -> Engine:
    """What brings layouts to workers."""
    if engine == "ray":
        from semsynth.bulk.ray_engine import ray_engine

        if device not in ("auto", "cpu", "cuda"):
            raise SemsynthError(f"--device {device}: Ray chooses among its GPUs; give auto, cpu or cuda")
        return ray_engine(address, workers, 0.0 if device == "cpu" else gpus)
    refuse(True, {"--address": address, "--gpus": gpus})
    from semsynth.bulk.local import choose_devices, local_engine

    return local_engine(choose_devices(device, workers))


def make_job(
    model: str | None,
    precision: Literal["float32", "bfloat16"],
    style: Path | None,
    seed: int | None,
    count: int | None,
    size: Size | None,
    strict_size: bool,
    region_seeds: Mapping[int | str, int],
) -> tuple[Job, Synthesizer]:
    """The job, and its model on the CPU: what cannot be made is refused before workers start."""
    from semsynth.bulk.job import Job, lasting_name, model_digest
    from semsynth.checkpoint import find_model
    from semsynth.files import sha256
    from semsynth.synthesizer import DEFAULT_MODEL, load

    model = model or DEFAULT_MODEL
    if Path(model).is_file():
        raise SemsynthError(f"{model} is an exported model: --engine takes the model folder that it came from")
    synthesizer = load(model, "cpu", "float32")
    synthesizer.style(style, seed, None, region_seeds)
    if count is not None:
        if style is not None and count > 1:
            raise SemsynthError("--style takes the style from one photo: leave out --count")
        synthesizer.check_count(count)
    job = Job(
        model=lasting_name(model),
        model_sha256=model_digest(find_model(model)),
        seed=seed or 0,
        count=count,
        size=size,
        strict_size=strict_size,
        style=None if style is None else str(style.absolute()),
        style_sha256=None if style is None else sha256(style),
        region_seeds=tuple(region_seeds.items()),
        precision=precision,
    )
    return job, synthesizer


def settled(precision: Precision, device: str) -> Literal["float32", "bfloat16"]:
    """The arithmetic of all workers, where this machine's devices are to say."""
    import torch

    from semsynth.synthesizer import choose_device, choose_dtype

    dtype = choose_dtype(precision, choose_device(device if precision == "auto" else "cpu"))
    return "bfloat16" if dtype == torch.bfloat16 else "float32"


def sharded(job: Job, size: str | None) -> Job:
    """The same job, into shards where their size is given."""
    from semsynth.data.shards.index import parse_size

    return job if size is None else job.model_copy(update={"shard_size": parse_size(size)})


def run_bulk(
    job: Job,
    synthesizer: Synthesizer,
    folders: Sequence[Path],
    instances: Path | None,
    limit: int | None,
    out: Path,
    engine: Engine,
) -> None:
    """Run the job, and say what became of it: exit code 1 where layouts failed."""
    from semsynth.bulk.run import run_job
    from semsynth.bulk.sources import open_layouts

    if len(folders) > 1:
        raise SemsynthError(f"--engine takes one folder of layouts, not {len(folders)} paths")
    reader, folder = synthesizer.conditions, folders[0]
    layouts = open_layouts(folder, pictures=reader.reads_pictures, instances=instances)
    if (classes := layouts.classes) is not None:
        reader.check_classes(classes, str(folder))
    if synthesizer.needs_instances and not layouts.has_instances:
        raise SemsynthError("this model reads instance boundaries: give them with --instances DIR")
    tasks = list(layouts.tasks(job.numbers, synthesizer.uses_instances))[:limit]
    start = time.monotonic()
    with _Bars() as bars:
        summary = run_job(
            job, tasks, None if reader.reads_pictures else reader.classes, out, engine, bars.begin, bars.tell
        )
    _conclude(summary, out, time.monotonic() - start)


def remake(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What synthesize --engine filled.", show_default=False)
    ],
    name: Annotated[str, typer.Argument(metavar="[SPLIT/]NAME", help="The picture.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="PICTURE.png", help="Where to write it.", show_default=False)],
    layout: Annotated[Path | None, typer.Option(help="The label map, where it has moved.")] = None,
    model: Annotated[str | None, typer.Option(help="The model, where it has moved.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Make one picture of a bulk job again from its line of the manifest, and compare it with that line."""
    from semsynth.bulk.remake import find_line
    from semsynth.bulk.remake import remake as make_again
    from semsynth.files import write_bytes

    line = find_line(folder, name)
    remade = make_again(line, device, layout, model)
    write_bytes(out, remade.png)
    if remade.equal:
        typer.echo(f"{out} is {line.name}, bit for bit")
        return
    typer.echo(
        f"{out} differs from {line.name}, which semsynth {line.semsynth} with torch {line.torch} made on "
        f"{line.device}: other versions and devices round differently",
        err=True,
    )
    raise typer.Exit(1)


def _conclude(summary: Summary, out: Path, seconds: float) -> None:
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


class _Rate(ProgressColumn):
    """Pictures per second of the last while."""

    def render(self, task: Task) -> Text:
        """Nothing until it is known."""
        return Text("" if task.speed is None or task.finished else f"{task.speed:.1f}/s")


class _Bars:
    """Progress on stderr: bars in a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, soft_wrap=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            speed_estimate_period=60,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> Self:
        """Show them."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove them."""
        self._bars.stop()

    def begin(self, name: str) -> Report:
        """A bar, as soon as there is something to count."""
        task = self._bars.add_task(name, total=None, visible=False)
        start = said = time.monotonic()
        first = -1

        def report(done: int, total: int) -> None:
            nonlocal first, said
            first = done if first < 0 else first
            self._bars.update(task, completed=done, total=total, visible=True)
            now = time.monotonic()
            if not self._console.is_terminal and now - said > _SECONDS and done < total:
                said, rate = now, (done - first) / (now - start)
                left = f", {rate:.1f}/s, {(total - done) / rate / 60:.0f} min left" if rate else ""
                self.tell(f"{name}: {done} of {total}{left}")

        return report

    def tell(self, text: str) -> None:
        """A line."""
        self._console.print(text, highlight=False, markup=False)
