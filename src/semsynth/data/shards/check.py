"""What is wrong with shards, found before training does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor

from semsynth.classes import ClassSet
from semsynth.data.budget import PixelBudget
from semsynth.data.check import DatasetReport, SplitReport, Summary, split_report
from semsynth.data.check_conditions import ConditionReport, ConditionSplitReport
from semsynth.data.coverage import add_coverage
from semsynth.data.progress import Progress, silent
from semsynth.data.resampling import layout_problems
from semsynth.data.sample import IMAGE, INSTANCE
from semsynth.data.shards.index import ShardIndex, SplitEntry
from semsynth.data.shards.reading import ShardSplit, ShardStore
from semsynth.data.splitting import missing_split_notes
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, Size

_Found = Size | Summary
"""What is known of a condition, or of a label map, that could be read."""


def check_shards(
    store: ShardStore, index: ShardIndex, progress: Progress = silent, thin: Collection[str] = ()
) -> DatasetReport | ConditionReport:
    """Compare every checksum, and read every sample of the shards that are whole.

    Args:
        store: where the shards lie.
        index: of the shards.
        progress: called once per sample.
        thin: as in :func:`semsynth.data.check.check_dataset`.
    """
    trains = any(IMAGE in split.kinds for split in index.splits.values())
    notes = list(missing_split_notes(store.location, index.splits) if trains else ())
    problems: list[str] = []
    total = sum(shard.samples for split in index.splits.values() for shard in split.shards)
    found: dict[str, list[_Found]] = {}
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    for name in index.splits:
        found[name] = _check_split(store, index, name, problems, count, thin)
    if index.classes is None:
        conditions = tuple(_condition_report(name, entry, found[name]) for name, entry in index.splits.items())
        return ConditionReport(conditions, tuple(problems), tuple(notes))
    classes = index.classes
    reports = tuple(_report(name, entry, found[name], classes) for name, entry in index.splits.items())
    for report in reports:
        add_coverage(f"{store.location}, {report.name}", report.pixels, classes, problems, notes)
    return DatasetReport(classes, reports, tuple(problems), tuple(notes))


def _check_split(
    store: ShardStore,
    index: ShardIndex,
    name: str,
    problems: list[str],
    count: Callable[[], None],
    thin: Collection[str],
) -> list[_Found]:
    """What could be read; what is wrong goes to ``problems``."""
    kinds = index.splits[name].kinds
    split = ShardSplit(store, index, name, images=IMAGE in kinds, instances=INSTANCE in kinds)
    budget = PixelBudget()
    damaged = set()
    for number, shard in enumerate(index.splits[name].shards):
        try:
            store.verify(shard)
        except SemsynthError as error:
            damaged.add(number)
            problems.append(str(error))
    found = []
    with ThreadPoolExecutor() as pool:
        shards = (number for number in range(len(index.splits[name].shards)) if number not in damaged)
        whole = (sample for number in shards for sample in split.samples_of(number))
        for summary, wrong in pool.map(lambda number: _check_sample(split, number, thin, budget), whole):
            problems += wrong
            found += [] if summary is None else [summary]
            count()
    return found


def _check_sample(
    split: ShardSplit, number: int, thin: Collection[str], budget: PixelBudget
) -> tuple[_Found | None, list[str]]:
    try:
        with budget.reserved(*(split.stored(number, kind) for kind in split.kinds)):
            sample = split[number]
            if not isinstance(sample.condition, Layout):
                return sample.size, []
            called = f"{split.root}: '{sample.name}' of {split.split}"
            return Summary.of(sample.layout), layout_problems(sample.layout, called, thin)
    except SemsynthError as error:
        return None, [str(error)]


def _report(name: str, entry: SplitEntry, found: Iterable[_Found], classes: ClassSet) -> SplitReport:
    count = sum(shard.samples for shard in entry.shards)
    counts = count, count * (IMAGE in entry.kinds), count * (INSTANCE in entry.kinds)
    return split_report(name, counts, [one for one in found if isinstance(one, Summary)], classes)


def _condition_report(name: str, entry: SplitEntry, found: Iterable[_Found]) -> ConditionSplitReport:
    count = sum(shard.samples for shard in entry.shards)
    sizes = sorted((one for one in found if not isinstance(one, Summary)), key=lambda size: size[0] * size[1])
    extremes = (sizes[0], sizes[-1]) if sizes else None
    return ConditionSplitReport(name, count, count * (IMAGE in entry.kinds), extremes)
