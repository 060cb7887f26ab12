"""Bulk synthesis as one function: a folder of layouts in, a dataset of photos out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch

from semsynth.bulk.engine import BulkEngine
from semsynth.bulk.job import BulkJob, make_job
from semsynth.bulk.local import choose_devices, local_engine
from semsynth.bulk.ray_engine import ray_engine
from semsynth.bulk.run import BulkSummary, run_job
from semsynth.bulk.sources import open_layouts
from semsynth.bulk.task import BulkTask
from semsynth.data.progress import Stages, Tell, silent_stages, tell_nobody
from semsynth.data.shards.index import parse_size
from semsynth.errors import SemsynthError
from semsynth.layout import Size
from semsynth.synthesizer import DEFAULT_MODEL, Precision, Synthesizer, choose_device, choose_dtype


def synthesize_folder(
    layouts: str | Path,
    out: str | Path,
    model: str | Path = DEFAULT_MODEL,
    *,
    style: str | Path | None = None,
    seed: int | None = None,
    region_seeds: Mapping[int | str, int] | None = None,
    count: int | None = None,
    size: Size | None = None,
    strict_size: bool = False,
    instances: str | Path | None = None,
    limit: int | None = None,
    shard_size: str | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    engine: BulkEngine | None = None,
    progress: Stages = silent_stages,
    tell: Tell = tell_nobody,
) -> BulkSummary:
    """Make photos of all layouts of a folder; what an earlier call has made, and is right, stays.

    Worker processes import the main program: in a script, call this under ``if __name__ == "__main__":``.

    Args:
        layouts: a dataset folder, one split of it, a folder of label maps (or of pictures, for models that read these),
            or a folder of shards.
        out: a folder that is new, empty, or of the same job; becomes a dataset folder with ``manifest.jsonl``.
        model: as in :func:`semsynth.load`, but not an exported model.
        style: a photo that gives all photos their style.
        seed: what the seeds of single photos are drawn from; None: 0.
        region_seeds: other noise for regions, by instance id, class id or class name (OASIS).
        count: photos of each layout, named ``NAME_0``, ``NAME_1``, ...; None: one, named like the layout.
        size: (height, width) of the photos; None: that of the layout, or the nearest that the model makes.
        strict_size: count a layout whose own size the model cannot make as failed.
        instances: folder of instance maps named like the label maps; None: those of the dataset.
        limit: take only the first layouts.
        shard_size: write tar shards of this size, such as ``500MB``, instead of files.
        device: ``auto``, ``cpu``, ``cuda`` or another device that torch knows.
        precision: ``auto`` takes bfloat16 where the device multiplies in it.
        engine: who makes the photos: :func:`semsynth.bulk.local.local_engine`,
            :func:`semsynth.bulk.ray_engine.ray_engine`, or :func:`semsynth.bulk.engine.in_this_process`; None: a worker
            process for each GPU or each core.
        progress: is told of the parts ``checking`` and ``synthesising``.
        tell: is told what happens to workers.

    Returns:
        How many photos were made, were there already, and failed. Failed layouts are listed in ``failures.jsonl``.

    Raises:
        SemsynthError: before anything is made: no such model or layouts, other classes, or a folder of another job;
            later: a full disk, or workers that cannot load the model.
    """
    job, synthesizer = make_job(
        model,
        precision=_settled(precision, device),
        style=None if style is None else Path(style),
        seed=seed,
        count=count,
        size=size,
        strict_size=strict_size,
        region_seeds=region_seeds,
        shard_size=None if shard_size is None else parse_size(shard_size),
    )
    tasks = _tasks(job, synthesizer, Path(layouts), None if instances is None else Path(instances))[:limit]
    conditions = synthesizer.conditions
    return run_job(
        job,
        tasks,
        None if conditions.reads_pictures else conditions.classes,
        Path(out),
        engine or local_engine(choose_devices(device, None)),
        progress,
        tell,
    )


def choose_engine(
    name: Literal["local", "ray"],
    device: str = "auto",
    workers: int | None = None,
    address: str | None = None,
    gpus: float | None = None,
) -> BulkEngine:
    """The engine of a name.

    Args:
        name: ``local`` for processes of this machine, ``ray`` for actors of a Ray cluster.
        device: where workers compute.
        workers: how many; None: one for each GPU or core, or as many as the cluster has room for.
        address: of the cluster, for Ray.
        gpus: of each actor, for Ray.

    Raises:
        SemsynthError: an argument that the engine does not know, or Ray is not installed.
    """
    if name == "ray":
        if device not in ("auto", "cpu", "cuda"):
            raise SemsynthError(f"`device={device}`: Ray chooses among its GPUs; give auto, cpu or cuda")
        return ray_engine(address, workers, 0.0 if device == "cpu" else gpus)
    for option, value in (("address", address), ("gpus", gpus)):
        if value is not None:
            raise SemsynthError(f"`{option}={value}`: only Ray has it; leave it out")
    return local_engine(choose_devices(device, workers))


def _settled(precision: Precision, device: str) -> Literal["float32", "bfloat16"]:
    """The arithmetic of all workers; ``auto`` is decided by this machine's devices."""
    dtype = choose_dtype(precision, choose_device(device if precision == "auto" else "cpu"))
    return "bfloat16" if dtype == torch.bfloat16 else "float32"


def _tasks(job: BulkJob, synthesizer: Synthesizer, folder: Path, instances: Path | None) -> list[BulkTask]:
    """All pictures to make of a folder's layouts.

    Raises:
        SemsynthError: no layouts, layouts of other classes, or without the instance maps that the model needs.
    """
    layouts = open_layouts(folder, pictures=synthesizer.conditions.reads_pictures, instances=instances)
    if (classes := layouts.classes) is not None:
        synthesizer.conditions.check_classes(classes, str(folder))
    if synthesizer.needs_instances and not layouts.has_instances:
        raise SemsynthError("this model reads instance boundaries: give the folder of their maps with `instances`")
    return list(layouts.tasks(job.numbers, synthesizer.uses_instances))
