"""Building a memory bank from a dataset: by several processes, resumed after an interruption, whole or not at all."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from semsynth.bank.index import INDEX, SEGMENTS, BankIndex, Credit
from semsynth.bank.memory import MemoryBank
from semsynth.bank.order import order_of, published_order
from semsynth.bank.parts import BUILDING, Part, PartRecord, described, is_current, join_segments, write_part
from semsynth.bank.segments import SegmentRules, rules_for
from semsynth.classes import NO_CLASSES
from semsynth.config import Config, dump_config, load_config
from semsynth.data.condition_folder import ConditionFolder
from semsynth.data.fingerprint import fingerprint
from semsynth.data.progress import Progress, silent
from semsynth.data.source import LabelledSamples, absolute, open_source
from semsynth.errors import SemsynthError
from semsynth.files import explained, make_folder, sweep_partial_files
from semsynth.layout import Size
from semsynth.locks import FolderLock

_PARTS, _FEWEST, _PART_BYTES = 64, 8, 2**25
"""How many parts there should be, the least photos of one, and the bytes that one may take in memory."""
_BYTES_PER_PIXEL = 8
"""Of the working frame, in memory, for a photo, its label map and about twenty masks as bits."""
_PLAN = "plan.json"


class _Plan(Config):
    """What a bank that is being built is made of: another plan cannot resume it."""

    data: str
    split: str
    rules: SegmentRules
    instances: bool
    fingerprint: str | None
    """Of shards; the files of a folder are compared one by one."""


def build_bank(
    data: str | Path,
    out: str | Path,
    *,
    split: str = "train",
    rules: SegmentRules | None = None,
    instances: bool = False,
    credits: Credit | Mapping[str, Credit] | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> MemoryBank:
    """Cut the photos of a dataset into segments, and store these as a memory bank.

    The bank is the same, byte for byte, however many processes build it. Started again after an interruption, it keeps
    the whole parts whose photos are still the same.

    Args:
        data: the dataset folder, or a folder or address of shards.
        out: the folder of the bank, made if missing.
        split: whose photos.
        rules: what counts as a segment, and the working size; None: :func:`semsynth.bank.segments.rules_for`.
        instances: whether the objects of the dataset's instance maps are segments.
        credits: source and licence of all photos, or of each by its name.
        workers: processes; None: one for each core.
        progress: called with (photos done, photos).

    Returns:
        The bank, open.

    Raises:
        SemsynthError: no such data or split, a damaged sample, no segment at all, a folder that holds a bank or the
            beginning of another one, or a full disk.
    """
    folder = Path(out)
    source = open_source(data)
    work = _Work(absolute(data), split, rules or rules_for(source.classes), instances)
    samples = work.samples()
    credit_of = _credit_of(credits, samples)
    plan = _Plan(data=work.data, split=split, rules=work.rules, instances=instances, fingerprint=source.fingerprint)
    with FolderLock(folder, "building a bank in"):
        _begin(folder, plan)
        parts = _parts(folder, len(samples), work.rules.size)
        _write_parts(work, parts, samples, workers, progress)
        _finish(folder, plan, parts, samples, credit_of)
    return MemoryBank.open(folder)


@dataclass(frozen=True)
class _Work:
    """What every process has to know."""

    data: str
    split: str
    rules: SegmentRules
    instances: bool

    def samples(self) -> LabelledSamples:
        """Open the dataset.

        Raises:
            SemsynthError: there is none, it has no photos, or pictures are its conditions.
        """
        samples = open_source(self.data).open(self.split, images=True, instances=self.instances)
        if isinstance(samples, ConditionFolder) or samples.classes == NO_CLASSES:
            raise SemsynthError(f"{self.data} has pictures as conditions: a bank is made of photos with label maps")
        return samples


def _credit_of(credits: Credit | Mapping[str, Credit] | None, samples: LabelledSamples) -> Mapping[str, Credit]:
    """By the names of the samples.

    Raises:
        SemsynthError: credits of photos that are not there.
    """
    if not isinstance(credits, Mapping):
        return dict.fromkeys(samples.names, credits or Credit())
    unknown = sorted(set(credits) - set(samples.names))
    if unknown:
        raise SemsynthError(
            f"`credits` names '{unknown[0]}', and {samples.root}, {samples.split}, has no photo of that name"
        )
    return {name: credits.get(name, Credit()) for name in samples.names}


def _begin(folder: Path, plan: _Plan) -> None:
    """Refuse a folder that holds something else; keep what an earlier run of the same plan wrote."""
    if (folder / INDEX).exists():
        raise SemsynthError(f"{folder} holds a complete bank already: choose a new folder, or remove it")
    path = make_folder(folder / BUILDING) / _PLAN
    sweep_partial_files(folder, recursive=True)
    if not path.exists():
        dump_config(plan, path)
    elif load_config(_Plan, path) != plan:
        raise SemsynthError(
            f"{folder} holds the beginning of a bank of other data or settings: remove it, or choose a new folder"
        )


def _parts(folder: Path, photos: int, size: Size) -> list[Part]:
    """Divide the photos; how is a function of their number and the working size alone."""
    most = max(1, _PART_BYTES // (_BYTES_PER_PIXEL * size[0] * size[1]))
    step = min(most, max(_FEWEST, -(-photos // _PARTS)))
    starts = range(0, photos, step)
    return [Part(folder, number, start, min(start + step, photos)) for number, start in enumerate(starts)]


def _write_parts(
    work: _Work, parts: Sequence[Part], samples: LabelledSamples, workers: int | None, progress: Progress
) -> None:
    """Write the parts that are not whole yet, or whose photos have changed since."""
    missing = [part for part in parts if not is_current(part, samples)]
    total = parts[-1].end
    done = total - sum(part.end - part.start for part in missing)
    progress(done, total)
    for part in _each(work, missing, workers):
        done += part.end - part.start
        progress(done, total)


def _each(work: _Work, parts: Sequence[Part], workers: int | None) -> Iterator[Part]:
    """Write parts; yields each when it is whole."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(workers or cores, len(parts))
    if workers <= 1:
        samples = work.samples()
        for part in parts:
            write_part(part, samples, work.rules)
            yield part
        return
    # Never a fork of this process, which may have threads.
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    pool = ProcessPoolExecutor(workers, context, _start_worker)
    try:
        for future in as_completed([pool.submit(_write, work, part) for part in parts]):
            yield future.result()
    except BrokenProcessPool as error:
        raise SemsynthError(
            f"a process that builds {parts[0].folder} was killed: is there enough memory for {workers} of them? "
            "`workers` asks for fewer; the same command continues"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@cache
def _samples(work: _Work) -> LabelledSamples:
    """The dataset, opened once in each process that only works."""
    return work.samples()


def _write(work: _Work, part: Part) -> Part:
    write_part(part, _samples(work), work.rules)
    return part


def _start_worker() -> None:
    """Leave Ctrl-C to the process that gives the work, and end when that one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _finish(
    folder: Path, plan: _Plan, parts: Sequence[Part], samples: LabelledSamples, credit_of: Mapping[str, Credit]
) -> None:
    """Join the parts; ``bank.json`` comes last."""
    records = [load_config(PartRecord, part.record) for part in parts]
    found = sum(record.segments for record in records)
    if not found:
        _discard(folder, parts)
        share = f"{plan.rules.minimal_share:.2%}"
        raise SemsynthError(
            f"{plan.data}, {plan.split}: no segment has more than {share} of a picture: lower that share"
        )
    for stray in set(folder.glob("photos-*")) - {part.shard for part in parts}:  # of more photos than there are now
        stray.unlink()
    join_segments(parts, records, folder / SEGMENTS, plan.rules.size, samples.classes)
    in_front = np.sum([record.in_front for record in records], axis=0)
    index = BankIndex(
        classes=samples.classes,
        rules=plan.rules,
        instances=plan.instances,
        data=plan.data,
        split=plan.split,
        fingerprint=plan.fingerprint or fingerprint(samples),
        order=published_order(samples.classes) or order_of(in_front, samples.classes),
        photos=tuple(
            photo.model_copy(update={"credit": credit_of[photo.name]}) for record in records for photo in record.photos
        ),
        shards=tuple(record.shard for record in records),
        segments=described(folder / SEGMENTS, found),
        thin_masks=sum(record.thin_masks for record in records),
    )
    dump_config(index, folder / INDEX)
    with explained(folder / BUILDING, "cannot remove"):
        shutil.rmtree(folder / BUILDING)


def _discard(folder: Path, parts: Sequence[Part]) -> None:
    """Remove what was built, so that other settings can begin in the same folder."""
    with explained(folder, "cannot clear"):
        shutil.rmtree(folder / BUILDING)
        for part in parts:
            part.shard.unlink()
