"""The Ray engine: makers in a pool of actors, on one machine or a cluster (``semsynth[ray]``)."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic

from pydantic import TypeAdapter

from semsynth.bulk.engine import BulkEngine, Make, OpenMaker
from semsynth.bulk.task import Outcome, T
from semsynth.data.progress import Tell
from semsynth.errors import SemsynthError
from semsynth.extras import require

if TYPE_CHECKING:
    import pyarrow

_BLOCK = 8
"""Tasks that an actor gets at a time."""
_ATTEMPTS = 3
"""Actors that may die with a task before it counts as failed."""
_STORE = 2**30
"""Bytes of the object store of a cluster of one's own: tasks and outcomes are small, and the rest goes to the disk."""


def ray_engine(address: str | None = None, workers: int | None = None, gpus: float | None = None) -> BulkEngine:
    """The engine on a Ray cluster; every node needs this package, and the folders at the same paths.

    Args:
        address: of the cluster, ``auto`` for the one that runs here; None: that of ``RAY_ADDRESS``, or a new one on
            this machine, which ends with the job.
        workers: actors; None: as many as the cluster has room for.
        gpus: of each actor; parts of one share it. None: 1 where the cluster has GPUs, else 0.

    Raises:
        SemsynthError: Ray is not installed.
    """
    require("ray", "bulk synthesis by Ray", "ray", "pyarrow")
    return partial(_run, address=address, workers=workers, gpus=gpus)


class _Attempts:
    """Counts how often work was begun that has not ended: Ray itself tries for ever what kills its actors."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()

    def begin(self, work: str) -> int:
        """The number of this attempt, from 1."""
        self.begun[work] += 1
        return self.begun[work]

    def end(self, work: Sequence[str]) -> None:
        """It went well, or was given up."""
        for one in work:
            self.begun.pop(one, None)


class _Actor(Generic[T]):
    """A maker as Ray Data calls it."""

    def __init__(self, open_maker: OpenMaker[T], kind: type[T], device: str, attempts: Any) -> None:
        self.attempts, self.problem, self.texts = attempts, "", _Texts(kind)
        self.make: Make[T] | None = None
        try:
            self.make = open_maker(device)
        except SemsynthError as error:  # raised here, Ray would try it again
            self.problem = str(error)

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        """Outcomes of the tasks of a block; task by task, where a block has killed an actor before."""
        texts = batch["task"].to_pylist()
        block = f"block {texts[0]}"
        careful = self._begin(block) > 1
        outcomes = [self._tried(text) if careful else self._made(text) for text in texts]
        self.attempts.end.remote([block, *texts])
        return self.texts.table(outcomes)

    def _made(self, text: str) -> Outcome[T]:
        task = self.texts.task(text)
        return Outcome(task, error=self.problem, fatal=True) if self.make is None else self.make(task)

    def _tried(self, text: str) -> Outcome[T]:
        if self._begin(text) < _ATTEMPTS:  # one died with the block
            outcome = self._made(text)
            self.attempts.end.remote([text])
            return outcome
        return Outcome(self.texts.task(text), error=f"{_ATTEMPTS} actors died with it: is there enough memory?")

    def _begin(self, work: str) -> int:
        import ray

        attempt: int = ray.get(self.attempts.begin.remote(work))
        return attempt


def _run(
    open_maker: OpenMaker[T],
    tasks: Sequence[T],
    tell: Tell,
    *,
    address: str | None,
    workers: int | None,
    gpus: float | None,
) -> Generator[Outcome[T], None, None]:
    import ray
    import ray.data
    from ray.exceptions import RayError

    if not tasks:
        return
    mine = not ray.is_initialized()
    if mine:
        _connect(address, workers)
    try:
        _configure()
        each = _gpus_of_each(gpus)
        counter: Any = ray.remote(num_cpus=0)(_Attempts)
        kind = type(tasks[0])
        texts = _Texts(kind)
        blocks = ray.data.from_items(
            [{"task": texts.of_task(task)} for task in tasks], override_num_blocks=-(-len(tasks) // _BLOCK)
        )
        outcomes = blocks.map_batches(
            _Actor,
            fn_constructor_args=(open_maker, kind, "cuda" if each else "cpu", counter.remote()),
            batch_size=_BLOCK,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=workers or _room(each)),
            num_gpus=each,
            num_cpus=1,
        )
        yield from _in_order(tasks, texts, outcomes.iter_batches(batch_size=None, batch_format="pyarrow"))
    except RayError as error:
        cause = error.__cause__
        raise SemsynthError(str(cause) if isinstance(cause, SemsynthError) else f"Ray gave up: {error}") from error
    finally:
        if mine:
            ray.shutdown()


def _connect(address: str | None, workers: int | None) -> None:
    """Join a cluster, or begin one with room for ``workers`` that asks the network for nothing."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # on stderr; Ray's log files have the rest
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what later versions do: no warning
    own: dict[str, Any] = {"include_dashboard": False, "object_store_memory": _STORE}
    own["num_cpus"] = max(workers or 1, os.cpu_count() or 1)
    joins = address or os.environ.get("RAY_ADDRESS")
    try:
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **({} if joins else own))
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise SemsynthError(f"no Ray cluster answers at {address or 'this machine'}: {error}") from error


