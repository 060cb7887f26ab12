"""The summary of scores: its numbers by hand, its page, and what it costs to write it again."""

from __future__ import annotations

from pathlib import Path

import pytest
from bulk_jobs import job_of, open_toy_judge, tasks_of
from tiny_models import CLASSES

from semsynth.bulk.engine import in_this_process
from semsynth.bulk.faithfulness import Faithfulness, FaithfulnessRule
from semsynth.bulk.faithfulness_report import BINS, SHOWN, FaithfulnessSummary, Tally, write_summary
from semsynth.bulk.manifest import Line, read_lines
from semsynth.bulk.run import run_job
from semsynth.config import load_config
from semsynth.images import decode_image

RULE = {"segmenter": "toy", "segmenter_sha256": "toy"}


@pytest.fixture(scope="module")
def scored(model: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures with scores, all kept."""
    out = tmp_path_factory.mktemp("scored") / "<out>"
    job = job_of(model, faithfulness={**RULE, "ignore_below": 0.9})
    run_job(job, tasks_of(dataset)[:3], CLASSES, out, in_this_process, open_judge=open_toy_judge)
    return out


def line_of(scored: Path, name: str, score: Faithfulness) -> Line:
    line = next(iter(read_lines(scored / "manifest.jsonl")))
    return line.model_copy(update={"name": f"train/{name}", "faithfulness": score})


def score_of(
    mean_iou: float | None, class_iou: dict[str, float], tries: int = 1, kept: bool = True, ignored: float = 0.0
) -> Faithfulness:
    return Faithfulness(
        mean_iou=mean_iou, class_iou=class_iou, tries=tries, chosen=tries - 1, kept=kept, ignored=ignored
    )


def test_numbers_by_hand(scored: Path) -> None:
    tally = Tally()
    pictures = {
        "a": score_of(0.5, {"door": 0.75, "window": 0.25}, ignored=0.1),
        "b": score_of(1.0, {"door": 1.0}, tries=3, ignored=0.3),
        "c": score_of(0.2, {"window": 0.2}, tries=4, kept=False),
        "d": score_of(None, {}),
    }
    for name, score in pictures.items():
        tally.add(line_of(scored, name, score))
    found = tally.summary(FaithfulnessRule.model_validate({**RULE, "min_faithfulness": 0.3, "tries": 4}))
    assert (found.kept, found.left_out, found.made, found.share_kept) == (3, 1, 9, 0.75)
    assert (found.mean_iou, found.mean_iou_left_out, found.ignored) == (0.75, 0.2, 0.1333)
    assert found.tries == {1: 2, 3: 1}
    assert [place for place, count in enumerate(found.histogram) if count] == [BINS // 2, BINS - 1]
    assert [place for place, count in enumerate(found.histogram_left_out) if count] == [4]
    assert (found.classes["door"].kept, found.classes["door"].mean_iou) == (2, 0.875)
    assert found.classes["door"].mean_iou_left_out is None
    assert (found.classes["window"].mean_iou, found.classes["window"].mean_iou_left_out) == (0.25, 0.2)
    assert [one.name for one in found.worst] == ["train/a"]
    assert [one.name for one in found.best] == ["train/b"]
    assert [one.name for one in found.rejected] == ["train/c"]


def test_extremes_do_not_depend_on_the_order(scored: Path) -> None:
    scores = [round(0.01 * (37 * number % 101), 4) for number in range(101)]
    lines = [line_of(scored, f"{number:03d}", score_of(score, {})) for number, score in enumerate(scores)]
    forwards, backwards = Tally(), Tally()
    for one, other in zip(lines, reversed(lines), strict=True):
        forwards.add(one)
        backwards.add(other)
    rule = FaithfulnessRule.model_validate(RULE)
    assert forwards.summary(rule).best == backwards.summary(rule).best
    assert [one.mean_iou for one in forwards.summary(rule).worst] == sorted(scores)[:SHOWN]


def test_the_page_names_and_shows_pictures(scored: Path) -> None:
    folder = scored / "faithfulness"
    record = load_config(FaithfulnessSummary, folder / "report.json")
    page = (folder / "report.html").read_text()
    assert record.kept == 3
    for picture in (*record.worst, *record.best):
        assert f"<h3>{picture.name} " in page
    assert "3 of 3 (100.0 %)" in page
    assert "Labelled pixels that became void" in page
    shown = sorted(path.name for path in (folder / "pictures").iterdir())
    assert len(shown) == 9
    assert all(f'src="pictures/{name}"' in page for name in shown)
    for picture, name in zip(record.worst, ("worst_1", "worst_2"), strict=True):
        split, _, stem = picture.name.partition("/")
        image = decode_image(folder / "pictures" / f"{name}_picture.png")
        assert (image == decode_image(scored / split / "images" / f"{stem}.png")).all()


def test_nothing_is_written_for_the_same_scores(scored: Path, model: Path) -> None:
    page = scored / "faithfulness" / "report.html"
    before = page.stat().st_mtime_ns
    job = job_of(model, faithfulness={**RULE, "ignore_below": 0.9})

    def no_judge(device: str) -> object:
        raise AssertionError

    assert write_summary(scored, job, no_judge).kept == 3  # type: ignore[arg-type]
    assert page.stat().st_mtime_ns == before
