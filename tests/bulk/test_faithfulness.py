"""The filter of bulk synthesis: which pictures are kept, after how many tries, and what becomes void."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from bulk_jobs import files, interrupting, job_of, open_toy_judge, samples_of, tasks_of, toy_score
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import CLASSES

from semsynth.bulk.engine import in_this_process
from semsynth.bulk.faithfulness import FaithfulnessRule, unseen_regions
from semsynth.bulk.job import BulkJob
from semsynth.bulk.local import local_engine
from semsynth.bulk.manifest import Line, read_lines
from semsynth.bulk.remake import find_line, remake
from semsynth.bulk.run import BulkSummary, run_job
from semsynth.bulk.task import BulkTask
from semsynth.classes import VOID
from semsynth.data.facades import draw_facade
from semsynth.data.folder import DatasetFolder, splits
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components
from semsynth.styles.seeds import picture_seed
from semsynth.synthesizer import load

TRIES = 3
RULE = {"segmenter": "toy", "segmenter_sha256": "toy", "min_faithfulness": 0.5, "tries": TRIES, "ignore_below": 0.6}
Scores = dict[str, list[float]]


@pytest.fixture(scope="module")
def scores(model: Path, dataset: Path) -> Scores:
    """SPLIT/NAME of a layout -> the scores of its first pictures, made and scored without bulk synthesis."""
    synthesizer, found = load(model, "cpu", "float32"), {}
    torch.set_num_threads(1)
    for task in some_tasks(dataset):
        layout = Layout.open(task.layout.path, CLASSES)
        photos = [np.asarray(synthesizer(layout, seed=picture_seed(0, task.name, draw))) for draw in range(TRIES)]
        found[f"{task.split}/{task.name}"] = [round(toy_score(photo, layout).mean_iou or 0, 4) for photo in photos]
    return found


@pytest.fixture(scope="module")
def job(model: Path, scores: Scores) -> BulkJob:
    """Half of the layouts have no picture that is faithful enough."""
    return filtered_job(model, min_faithfulness=sorted(map(max, scores.values()))[len(scores) // 2])


def filtered_job(model: Path, **settings: object) -> BulkJob:
    return job_of(model, faithfulness={**RULE, **settings})


def some_tasks(dataset: Path, numbers: tuple[int, ...] = (0,)) -> list[BulkTask]:
    """Every third layout."""
    return tasks_of(dataset, numbers)[::3]


def run(job: BulkJob, dataset: Path, out: Path, **how: object) -> BulkSummary:
    engine = how.pop("engine", in_this_process)
    return run_job(job, some_tasks(dataset), CLASSES, out, engine, open_judge=open_toy_judge, **how)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def filtered(job: BulkJob, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filtered job that ran in one go in one process."""
    out = tmp_path_factory.mktemp("filtered") / "out"
    run(job, dataset, out)
    return out


def lines_of(out: Path) -> dict[str, Line]:
    return {line.name: line for line in read_lines(out / "manifest.jsonl")}


def test_the_first_faithful_try_is_kept_and_else_nothing(filtered: Path, job: BulkJob, scores: Scores) -> None:
    assert job.faithfulness is not None
    lines, minimum = lines_of(filtered), job.faithfulness.min_faithfulness or 0
    for name, found in scores.items():
        enough = [draw for draw, score in enumerate(found) if score >= minimum]
        chosen = enough[0] if enough else int(np.argmax(found))
        line = lines[name]
        assert line.faithfulness is not None
        assert (line.faithfulness.mean_iou, line.faithfulness.chosen) == (found[chosen], chosen)
        assert line.faithfulness.tries == (chosen + 1 if enough else TRIES)
        assert line.seed == picture_seed(0, line.layout_name, chosen)
        assert line.kept == (filtered / line.output).exists() == bool(enough)
    assert sum(line.kept for line in lines.values()) == 4
    assert sum(len(DatasetFolder(filtered, split)) for split in splits(filtered)) == 4