def _configure() -> None:
    """Outcomes in order, quietly; blocks that are lost for good become failures of their tasks."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.max_errored_blocks = -1
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _gpus_of_each(gpus: float | None) -> float:
    import ray

    if gpus is not None:
        return gpus
    return 1.0 if ray.cluster_resources().get("GPU", 0) else 0.0


def _room(gpus: float) -> int:
    """How many actors the cluster has room for; a CPU stays free for what Ray Data does itself."""
    import ray

    resources = ray.cluster_resources()
    if gpus:
        return max(1, int(resources.get("GPU", 0) / gpus))
    return max(1, int(resources.get("CPU", 1)))


def _in_order(tasks: Sequence[T], texts: _Texts[T], tables: Iterable[pyarrow.Table]) -> Iterator[Outcome[T]]:
    """One outcome for every task: Ray leaves out those of blocks that it has lost."""
    waiting = iter(tasks)
    for outcome in (one for table in tables for one in texts.outcomes(table)):
        for task in waiting:
            if task == outcome.task:
                break
            yield _lost(task)
        yield outcome
    yield from map(_lost, waiting)


def _lost(task: T) -> Outcome[T]:
    return Outcome(task, error="the actors that worked on it died, or others of its block did: Ray's logs say more")


class _Texts(Generic[T]):
    """Tasks and outcomes as Ray Data carries them: JSON, and tables with the bytes beside it."""

    def __init__(self, kind: type[T]) -> None:
        self._task: TypeAdapter[T] = TypeAdapter(kind)
        self._outcome: TypeAdapter[Outcome[T]] = TypeAdapter(Outcome[kind])  # type: ignore[valid-type]

    def of_task(self, task: T) -> str:
        """JSON."""
        return self._task.dump_json(task).decode()

    def task(self, text: str) -> T:
        """What :meth:`of_task` made JSON of."""
        return self._task.validate_json(text)

    def table(self, outcomes: Sequence[Outcome[T]]) -> pyarrow.Table:
        """A row for each."""
        import pyarrow as pa

        member = pa.struct([("suffix", pa.string()), ("data", pa.large_binary())])
        members = [
            [[{"suffix": suffix, "data": data} for suffix, data in one.items()] for one in outcome.members]
            for outcome in outcomes
        ]
        rows = [self._outcome.dump_json(outcome, exclude={"members"}).decode() for outcome in outcomes]
        return pa.table({"outcome": rows, "members": pa.array(members, pa.list_(pa.list_(member)))})

    def outcomes(self, table: pyarrow.Table) -> Iterator[Outcome[T]]:
        """What :meth:`table` was made of."""
        for text, members in zip(table["outcome"].to_pylist(), table["members"].to_pylist(), strict=True):
            given = tuple({member["suffix"]: member["data"] for member in one} for one in members)
            yield replace(self._outcome.validate_json(text), members=given)
