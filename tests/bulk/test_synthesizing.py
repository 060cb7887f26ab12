"""Bulk synthesis as a function: the same files as the steps below it, and what it refuses before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from bulk_jobs import files
from tiny_models import save_tiny_model

import semsynth
from semsynth.bulk.engine import in_this_process
from semsynth.bulk.synthesizing import choose_engine
from semsynth.classes import builtin
from semsynth.data.progress import Progress
from semsynth.errors import SemsynthError


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
