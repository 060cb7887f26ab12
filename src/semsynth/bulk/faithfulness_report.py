"""The summary of a job's scores: ``faithfulness/report.json`` and a page, from the lines of the manifest alone."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.bulk.faithfulness import DIGITS, Faithfulness, FaithfulnessRule, OpenJudge
from semsynth.bulk.job import BulkJob
from semsynth.bulk.maker import PictureMaker
from semsynth.bulk.manifest import MANIFEST, Line, read_lines
from semsynth.bulk.task import BulkTask
from semsynth.config import Config, dump_config, load_config
from semsynth.errors import SemsynthError
from semsynth.files import explained, write_bytes
from semsynth.images import save_png
from semsynth.layout import Layout
from semsynth.pages import render

FOLDER = "faithfulness"
"""Sub-folder of a job's folder."""
RECORD, PAGE, PICTURES = "report.json", "report.html", "pictures"

BINS = 20
"""Of the histogram, from 0 to 1."""
SHOWN = 6
"""Best and worst pictures that the page shows, of those that were kept and of those that were not."""


class ClassFaithfulness(Config):
    """The scores of a class."""

    kept: int
    """Pictures that were kept and whose label map holds it."""
    mean_iou: float | None
    """Mean of their IoUs, 0..1."""
    left_out: int
    """Pictures that were left out and whose label map holds it."""
    mean_iou_left_out: float | None
    """Mean of their IoUs."""


class ScoredPicture(Config):
    """A picture that the page shows."""

    name: str
    """SPLIT/NAME."""
    mean_iou: float
    """0..1."""
    tries: int
    """Pictures that were made for it."""
    ignored: float
    """Share of the labelled pixels that became void in the label map beside it."""


class FaithfulnessSummary(Config):
    """``report.json``: the scores of all pictures of a job."""

    rule: FaithfulnessRule
    """Who scored, and what was kept."""
    kept: int
    """Pictures that were written."""
    left_out: int
    """Pictures that reached the minimum at no try."""
    made: int
    """Pictures that were made, all tries counted."""
    mean_iou: float | None
    """Mean of the kept pictures' scores, 0..1."""
    mean_iou_left_out: float | None
    """Mean of the best scores of those that were left out."""
    ignored: float | None
    """Mean over kept pictures of the share of labelled pixels that became void."""
    tries: dict[int, int]
    """Number of tries -> kept pictures that took as many."""
    histogram: tuple[int, ...]
    """Kept pictures by score, in equal steps from 0 to 1."""
    histogram_left_out: tuple[int, ...]
    """The same of those that were left out."""
    classes: dict[str, ClassFaithfulness]
    """By class name, in the order of names."""
    worst: tuple[ScoredPicture, ...]
    """The kept pictures with the lowest scores, the lowest first."""
    best: tuple[ScoredPicture, ...]
    """The kept pictures with the highest scores, the highest first."""
    rejected: tuple[ScoredPicture, ...]
    """The pictures with the lowest scores that were left out, the lowest first."""

    @property
    def share_kept(self) -> float:
        """The yield, 0..1; 0 where there are no pictures."""
        return self.kept / max(1, self.kept + self.left_out)


class _Mean:
    """A mean of numbers that come one by one."""

    def __init__(self) -> None:
        self.count, self._sum = 0, 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self._sum += value

    @property
    def value(self) -> float | None:
        return round(self._sum / self.count, DIGITS) if self.count else None


class _Group:
    """The pictures that were kept, or those that were left out."""

    def __init__(self) -> None:
        self.count, self.scores = 0, _Mean()
        self.bins = [0] * BINS
        self.classes: dict[str, _Mean] = defaultdict(_Mean)
        self.lowest: list[Line] = []
        self.highest: list[Line] = []

    def add(self, line: Line, score: Faithfulness) -> None:
        self.count += 1
        for name, value in score.class_iou.items():
            self.classes[name].add(value)
        if score.mean_iou is not None:
            self.scores.add(score.mean_iou)
            self.bins[min(int(score.mean_iou * BINS), BINS - 1)] += 1
            self.lowest = heapq.nsmallest(SHOWN, [*self.lowest, line], _rank)
            self.highest = heapq.nlargest(SHOWN, [*self.highest, line], _rank)