def test_regions_that_are_not_seen_become_void(filtered: Path, dataset: Path) -> None:
    ignored = 0
    for line in read_lines(filtered / "manifest.jsonl"):
        score = line.faithfulness
        assert score is not None
        if not score.kept:
            continue
        split, _, name = line.name.partition("/")
        written = DatasetFolder(filtered, split)[DatasetFolder(filtered, split).names.index(name)]
        layout = Layout.open(dataset / split / "labels" / f"{name}.png", CLASSES)
        assert written.image is not None
        unseen = unseen_regions(layout, toy_score(written.image, layout).seen, 0.6)
        assert np.array_equal(written.layout.labels, np.where(unseen, VOID, layout.labels))
        assert score.ignored == round(unseen.sum() / (layout.labels != VOID).sum(), 4)
        ignored += bool(unseen.any())
    assert ignored


def test_what_was_left_out_is_not_tried_again_and_can_be_made_again(
    filtered: Path, job: BulkJob, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(filtered, out)
    again = run(job, dataset, out)
    assert (again.made, again.left_out, again.kept) == (0, 0, 8)
    assert files(out) == files(filtered)
    name = next(name for name, line in lines_of(out).items() if not line.kept)
    assert remake(find_line(out, name)).equal
    layouts = tmp_path / "layouts"
    shutil.copytree(dataset, layouts)
    before = run(job, layouts, tmp_path / "moved")
    changed = layouts / name.replace("/", "/labels/")
    changed.with_suffix(".png").unlink()
    draw_facade(99, 32).save(changed.with_suffix(".png"))
    after = run(job, layouts, tmp_path / "moved")
    assert before.made + before.left_out == 8
    assert after.made + after.left_out == 1


def test_an_interrupted_filter_goes_on(filtered: Path, job: BulkJob, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(job, dataset, out, progress=interrupting(3))
    run(job, dataset, out)
    assert files(out) == files(filtered)


@pytest.mark.slow
def test_workers_filter_the_same(filtered: Path, job: BulkJob, dataset: Path, tmp_path: Path) -> None:
    run(job, dataset, tmp_path / "out", engine=local_engine(["cpu"] * 3))
    assert files(tmp_path / "out") == files(filtered)


@pytest.mark.slow
def test_shards_hold_what_was_kept(filtered: Path, job: BulkJob, dataset: Path, tmp_path: Path) -> None:
    job = job.model_copy(update={"shard_size": 30_000})
    with pytest.raises(KeyboardInterrupt):
        run(job, dataset, tmp_path / "interrupted", progress=interrupting(5))
    for name in ("interrupted", "whole"):
        run(job, dataset, tmp_path / name)
    assert files(tmp_path / "interrupted") == files(tmp_path / "whole")
    samples = samples_of(tmp_path / "whole")
    assert sorted(samples) == sorted(name for name, line in lines_of(filtered).items() if line.kept)
    for name, members in samples.items():
        split, _, stem = name.partition("/")
        assert members["image.png"] == (filtered / split / "images" / f"{stem}.png").read_bytes()
        assert members["label.png"] == (filtered / split / "labels" / f"{stem}.png").read_bytes()


@pytest.mark.slow
def test_shards_of_nothing(model: Path, dataset: Path, tmp_path: Path) -> None:
    job = filtered_job(model, min_faithfulness=1.0, tries=1).model_copy(update={"shard_size": 30_000})
    for left_out in (8, 0):
        summary = run(job, dataset, tmp_path / "out")
        assert (summary.made, summary.left_out) == (0, left_out)
        assert not list((tmp_path / "out").glob("*.tar"))


def test_without_a_minimum_everything_is_kept_with_its_score(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path
) -> None:
    for name, settings in {"scored": {"min_faithfulness": None}, "zero": {"min_faithfulness": 0.0}}.items():
        job = filtered_job(model, **{**settings, "ignore_below": None, "tries": 1})
        assert run(job, dataset, tmp_path / name).made == 8
        found = files(tmp_path / name)
        pictures = {path: data for path, data in found.items() if path.split("/")[1:2] == ["images"]}
        assert len(pictures) == 8
        assert pictures == {path: undisturbed[path] for path in pictures}
        assert all(line.faithfulness is not None for line in read_lines(tmp_path / name / "manifest.jsonl"))


@pytest.mark.slow
def test_several_pictures_of_a_layout_draw_seeds_of_their_own(model: Path, dataset: Path, tmp_path: Path) -> None:
    job = filtered_job(model, min_faithfulness=1.0).model_copy(update={"count": 2})
    tasks = tasks_of(dataset, job.numbers)[:2]
    run_job(job, tasks, CLASSES, tmp_path / "out", in_this_process, open_judge=open_toy_judge)
    lines = list(lines_of(tmp_path / "out").values())
    assert [line.number for line in lines] == [0, 1, 0, 1]
    assert {line.draw % 2 for line in lines if line.number == 1} == {1}
    assert {(job.draw(number, attempt)) for number in (0, 1) for attempt in range(TRIES)} == set(range(2 * TRIES))
    assert all(remake(line).equal for line in lines)


LABELS = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, VOID, 0, 0]], np.uint16)
"""Four regions of two classes by connection; the third has three pixels."""


