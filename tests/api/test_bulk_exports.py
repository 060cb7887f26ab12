"""Exports of what bulk synthesis made: imported again, they hold the label maps that were written, to the pixel."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from bulk_jobs import job_of, open_toy_judge
from tiny_models import save_tiny_model

import semsynth
from semsynth.bulk.engine import in_this_process
from semsynth.bulk.manifest import read_lines
from semsynth.bulk.run import run_job
from semsynth.bulk.sources import open_layouts
from semsynth.classes import VOID, ClassSet, builtin
from semsynth.data.exporters.table import FORMATS
from semsynth.data.folder import DatasetFolder
from semsynth.layout import Layout

STREET = ("road", "sky", "car", "person")
CITYSCAPES = {one.name: one for one in builtin("cityscapes").classes}
CLASSES = ClassSet(name="street", classes=tuple(CITYSCAPES[name] for name in STREET))


def drawn(seed: int) -> Layout:
    """A road, the sky, and cars and people that overlap."""
    random = np.random.default_rng(seed)
    road, sky, car, person = (one.id for one in CLASSES.classes)
    labels = np.full((32, 32), sky, np.uint16)
    labels[20:] = road
    instances = labels.astype(np.int32)
    for number in range(5):
        top, left = random.integers(8, 24), random.integers(0, 26)
        labels[top : top + 7, left : left + 6] = (car, person)[number % 2]
        instances[top : top + 7, left : left + 6] = 1000 * (car, person)[number % 2] + number
    return Layout(labels, CLASSES, instances)


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Filtered pairs with objects that became void, made by a model that does not read instance maps."""
    folder = tmp_path_factory.mktemp("synthesised")
    CLASSES.save(folder / "layouts/classes.json")
    for seed in range(6):
        drawn(seed).save(folder / f"layouts/val/labels/{seed}.png", folder / f"layouts/val/instances/{seed}.png")
    model = save_tiny_model(folder / "model", classes=CLASSES)
    rule = {"segmenter": "toy", "segmenter_sha256": "toy", "min_faithfulness": 0.3, "ignore_below": 0.5}
    layouts = open_layouts(folder / "layouts", pictures=False, instances=None)
    tasks = list(layouts.tasks((0,), False))
    job = job_of(model, faithfulness=rule)
    run_job(job, tasks, CLASSES, folder / "out", in_this_process, open_judge=open_toy_judge)
    scores = [line.faithfulness for line in read_lines(folder / "out/manifest.jsonl")]
    assert any(one is not None and one.kept and one.ignored for one in scores)
    return folder / "out"


@pytest.mark.parametrize("format", FORMATS)
def test_round_trip(synthesised: Path, tmp_path: Path, format: str) -> None:
    before = DatasetFolder(synthesised, "val", instances=True)
    assert semsynth.export_dataset(format, synthesised, tmp_path / "out") == {"val": len(before)}
    options: dict[str, object] = {}
    if format in ("yolo", "cvat", "labelme"):
        options = {"classes": synthesised / "classes.json", "overlap": "order"}
    semsynth.import_dataset(format, tmp_path / "out", tmp_path / "again", **options)  # type: ignore[arg-type]
    after = DatasetFolder(tmp_path / "again", "val", instances=True)
    assert before.names == after.names
    for index in range(len(before)):
        old, new = before[index], after[index]
        assert named(new.layout) == named(old.layout)
        objects = [np.where(one.labels == VOID, -1, one.instances) for one in (old.layout, new.layout)]
        pairs = np.unique(np.stack([one[old.layout.labels != VOID] for one in objects]), axis=1)
        assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
        assert np.array_equal(old.image, new.image)


def named(layout: Layout) -> list[str]:
    """The class of every pixel; Cityscapes has a class for what has none."""
    names = np.array([*(one.name for one in layout.classes.classes), "unlabeled"])
    return names[layout.classes.index_of_id[layout.labels]].ravel().tolist()


def test_coco_lists_what_was_kept_and_no_object_that_became_void(synthesised: Path, tmp_path: Path) -> None:
    semsynth.export_dataset("coco", synthesised, tmp_path / "out")
    data = json.loads((tmp_path / "out/annotations/instances_val.json").read_text())
    lines = [line for line in read_lines(synthesised / "manifest.jsonl") if line.kept]
    assert [Path(image["file_name"]).stem for image in data["images"]] == [line.layout_name for line in lines]
    areas = Counter[str]()
    for item in data["annotations"]:
        areas[Path(data["images"][item["image_id"] - data["images"][0]["id"]]["file_name"]).stem] += item["area"]
    for line in lines:
        assert line.faithfulness is not None
        labelled = round(32 * 32 * (1 - line.faithfulness.ignored))
        assert abs(areas[line.layout_name] - labelled) <= 1  # the manifest's share is rounded