class Tally:
    """Scores of pictures that come one by one; memory does not grow with their number."""

    def __init__(self) -> None:
        self._kept, self._left_out = _Group(), _Group()
        self._tries, self._made, self._ignored = Counter[int](), 0, _Mean()

    def add(self, line: Line) -> None:
        """Count a picture."""
        score = line.faithfulness
        assert score is not None
        self._made += score.tries
        (self._kept if score.kept else self._left_out).add(line, score)
        if score.kept:
            self._tries[score.tries] += 1
            self._ignored.add(score.ignored)

    @property
    def worst(self) -> list[Line]:
        """The kept pictures with the lowest scores; of few pictures the lower half."""
        return self._kept.lowest[: (self._kept.scores.count + 1) // 2]

    @property
    def best(self) -> list[Line]:
        """The kept pictures with the highest scores; of few pictures the upper half."""
        return self._kept.highest[: self._kept.scores.count // 2]

    @property
    def rejected(self) -> list[Line]:
        """The pictures with the lowest scores among those that were left out."""
        return self._left_out.lowest

    def summary(self, rule: FaithfulnessRule) -> FaithfulnessSummary:
        """Everything that was counted."""
        kept, left_out = self._kept, self._left_out
        return FaithfulnessSummary(
            rule=rule,
            kept=kept.count,
            left_out=left_out.count,
            made=self._made,
            mean_iou=kept.scores.value,
            mean_iou_left_out=left_out.scores.value,
            ignored=self._ignored.value,
            tries=dict(sorted(self._tries.items())),
            histogram=tuple(kept.bins),
            histogram_left_out=tuple(left_out.bins),
            classes={name: self._class(name) for name in sorted({*kept.classes, *left_out.classes})},
            worst=tuple(map(_shown, self.worst)),
            best=tuple(map(_shown, self.best)),
            rejected=tuple(map(_shown, self.rejected)),
        )

    def _class(self, name: str) -> ClassFaithfulness:
        kept, left_out = (group.classes.get(name, _Mean()) for group in (self._kept, self._left_out))
        return ClassFaithfulness(
            kept=kept.count, mean_iou=kept.value, left_out=left_out.count, mean_iou_left_out=left_out.value
        )


def write_summary(root: Path, job: BulkJob, open_judge: OpenJudge) -> FaithfulnessSummary:
    """Sum up the scores of a job whose manifest is complete, in ``root/faithfulness``.

    Nothing is written where that folder holds the summary of the same scores already.

    Args:
        root: the folder of the manifest.
        job: with a rule of faithfulness.
        open_judge: opens its judge; what the page shows is made and labelled once more.

    Raises:
        SemsynthError: the folder cannot be written, or the model or the segmenter cannot be loaded.
    """
    assert job.faithfulness is not None
    tally = Tally()
    for line in read_lines(root / MANIFEST):
        tally.add(line)
    summary, folder = tally.summary(job.faithfulness), root / FOLDER
    if (folder / RECORD).is_file() and load_config(FaithfulnessSummary, folder / RECORD) == summary:
        return summary
    pictures = _Pictures(folder, job, open_judge)
    page = render(
        Path(__file__).with_name("faithfulness.html"),
        summary=summary,
        galleries={
            "Lowest scores of kept pictures": pictures.write("worst", tally.worst),
            "Highest scores of kept pictures": pictures.write("best", tally.best),
            "Lowest scores of pictures left out": pictures.write("rejected", tally.rejected),
        },
        void=job.faithfulness.ignore_below is not None,
    )
    write_bytes(folder / PAGE, page.encode())
    dump_config(summary, folder / RECORD)
    return summary


class _Pictures:
    """Makes the pictures of a page."""

    def __init__(self, folder: Path, job: BulkJob, open_judge: OpenJudge) -> None:
        self.folder = folder
        self._maker = PictureMaker(job, None, "cpu", open_judge)
        for old in (folder / PICTURES).glob("*.png"):
            with explained(old, "cannot remove"):
                old.unlink()

    def write(self, group: str, lines: Sequence[Line]) -> list[tuple[ScoredPicture, dict[str, str]]]:
        """Pictures with kind -> path from the folder; without paths where the layout is not there any more."""
        return [(_shown(line), self._written(f"{group}_{number}", line)) for number, line in enumerate(lines, 1)]

    def _written(self, name: str, line: Line) -> dict[str, str]:
        task = BulkTask.of_line(line)
        try:
            inputs = self._maker.read(task)
            made = self._maker.make(task, inputs, line.draw)
            assert isinstance(inputs.condition, Layout)
            assert made.seen is not None
            written = Layout.decode(made.files[0].stored(), inputs.condition.classes)
        except SemsynthError:
            return {}
        kinds = {"label map": written.colors(), "picture": made.photo, "seen": _colors(written, made.seen)}
        found = {}
        for kind, pixels in kinds.items():
            found[kind] = f"{PICTURES}/{name}_{kind.replace(' ', '_')}.png"
            save_png(self.folder / found[kind], pixels)
        return found


def _colors(layout: Layout, seen: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """[H,W,3]: what the segmenter sees, in the classes' colours."""
    return Layout(seen, layout.classes).colors()


def _shown(line: Line) -> ScoredPicture:
    score = line.faithfulness
    assert score is not None
    assert score.mean_iou is not None
    return ScoredPicture(name=line.name, mean_iou=score.mean_iou, tries=score.tries, ignored=score.ignored)


def _rank(line: Line) -> tuple[float, str]:
    assert line.faithfulness is not None
    return line.faithfulness.mean_iou or 0.0, line.name
