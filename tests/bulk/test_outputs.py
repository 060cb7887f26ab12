"""Shards as the output of bulk synthesis, and as its input."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from bulk_jobs import files, job_of, samples_of, tasks_of
from tiny_models import CLASSES

from semsynth.bulk.engine import in_this_process
from semsynth.bulk.local import local_engine
from semsynth.bulk.remake import find_line, remake
from semsynth.bulk.run import run_job
from semsynth.data.shards.writer import ShardWriter
from semsynth.errors import SemsynthError

SIZE = 30_000
"""Bytes of a shard: some samples."""


@pytest.fixture(scope="module")
def shards(model: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pictures in shards, made in one go by two workers."""
    out = tmp_path_factory.mktemp("shards") / "out"
    job = job_of(model, shard_size=SIZE)
    summary = run_job(job, tasks_of(dataset), CLASSES, out, local_engine(["cpu", "cpu"]))
    assert (summary.made, summary.failed) == (24, 0)
    return out


def test_samples_of_shards(shards: Path, undisturbed: dict[str, bytes], dataset: Path) -> None:
    samples = samples_of(shards)
    assert len(samples) == 24
    assert len(list(shards.glob("train-*.tar"))) > 3
    for name, members in samples.items():
        split, _, layout = name.partition("/")
        assert list(members) == ["image.png", "label.png", "json"]
        assert members["image.png"] == undisturbed[f"{split}/images/{layout}.png"]
        assert members["label.png"] == (dataset / split / "labels" / f"{layout}.png").read_bytes()
        line = json.loads(members["json"])
        assert line["name"] == name
        assert line["output_sha256"] == hashlib.sha256(members["image.png"]).hexdigest()
    lines = [json.loads(line) for line in (shards / "manifest.jsonl").read_text().splitlines()]
    assert [line["name"] for line in lines] == sorted(samples)
    assert all(json.loads(samples[line["name"]]["json"]) == line for line in lines)
    assert remake(find_line(shards, "front_17")).equal


@pytest.mark.parametrize("after", [1, 13, 23])
def test_an_interrupted_job_ends_with_the_same_shards(
    shards: Path, model: Path, dataset: Path, tmp_path: Path, after: int
) -> None:
    job, tasks, out = job_of(model, shard_size=SIZE), tasks_of(dataset), tmp_path / "out"

    def progress(done: int, total: int) -> None:
        if done == after and total == 24:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(job, tasks, CLASSES, out, in_this_process, lambda name: progress)
    assert not list(out.glob(".*.part"))
    summary = run_job(job, tasks, CLASSES, out, in_this_process)
    assert summary.made + summary.kept == 24
    assert files(out) == files(shards)
    assert run_job(job, tasks, CLASSES, out, in_this_process).kept == 24
    with pytest.raises(SemsynthError, match="complete shards"):
        run_job(job, [*tasks, *tasks_of(dataset / "val" / "labels")], CLASSES, out, in_this_process)


def test_layouts_from_shards_give_the_same_pictures(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path
) -> None:
    layouts, out = tmp_path / "layouts", tmp_path / "out"
    with ShardWriter(layouts, CLASSES, SIZE) as writer:
        for task in tasks_of(dataset):
            writer.add(task.split, task.name, {"label.png": task.layout.read()})
    tasks = tasks_of(layouts)
    assert [(task.split, task.name) for task in tasks] == [(task.split, task.name) for task in tasks_of(dataset)]
    run_job(job_of(model), tasks, CLASSES, out, in_this_process)
    made = files(out)
    assert all(made[name] == data for name, data in undisturbed.items() if name.endswith(".png"))
    assert remake(find_line(out, "val/front_22")).equal
    shard = next(layouts.glob("val-*.tar"))
    shard.write_bytes(shard.read_bytes()[:1000])
    summary = run_job(job_of(model), tasks, CLASSES, out, in_this_process)
    assert summary.failed > 0
    assert "truncated" in summary.first_error
