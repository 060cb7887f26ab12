"""Bulk synthesis as a function: the same files as the steps below it, and what it refuses before anything is made."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from bulk_jobs import files
from flags import save_network
from tiny_models import CLASSES, save_tiny_model

import semsynth
from semsynth.bulk.engine import in_this_process
from semsynth.bulk.engines import choose_engine
from semsynth.bulk.remake import find_line
from semsynth.classes import builtin
from semsynth.data.components import write_components
from semsynth.data.folder import DatasetFolder
from semsynth.data.progress import Progress
from semsynth.errors import SemsynthError
from semsynth.evaluation.faithfulness import FaithfulnessJudge
from semsynth.evaluation.segmenters.loading import open_segmenter
from semsynth.evaluation.segmenters.mappings import mapping_of
from semsynth.layout import Layout
from semsynth.styles.seeds import picture_seed


def test_the_same_files_as_the_job_and_what_is_there_stays(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []

    def progress(name: str) -> Progress:
        return lambda done, total: told.append((name, done, total))

    summary = semsynth.synthesize_folder(
        str(dataset), str(tmp_path / "out"), model, precision="float32", engine=in_this_process, progress=progress
    )
    assert (summary.made, summary.kept, summary.failed) == (24, 0, 0)
    assert files(tmp_path / "out") == undisturbed
    assert [one for one in told if one[0] == "synthesising"] == [("synthesising", n, 24) for n in range(25)]
    again = semsynth.synthesize_folder(dataset, tmp_path / "out", model, precision="float32", engine=in_this_process)
    assert (again.made, again.kept) == (0, 24)


def test_a_limit_and_a_count(model: Path, dataset: Path, tmp_path: Path) -> None:
    summary = semsynth.synthesize_folder(
        dataset / "val", tmp_path / "out", model, count=2, limit=3, engine=in_this_process
    )
    assert summary.made == 6
    names = sorted(path.name for path in (tmp_path / "out/val/images").iterdir())
    assert names == [f"front_{layout}_{number}.png" for layout in (20, 21, 22) for number in (0, 1)]


def test_what_is_refused_before_anything_is_made(model: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(SemsynthError, match=r"there is no folder .*nowhere"):
        semsynth.synthesize_folder(tmp_path / "nowhere", out, model, engine=in_this_process)
    with pytest.raises(SemsynthError, match="'many' is no size"):
        semsynth.synthesize_folder(dataset, out, model, shard_size="many", engine=in_this_process)
    other = save_tiny_model(tmp_path / "other", classes=builtin("camvid"))
    with pytest.raises(SemsynthError, match="of the class set 'cmp_facades', the model of 'camvid'"):
        semsynth.synthesize_folder(dataset, out, other, engine=in_this_process)
    edges = save_tiny_model(tmp_path / "edges", edges=True)
    with pytest.raises(SemsynthError, match="reads instance boundaries"):
        semsynth.synthesize_folder(dataset, out, edges, engine=in_this_process)
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(SemsynthError, match="takes the model folder"):
        semsynth.synthesize_folder(dataset, out, tmp_path / "model.onnx", engine=in_this_process)
    assert not out.exists()


def test_engines_by_name() -> None:
    with pytest.raises(SemsynthError, match="`gpus=1`: only Ray has it"):
        choose_engine("local", gpus=1)
    with pytest.raises(SemsynthError, match="`device=mps`: Ray chooses"):
        choose_engine("ray", "mps")


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained one that knows the classes of the layouts."""
    names = [item.name for item in CLASSES.classes]
    mapping = mapping_of(CLASSES).model_dump(mode="json")
    return save_network(tmp_path_factory.mktemp("segmenter") / "network", names, segmenter=mapping)


def test_photos_are_scored_by_the_segmenter_that_is_named(
    model: Path, dataset: Path, segmenter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(segmenter.parent)
    how = {"precision": "float32", "engine": in_this_process, "limit": 2}
    out = tmp_path / "out"
    summary = semsynth.synthesize_folder(dataset, out, model, segmenter="network", **how)
    assert (summary.made, summary.left_out) == (2, 0)
    assert summary.faithfulness is not None
    assert summary.faithfulness.rule.segmenter == str(segmenter)
    judge = FaithfulnessJudge(open_segmenter(segmenter, None, "cpu"), CLASSES)
    made = DatasetFolder(out, "train")
    for sample in (made[0], made[1]):
        assert sample.image is not None
        score = find_line(out, sample.name).faithfulness
        assert score is not None
        assert score.mean_iou == round(judge(sample.image, sample.layout).mean_iou or 0, 4)
    again = semsynth.synthesize_folder(dataset, out, model, segmenter=segmenter, **how)
    assert (again.made, again.kept) == (0, 2)
    with pytest.raises(SemsynthError, match="holds pictures of another job"):
        semsynth.synthesize_folder(dataset, out, model, segmenter=segmenter, min_faithfulness=0.1, **how)
    unscored = semsynth.synthesize_folder(dataset, tmp_path / "unscored", model, segmenter="none", **how)
    assert unscored.faithfulness is None
    assert not (tmp_path / "unscored/faithfulness").exists()


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ({"tries": 3}, "`tries=3` needs `min_faithfulness`"),
        ({"segmenter": "none", "min_faithfulness": 0.5}, "`segmenter=none` scores no photo"),
        ({"segmenter": "absent"}, "there is no segmenter 'absent'"),
        ({"segmenter": "camvid"}, "does not know"),
        ({"min_faithfulness": 1.5}, "min_faithfulness"),
        ({"ignore_below": 0.0}, "ignore_below"),
    ],
)
def test_filters_that_are_refused(
    model: Path, dataset: Path, tmp_path: Path, how: dict[str, object], problem: str
) -> None:
    with pytest.raises(SemsynthError, match=problem):
        semsynth.synthesize_folder(dataset, tmp_path / "out", model, engine=in_this_process, **how)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_tries_of_a_model_that_makes_one_photo(dataset: Path, tmp_path: Path, segmenter: Path) -> None:
    model = save_tiny_model(tmp_path / "model", styles=False)
    how = {"segmenter": segmenter, "min_faithfulness": 0.9, "engine": in_this_process}
    with pytest.raises(SemsynthError, match="`tries=2` would change nothing, because this model makes the same photo"):
        semsynth.synthesize_folder(dataset, tmp_path / "out", model, tries=2, **how)


def test_instance_maps_go_along_whatever_the_model_reads(model: Path, dataset: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(dataset, data)
    write_components(data)
    (data / "val/instances/front_20.png").unlink()
    how = {"precision": "float32", "engine": in_this_process}
    semsynth.synthesize_folder(data / "train", tmp_path / "out", model, limit=2, **how)
    made = DatasetFolder(tmp_path / "out", "train", instances=True)
    for sample in (made[0], made[1]):
        plain = semsynth.load(model, "cpu", "float32")(
            Layout(sample.layout.labels, CLASSES), seed=picture_seed(0, sample.name, 0)
        )
        assert np.array_equal(np.asarray(plain), sample.image)
        expected = (data / "train/instances" / f"{sample.name}.png").read_bytes()
        assert (tmp_path / "out/train/instances" / f"{sample.name}.png").read_bytes() == expected
    semsynth.synthesize_folder(data / "val", tmp_path / "val", model, limit=1, **how)
    assert not (tmp_path / "val/val/instances").exists()  # those of the split are not complete
