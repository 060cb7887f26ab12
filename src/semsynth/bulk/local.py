"""The local engine: worker processes of one machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Generic

import torch

from semsynth.bulk.engine import BulkEngine, OpenMaker
from semsynth.bulk.task import Outcome, T
from semsynth.data.progress import Tell
from semsynth.errors import SemsynthError

_GIVEN = 2
"""Tasks that a worker has at a time: the next one waits while it works on the first."""
_AHEAD = 64
"""Tasks per worker that may be done while an earlier one is not: outcomes wait in memory to come in order."""
_ATTEMPTS = 3
"""Workers that may die with a task before it counts as failed, and at their start before the job does."""
_PRELOADED = ["semsynth.bulk.maker", "torch.fx.experimental.symbolic_shapes"]
"""What workers load before they fork, together; the second is what torch loads with the first network."""


def local_engine(devices: Sequence[str]) -> BulkEngine:
    """The engine with one worker for each of ``devices``."""
    return partial(_run, devices=devices)


def choose_devices(device: str, workers: int | None) -> list[str]:
    """Devices of workers: all GPUs in turn, or the CPU once per core.

    Args:
        device: ``auto`` (GPUs where there are any, else the CPU) or what torch knows.
        workers: how many; None: one for each GPU or core.
    """
    gpus = torch.cuda.device_count()
    if device in ("auto", "cuda") and gpus:
        return [f"cuda:{i % gpus}" for i in range(workers or gpus)]
    if device in ("auto", "cpu"):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return ["cpu"] * (workers or cores)
    return [device] * (workers or 1)


class _Worker(Generic[T]):
    """One process and the tasks that it has been given."""

    def __init__(self, context: ForkServerContext | SpawnContext, open_maker: OpenMaker[T], device: str) -> None:
        self.device, self.ready, self.given = device, False, deque[int]()
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(open_maker, device, theirs), daemon=True)
        self._process.start()
        theirs.close()  # so that the end of the process is the end of the connection

    def receive(self) -> Outcome[T] | SemsynthError | None:
        """An outcome, None for a maker that is ready, or why it cannot be opened.

        Raises:
            EOFError: the process died.
        """
        try:
            received: Outcome[T] | SemsynthError | None = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            raise EOFError from error
        return received

    def end(self) -> str:
        """Let the process end, soon or at once; how it did."""
        self.connection.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        code = self._process.exitcode or 0
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


class _Pool(Generic[T]):
    """Workers, the tasks that wait for them, and the outcomes that wait for earlier ones."""

    def __init__(self, open_maker: OpenMaker[T], tasks: Sequence[T], devices: Sequence[str], tell: Tell) -> None:
        # Never a fork of this process: its threads and its CUDA would not survive that.
        self.context: ForkServerContext | SpawnContext
        if "forkserver" in multiprocessing.get_all_start_methods():
            self.context = multiprocessing.get_context("forkserver")
            self.context.set_forkserver_preload(_PRELOADED)
        else:
            self.context = multiprocessing.get_context("spawn")
        self.open_maker, self.tasks, self.tell = open_maker, tasks, tell
        self.again, self.next = deque[int](), 0
        self.done: dict[int, Outcome[T]] = {}
        self.first = 0
        """The earliest task without an outcome."""
        self.deaths: Counter[int] = Counter()
        """By task."""
        self.starts = 0
        """Workers in a row that died before their maker was ready."""
        self.workers = [_Worker(self.context, open_maker, device) for device in devices]

    def outcomes(self) -> Iterator[Outcome[T]]:
        """In the order of the tasks."""
        while self.first < len(self.tasks):
            self._give()
            for connection in wait([worker.connection for worker in self.workers]):
                worker = next(one for one in self.workers if one.connection is connection)
                self._receive(worker)
            while self.first in self.done:
                yield self.done.pop(self.first)
                self.first += 1

    def end(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.connection.close()
        for worker in self.workers:
            worker.end()

    def _give(self) -> None:
        limit = min(len(self.tasks), self.first + _AHEAD * len(self.workers))
        for _ in range(_GIVEN):  # in turn: nobody waits for what another one hoards
            for worker in self.workers:
                if not worker.ready or len(worker.given) == _GIVEN or not (self.again or self.next < limit):
                    continue
                number = self.again.popleft() if self.again else self.next
                self.next = max(self.next, number + 1)
                worker.given.append(number)
                with suppress(OSError):  # it just died: the end of the connection tells that, too
                    worker.connection.send(self.tasks[number])

    def _receive(self, worker: _Worker[T]) -> None:
        try:
            received = worker.receive()
        except EOFError:
            self._replace(worker)
            return
        if isinstance(received, SemsynthError):
            raise received
        if received is None:
            worker.ready, self.starts = True, 0
        else:
            self.done[worker.given.popleft()] = received

    def _replace(self, worker: _Worker[T]) -> None:
        """A worker died: another one takes its place, and its tasks, unless they keep killing workers."""
        how = worker.end()
        self.tell(f"a worker died ({how}) and was replaced")
        if not worker.ready:
            self.starts += 1
            if self.starts == _ATTEMPTS:
                size = f"for {len(self.workers)} of them? `workers` asks for fewer"
                hint = f"is there enough memory {size}" if "signal" in how else "see their output above"
                raise SemsynthError(f"workers die ({how}) while they load the model: {hint}")
        for number in reversed(worker.given):
            self.again.appendleft(number)
        if worker.given:
            self._blame(worker.given[0], how)
        self.workers[self.workers.index(worker)] = _Worker(self.context, self.open_maker, worker.device)

    def _blame(self, number: int, how: str) -> None:
        """A worker died with a task."""
        self.deaths[number] += 1
        if self.deaths[number] == _ATTEMPTS:
            self.again.remove(number)
            reason = f"{_ATTEMPTS} workers died with it, the last {how}: is there enough memory?"
            self.done[number] = Outcome(self.tasks[number], error=reason)


def _run(
    open_maker: OpenMaker[T], tasks: Sequence[T], tell: Tell, *, devices: Sequence[str]
) -> Generator[Outcome[T], None, None]:
    pool = _Pool(open_maker, tasks, devices[: len(tasks)], tell)
    try:
        yield from pool.outcomes()
    finally:
        pool.end()


def _work(open_maker: OpenMaker[T], device: str, connection: Connection) -> None:
    """Work on tasks until nobody gives any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gives the tasks
    try:
        make = open_maker(device)
    except SemsynthError as error:
        connection.send(error)
        return
    with suppress(EOFError, OSError):
        connection.send(None)
        while True:
            connection.send(make(connection.recv()))
