"""What a run reads: a stream of batches that is a pure function of the seed and the step.

Draw number ``d`` of a run is an image and an augmentation, both fixed by ``(seed, d)``. Step ``s`` takes the
draws ``s * batch_size`` to ``(s + 1) * batch_size - 1``; micro-batches and processes take contiguous parts of
them. So a resumed run reads what the uninterrupted one would have read, with any number of loader processes.

An epoch's order is shuffled over all images; over some shards at a time where these have to be downloaded.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import random
import signal
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset

from semsynth.data.sample import Batch, Sample, Samples, Transform
from semsynth.data.shards.remote import StreamedSplit
from semsynth.errors import SemsynthError


def seed_from(*parts: int | str) -> int:
    """A 63-bit seed that is the same in every process and on every machine."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@functools.lru_cache(maxsize=4)
def _order(seed: int, epoch: int, blocks: tuple[int, ...], together: int) -> tuple[int, ...]:
    """Image numbers in the order of an epoch.

    Args:
        seed: of the run.
        epoch: from 0.
        blocks: lengths of the runs of images that lie together.
        together: how many of them are shuffled into one another; which ones, is shuffled as well.
    """
    rng = random.Random(seed_from(seed, "order", epoch))
    ends = list(itertools.accumulate(blocks, initial=0))
    runs = [range(start, end) for start, end in itertools.pairwise(ends)]
    rng.shuffle(runs)
    order: list[int] = []
    for first in range(0, len(runs), together):
        group = [number for run in runs[first : first + together] for number in run]
        rng.shuffle(group)
        order += group
    return tuple(order)


@dataclass(frozen=True)
class Share:
    """The part of every global batch that one process reads."""

    batch_size: int
    """Images of one step, over all processes and micro-batches."""
    accumulate: int = 1
    """Micro-batches per step."""
    rank: int = 0
    """Number of this process."""
    world_size: int = 1
    """Number of processes."""

    def __post_init__(self) -> None:
        parts = self.accumulate * self.world_size
        if self.batch_size % parts:
            lower, higher = self.batch_size // parts * parts, -(-self.batch_size // parts) * parts
            choice = f"{lower} or {higher}" if lower else str(higher)
            raise SemsynthError(
                f"training.batch_size={self.batch_size} counts a whole step's images and does not divide among "
                f"{self.world_size} device(s) x {self.accumulate} micro-batch(es): use {choice} "
                f"(`overrides=training.batch_size={lower or higher}`)"
            )

    @property
    def micro_batch_size(self) -> int:
        """Images of one forward pass of this process."""
        return self.batch_size // (self.accumulate * self.world_size)

    def draws(self, number: int) -> range:
        """The draws of this process's micro-batch ``number``, counted over all steps."""
        start = (number * self.world_size + self.rank) * self.micro_batch_size
        return range(start, start + self.micro_batch_size)


class MicroBatches(Dataset[Batch]):
    """The micro-batches of one process, by number: step ``s`` has ``s * accumulate`` and the following ones."""

    def __init__(
        self,
        samples: Samples,
        pipeline: Transform,
        collate: Callable[[Sequence[Sample]], Batch],
        seed: int,
        share: Share,
    ) -> None:
        self.samples = samples
        self.pipeline = pipeline
        self.collate = collate
        self.seed = seed
        self.share = share
        self._blocks: tuple[int, ...] = (len(samples),)
        self._together = 1
        if isinstance(samples, StreamedSplit):
            self._blocks, self._together = samples.blocks, samples.together
        self._read_at_a_time = min(len(samples), -(-len(samples) * self._together // len(self._blocks)))

    def __getitem__(self, number: int) -> Batch:
        """Micro-batch ``number`` of this process."""
        return self.collate([self._draw(draw) for draw in self.share.draws(number)])

    def _draw(self, draw: int) -> Sample:
        if isinstance(self.samples, StreamedSplit):
            self.samples.ahead(self._index(draw + self._read_at_a_time))
        rng = random.Random(seed_from(self.seed, "augmentation", draw))
        return self.pipeline.apply(self.samples[self._index(draw)], rng, train=True)

    def _index(self, draw: int) -> int:
        epoch, position = divmod(draw, len(self.samples))
        return _order(self.seed, epoch, self._blocks, self._together)[position]


class _Guarded(Dataset[Batch | SemsynthError]):
    """Hands errors over as values: a DataLoader would wrap the user's one line in the worker's traceback."""

    def __init__(self, batches: MicroBatches) -> None:
        self.batches = batches

    def __getitem__(self, number: int) -> Batch | SemsynthError:
        try:
            return self.batches[number]
        except SemsynthError as error:
            return error


def read_batches(
    batches: MicroBatches, numbers: Sequence[int], workers: int, pin: bool
) -> Generator[Batch, None, None]:
    """Read micro-batches ahead, in order, in ``workers`` processes (0: in this one, when asked for).

    Raises:
        SemsynthError: a sample is damaged; raised when its batch is due.
    """
    loader = DataLoader(
        _Guarded(batches),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        pin_memory=pin,
        worker_init_fn=_leave_signals_to_the_trainer,
        prefetch_factor=4 if workers else None,
    )
    for item in loader:
        if isinstance(item, SemsynthError):
            raise item
        yield item


def _leave_signals_to_the_trainer(_: int) -> None:
    # Ctrl-C reaches the whole process group; the workers have to live until the trainer has saved.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)