def test_regions_by_hand() -> None:
    ids = np.append(CLASSES.ids[:2], VOID).astype(np.uint16)
    labels = np.where(LABELS == VOID, VOID, ids[np.minimum(LABELS, 1)]).astype(np.uint16)
    seen = labels.copy()
    seen[0, 0:2] = VOID  # half of the first region is not seen
    seen[2, 0] = ids[0]  # and a third of the third one
    layout = Layout(labels, CLASSES)
    assert not unseen_regions(layout, seen, 0.5).any()
    first = np.zeros((4, 4), bool)
    first[:2, :2] = True
    assert np.array_equal(unseen_regions(layout, seen, 0.6), first)
    both = first | ((LABELS == 1) & (np.arange(4)[:, None] > 1))
    assert np.array_equal(unseen_regions(layout, seen, 0.7), both)
    joined = Layout(labels, CLASSES, np.zeros((4, 4), np.int32))  # one object of each class: 6 of 8 and 6 of 7 are seen
    assert not unseen_regions(joined, seen, 0.75).any()
    assert np.array_equal(unseen_regions(joined, seen, 0.8), labels == ids[0])


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1))
def test_voiding_is_by_whole_objects_and_grows_with_the_share(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.append(CLASSES.ids[:3], VOID).astype(np.uint16), (6, 6))
    layout = instances_from_components(Layout(labels, CLASSES))
    seen = rng.choice(CLASSES.ids[:3].astype(np.uint16), (6, 6))
    unseen = unseen_regions(layout, seen, share)
    assert np.array_equal(unseen, unseen_regions(Layout(labels, CLASSES), seen, share))
    assert not unseen[labels == VOID].any()
    assert layout.instances is not None
    for number in np.unique(layout.instances[labels != VOID]):
        region = (layout.instances == number) & (labels != VOID)
        assert unseen[region].all() == unseen[region].any() == ((seen == labels)[region].mean() < share)
    assert not (unseen & ~unseen_regions(layout, seen, min(1.0, share + 0.2))).any()


def test_a_picture_without_a_score_counts_as_zero() -> None:
    rule = FaithfulnessRule.model_validate(RULE)
    assert rule.holds(0.5)
    assert not rule.holds(0.4999)
    assert not rule.holds(None)
    assert rule.model_copy(update={"min_faithfulness": 0.0}).holds(None)


def test_old_manifests_and_jobs_are_read(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    text = undisturbed["manifest.jsonl"].splitlines()[0]
    old = {key: value for key, value in json.loads(text).items() if key != "faithfulness"}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(old) + "\n")
    assert next(iter(read_lines(tmp_path / "manifest.jsonl"))).kept
    job = json.loads(undisturbed["job.json"])
    assert BulkJob.model_validate({key: value for key, value in job.items() if key != "faithfulness"}) == (
        BulkJob.model_validate(job)
    )
