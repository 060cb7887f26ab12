"""Sets of pictures beside the training photos that they are most like."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from backbone_weights import save_mobilenet
from flags import CLASSES, PROTOCOL
from typer.testing import CliRunner

import semsynth
from semsynth.cli.main import app
from semsynth.data.folder import DatasetFolder
from semsynth.data.shards.writer import ShardWriter
from semsynth.errors import SemsynthError
from semsynth.evaluation.nearest_training import memorisation_scores
from semsynth.evaluation.picture_sets import PictureSet
from semsynth.images import decode_image


def test_repeated_photos_stand_beside_their_originals(flags: Path, tmp_path: Path) -> None:
    training = DatasetFolder(flags, "train")
    pictures = tmp_path / "<made>"
    shutil.copytree(flags / "val" / "images", pictures)
    for number in range(3):
        shutil.copyfile(flags / "train/images" / f"{training.names[number]}.png", pictures / f"copy_{number}.png")
    record = semsynth.measure_memorisation(
        pictures, flags, tmp_path / "out", protocol=PROTOCOL, features="random", device="cpu"
    )
    assert (record.num_pictures, record.num_photos, record.num_held_out) == (27, 12, 24)
    assert record.nearer_than_all == 3
    for number, pair in enumerate(record.nearest[:3], 1):
        assert pair.photo == training.names[int(pair.name.removeprefix("copy_"))]
        assert (pair.distance, pair.share_farther) == (0, 1)
        shown = [decode_image(tmp_path / f"out/pictures/picture_{number}_{kind}.png") for kind in ("picture", "photo")]
        assert np.array_equal(*shown)
        assert np.array_equal(shown[0], training[training.names.index(pair.photo)].image)
    assert sum(record.histogram) == 27
    assert sum(record.histogram_held_out) == 24
    assert record.histogram[0] == 3
    assert [pair.distance for pair in record.nearest] == sorted(pair.distance for pair in record.nearest)
    page = (tmp_path / "out/report.html").read_text()
    assert "&lt;made&gt;" in page
    files = sorted(path.name for path in (tmp_path / "out/pictures").iterdir())
    assert len(files) == 2 * (len(record.nearest) + len(record.nearest_held_out)) == 64
    assert all(f'src="pictures/{name}"' in page for name in files)


@pytest.mark.slow
def test_the_same_scores_as_in_an_evaluation(flags: Path, tmp_path: Path) -> None:
    options = {"features": str(save_mobilenet(tmp_path)), "device": "cpu"}
    pictures = tmp_path / "pictures"
    shutil.copytree(flags / "val" / "images", pictures)
    for number, path in enumerate(sorted(pictures.iterdir())[:8]):
        shutil.copyfile(flags / "train/images" / f"{100 + number}.png", path)
    record = semsynth.measure_memorisation(pictures, flags, tmp_path / "out", protocol=PROTOCOL, **options)
    report = semsynth.evaluate(
        pictures, flags, PROTOCOL, segmenter="none", nearest_training=True, **options
    ).record.memorisation
    assert report is not None
    assert (record.nearer.value, record.distance.value) == (report.nearer.value, report.distance.value)
    known = {pair.name: (pair.photo, pair.distance) for pair in record.nearest}
    assert all(known[pair.name] == (pair.photo, pair.distance) for pair in report.nearest)


def test_intervals_of_sets_of_different_sizes() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.uniform(1, 2, 30), rng.uniform(1, 2, 3000)
    _, distance = memorisation_scores(few, many, paired=False)
    assert distance.interval is not None
    low, high = distance.interval
    assert low < float(distance) < high
    expected = 2 * 1.96 * few.std() / np.sqrt(30) / many.mean()  # the spread of the larger set hardly counts
    assert high - low == pytest.approx(expected, rel=0.15)


def test_folders_datasets_and_shards_are_sets(flags: Path, tmp_path: Path) -> None:
    folder, dataset = PictureSet(flags / "val" / "images"), PictureSet(flags)
    assert len(folder) == 24
    assert len(dataset) == 36
    assert dataset.names[0] == "train/100"
    writer = ShardWriter(tmp_path / "shards", CLASSES, 10**6)
    for name in folder.names:
        files = {f"{kind}.png": (flags / f"val/{kind}s/{name}.png").read_bytes() for kind in ("image", "label")}
        writer.add("val", name, files)
    writer.finish()
    writer.abandon()
    shards = PictureSet(tmp_path / "shards", limit=5)
    assert shards.names == tuple(f"val/{name}" for name in folder.names[:5])
    for index in range(5):
        assert np.array_equal(shards[index], folder[index])
    with pytest.raises(SemsynthError, match="holds no pictures"):
        PictureSet(flags / "val")
    with pytest.raises(SemsynthError, match="there is no folder"):
        PictureSet(tmp_path / "absent")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--split", "train"), "--split train holds the training photos"),
        (("--features", "none"), "choose some with --features"),
        (("--split", "test"), "has no split 'test'"),
        ((), "no segmenter ships with the package for 'flags'"),
    ],
)
def test_what_is_refused(flags: Path, tmp_path: Path, options: tuple[str, ...], reason: str) -> None:
    command = ["memorisation", str(flags), "--data", str(flags), "--out", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_it_found(flags: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["memorisation", str(flags / "train/images"), "--data", str(flags), "--out", str(out), "--limit", "4"]
    result = CliRunner().invoke(app, [*command, "--features", "random", "--protocol", PROTOCOL, "--device", "cpu"])
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("4 of 4 pictures are nearer to a training photo than all of the 24 held-out photos")
    assert result.stdout.endswith(f"report: {out / 'report.html'}\n")
