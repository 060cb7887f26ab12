"""Bulk jobs: nothing disturbs their pictures."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from bulk_jobs import files, interrupting, job_of, tasks_of
from tiny_models import CLASSES, save_tiny_model
from typer.testing import CliRunner, Result

from semsynth.bulk.engine import in_this_process
from semsynth.bulk.manifest import Manifest, read_lines
from semsynth.bulk.remake import find_line, remake
from semsynth.bulk.run import run_job
from semsynth.cli.main import app
from semsynth.data.facades import draw_facade
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError
from semsynth.images import decode_image
from semsynth.layout import Layout
from semsynth.styles.seeds import picture_seed
from semsynth.synthesizer import load


def test_nothing_but_the_line_decides_what_a_picture_is(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path
) -> None:
    tasks = tasks_of(dataset)
    run_job(job_of(model), tasks[::-1][:7], CLASSES, tmp_path / "backwards", in_this_process)
    made = {name: data for name, data in files(tmp_path / "backwards").items() if "/images/" in name}
    assert len(made) == 7
    assert all(undisturbed[name] == data for name, data in made.items())
    for count in (2, 3):
        out = tmp_path / f"count{count}"
        run_job(job_of(model, count=count), tasks_of(dataset, tuple(range(count)))[:3], CLASSES, out, in_this_process)
        for name in ("front_00", "front_02"):
            data = (out / f"train/images/{name}_0.png").read_bytes()
            assert data == undisturbed[f"train/images/{name}.png"]
            assert data != (out / f"train/images/{name}_1.png").read_bytes()
        assert DatasetFolder(out, "train").names == tuple(f"front_0{i}_{k}" for i in range(3) for k in range(count))


@pytest.mark.parametrize("after", [0, 1, 10, 23])
def test_an_interrupted_job_goes_on(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path, after: int
) -> None:
    job, tasks, out = job_of(model), tasks_of(dataset), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run_job(job, tasks, CLASSES, out, in_this_process, interrupting(after))
    assert len(list(out.glob("*/images/*"))) == after
    with (out / "manifest.jsonl").open("ab") as file:
        file.write(b'{"name": "train/front_')  # a line that was being written
    summary = run_job(job, tasks, CLASSES, out, in_this_process)
    assert (summary.made, summary.kept, summary.failed) == (24 - after, after, 0)
    assert files(out) == undisturbed
    again = run_job(job, tasks, CLASSES, out, in_this_process)
    assert (again.made, again.kept) == (0, 24)
    assert files(out) == undisturbed


def test_what_is_not_right_is_made_again(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path
) -> None:
    layouts, out = tmp_path / "layouts", tmp_path / "out"
    shutil.copytree(dataset, layouts)
    run_job(job_of(model), tasks_of(layouts), CLASSES, out, in_this_process)
    times = {path: path.stat().st_mtime_ns for path in out.glob("*/images/*")}
    (out / "train/images/front_03.png").write_bytes(undisturbed["train/images/front_04.png"])
    (out / "train/images/front_05.png").unlink()
    (layouts / "train/labels/front_07.png").unlink()
    draw_facade(99, 32).save(layouts / "train/labels/front_07.png")
    left = out / "train/images/.front_09.png.1.part"
    left.write_bytes(b"half a picture")
    summary = run_job(job_of(model), tasks_of(layouts), CLASSES, out, in_this_process)
    assert (summary.made, summary.kept) == (3, 21)
    assert not left.exists()
    made = files(out)
    assert {path.stem for path, time in times.items() if path.stat().st_mtime_ns != time} == {
        "front_03", "front_05", "front_07",
    }  # fmt: skip
    assert made["train/labels/front_07.png"] == (layouts / "train/labels/front_07.png").read_bytes()
    different = {name for name, data in undisturbed.items() if made[name] != data and "manifest" not in name}
    assert different == {"train/images/front_07.png", "train/labels/front_07.png"}
    names = [line.name for line in read_lines(out / "manifest.jsonl")]
    assert names == sorted(set(names))
    assert len(names) == 24


def test_a_full_disk_ends_the_job_and_leaves_whole_files(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, out = Path.write_bytes, tmp_path / "out"

    def write_bytes(self: Path, data: bytes) -> int:
        if "front_05.png" in self.name:
            real(self, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_bytes)
        with pytest.raises(SemsynthError, match=r"front_05\.png: the disk is full"):
            run_job(job_of(model), tasks_of(dataset), CLASSES, out, in_this_process)
    made = {name: data for name, data in files(out).items() if "/images/" in name}
    assert sorted(made) == [f"train/images/front_{i:02d}.png" for i in range(5)]
    assert all(undisturbed[name] == data for name, data in made.items())
    run_job(job_of(model), tasks_of(dataset), CLASSES, out, in_this_process)
    assert files(out) == undisturbed


def test_folders_of_others_are_left_alone(model: Path, dataset: Path, tmp_path: Path) -> None:
    tasks, out = tasks_of(dataset)[:1], tmp_path / "out"
    run_job(job_of(model), tasks, CLASSES, out, in_this_process)
    with pytest.raises(SemsynthError, match=r"holds pictures of another job \(seed 0, not 1; count None, not 2\)"):
        run_job(job_of(model, seed=1, count=2), tasks, CLASSES, out, in_this_process)
    with Manifest(out), pytest.raises(SemsynthError, match="another process is filling"):
        run_job(job_of(model), tasks, CLASSES, out, in_this_process)
    with pytest.raises(SemsynthError, match="is not empty and holds no bulk job"):
        run_job(job_of(model), tasks, CLASSES, dataset, in_this_process)
    (tmp_path / "file").write_text("x")
    with pytest.raises(SemsynthError, match="is a file"):
        run_job(job_of(model), tasks, CLASSES, tmp_path / "file", in_this_process)
    (out / "manifest.jsonl").write_text('{"name": "a"}\n')
    with pytest.raises(SemsynthError, match=r"manifest.jsonl, line 1, is no line of a manifest"):
        run_job(job_of(model), tasks, CLASSES, out, in_this_process)


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_pictures_are_a_dataset(undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path) -> None:
    for name, data in undisturbed.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    synthesizer = load(model, "cpu", "float32")
    torch.set_num_threads(1)
    for split, count in (("train", 20), ("val", 4)):
        made, source = DatasetFolder(tmp_path, split), DatasetFolder(dataset, split, images=False)
        assert made.names == source.names
        assert len(made) == count
        for sample, given in zip(made, source, strict=False):
            assert np.array_equal(sample.layout.labels, given.layout.labels)
            photo = synthesizer(given.layout, seed=picture_seed(0, given.name, 0))
            assert sample.image is not None
            assert np.array_equal(sample.image, np.asarray(photo))
    styles = {data for name, data in undisturbed.items() if "/images/" in name}
    assert len(styles) == 24


def test_failed_layouts_are_listed_and_can_be_repaired(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path
) -> None:
    layouts, out = tmp_path / "layouts", tmp_path / "out"
    shutil.copytree(dataset, layouts)
    (layouts / "train/labels/front_03.png").write_bytes(b"no picture")
    (layouts / "val/labels/front_21.png").write_bytes(undisturbed["val/labels/front_21.png"][:50])
    arguments = ("synthesize", layouts, "--model", model, "--out", out, "--engine", "local", "--workers", 1)
    result = command(*arguments, "--precision", "float32")
    assert result.exit_code == 1, result.output
    assert result.stdout.startswith(f"22 pictures made in {out} (")
    assert "2 layouts failed" in result.stderr
    assert "front_03.png is not a picture" in result.stderr
    listed = [json.loads(line) for line in (out / "failures.jsonl").read_text().splitlines()]
    assert [one["name"] for one in listed] == ["train/front_03", "val/front_21"]
    assert listed[1]["layout"] == str(layouts / "val/labels/front_21.png")
    assert "truncated" in listed[1]["error"]
    assert DatasetFolder(out, "train").names == tuple(f"front_{i:02d}" for i in range(20) if i != 3)
    for name in ("train/labels/front_03.png", "val/labels/front_21.png"):
        (layouts / name).write_bytes(undisturbed[name])
    result = command(*arguments, "--precision", "float32")
    assert result.exit_code == 0, result.output
    assert f"2 pictures made in {out}" in result.stdout
    assert "22 were there" in result.stdout
    made = files(out)
    assert {name: data for name, data in made.items() if name != "manifest.jsonl"} == {
        name: data for name, data in undisturbed.items() if name != "manifest.jsonl"
    }


def test_sizes_and_notes(model: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "maps", tmp_path / "out"
    draw_facade(0, 32).resized((48, 64)).save(folder / "a.png")
    draw_facade(1, 32).save(folder / "b.png")
    arguments = ("synthesize", folder, "--model", model, "--engine", "local", "--workers", 1)
    result = command(*arguments, "--out", out)
    assert result.exit_code == 0, result.output
    assert "note: " in result.stderr
    assert "64x48, which this model cannot make: resized to 32x32" in result.stderr
    made = DatasetFolder(out, "train")
    assert [sample.size for sample in (made[0], made[1])] == [(32, 32)] * 2
    assert (folder / "b.png").samefile(out / "train/labels/b.png")
    assert remake(find_line(out, "a")).equal
    result = command(*arguments, "--out", tmp_path / "strict", "--strict-size")
    assert result.exit_code == 1
    assert [path.name for path in (tmp_path / "strict/train/images").iterdir()] == ["b.png"]


def test_instances_go_with_the_pictures(tmp_path: Path) -> None:
    model, data, out = save_tiny_model(tmp_path / "model", edges=True), tmp_path / "data", tmp_path / "out"
    CLASSES.save(data / "classes.json")
    ids = np.arange(32 * 32, dtype=np.int32).reshape(32, 32) // 64
    layout = Layout(draw_facade(0, 32).labels, CLASSES, ids)
    layout.save(data / "train/labels/a.png")
    arguments = ("synthesize", data, "--model", model, "--out", out, "--engine", "local", "--workers", 1)
    result = command(*arguments, "--precision", "float32")
    assert result.exit_code == 2
    assert "--instances" in result.stderr
    layout.save_instances(data / "train/instances/a.png")
    assert command(*arguments, "--precision", "float32").exit_code == 0
    made = DatasetFolder(out, "train", instances=True)[0]
    assert made.layout.instances is not None
    assert np.array_equal(made.layout.instances, ids)
    torch.set_num_threads(1)
    expected = load(model, "cpu", "float32")(layout, seed=picture_seed(0, "a", 0))
    assert np.array_equal(decode_image(out / "train/images/a.png"), np.asarray(expected))
    assert remake(find_line(out, "a")).equal
