"""Banks are built whole, by any number of processes, after any interruption."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from drawn_banks import CLASSES, HOUSE, RULES, write_dataset
from PIL import Image

from semsynth.bank.building import build_bank
from semsynth.bank.index import Credit
from semsynth.bank.memory import MemoryBank
from semsynth.bank.segments import SegmentRules, find_segments
from semsynth.data.folder import DatasetFolder
from semsynth.data.shards.sharding import shard_folder
from semsynth.errors import SemsynthError
from semsynth.images import resize_image, save_png
from semsynth.layout import Layout
from semsynth.locks import FolderLock


class StoppedError(Exception):
    """Raised instead of going on."""


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a bank."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stop_after(photos: int):
    """Progress that ends the process of building."""

    def progress(done: int, total: int) -> None:
        if done >= photos:
            raise StoppedError

    return progress


def test_an_interrupted_bank_resumes_and_is_the_same(bank: MemoryBank, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "bank"
    with pytest.raises(StoppedError):
        build_bank(dataset, out, rules=RULES, workers=1, progress=stop_after(8))
    with pytest.raises(SemsynthError, match="is not a memory bank"):
        MemoryBank.open(out)
    first = (out / "photos-00000.safetensors").stat()
    assert not (out / "photos-00002.safetensors").exists()
    (out / ".building" / ".00001.json.999999999.part").write_bytes(b"of a process that was killed")
    reports: list[tuple[int, int]] = []
    build_bank(dataset, out, rules=RULES, workers=1, progress=lambda done, total: reports.append((done, total)))
    assert contents(out) == contents(bank.folder)
    assert (out / "photos-00000.safetensors").stat() == first, "whole parts are kept"
    assert reports == [(8, 20), (16, 20), (20, 20)]


@pytest.mark.slow
def test_several_processes_build_the_same_bank(bank: MemoryBank, dataset: Path, tmp_path: Path) -> None:
    build_bank(dataset, tmp_path / "bank", rules=RULES, workers=3)
    assert contents(tmp_path / "bank") == contents(bank.folder)


@pytest.mark.slow
def test_a_killed_build_leaves_no_process_and_resumes(tmp_path: Path) -> None:
    data, out, whole = write_dataset(tmp_path / "data", photos=400), tmp_path / "bank", tmp_path / "whole"
    command = [sys.executable, "-m", "semsynth", "bank", "build", "--data", data, "--size", "40x24", "--thin", "pole"]
    process = subprocess.Popen([*command, "--out", out, "--workers", "2"], start_new_session=True)
    while not list((out / ".building").glob("0*.json")):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while _members(process.pid):
        assert time.monotonic() < deadline, "workers outlive the process that was killed"
        time.sleep(0.1)
    assert not (out / "bank.json").exists()
    subprocess.run([*command, "--out", out, "--workers", "1"], check=True)
    subprocess.run([*command, "--out", whole, "--workers", "1"], check=True)
    assert contents(out) == contents(whole)


def _members(group: int) -> bool:
    """Whether a process of the group is alive."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_worker_that_is_killed_is_one_line(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semsynth.bank.building._start_worker", _die)
    with pytest.raises(SemsynthError, match=r"was killed: is there enough memory for 2 of them\?"):
        build_bank(dataset, tmp_path / "bank", rules=RULES, workers=2)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_other_settings_do_not_resume(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "bank"
    with pytest.raises(StoppedError):
        build_bank(dataset, out, rules=RULES, workers=1, progress=stop_after(8))
    other = RULES.model_copy(update={"minimal_share": 0.5})
    with pytest.raises(SemsynthError, match="holds the beginning of a bank of other data or settings: remove it"):
        build_bank(dataset, out, rules=other, workers=1)
    moved = Path(shutil.copytree(dataset, tmp_path / "moved"))
    with pytest.raises(SemsynthError, match="of other data or settings"):
        build_bank(moved, out, rules=RULES, workers=1)


def test_resuming_cuts_changed_photos_again(dataset: Path, tmp_path: Path) -> None:
    data, out = Path(shutil.copytree(dataset, tmp_path / "data")), tmp_path / "bank"
    damaged = data / "train" / "images" / "19.png"
    whole = damaged.read_bytes()
    damaged.write_bytes(b"")
    with pytest.raises(SemsynthError, match=r"19\.png is empty"):
        build_bank(data, out, rules=RULES, workers=1)
    damaged.write_bytes(whole)
    save_png(data / "train" / "images" / "3.png", np.zeros((*RULES.size, 3), np.uint8))
    reports: list[tuple[int, int]] = []
    resumed = build_bank(data, out, rules=RULES, workers=1, progress=lambda done, total: reports.append((done, total)))
    assert reports == [(8, 20), (16, 20), (20, 20)], "the second of three parts was kept"
    assert not resumed.photo(3).any()
    assert contents(out) == contents(build_bank(data, tmp_path / "other", rules=RULES, workers=1).folder)


def test_resuming_after_photos_were_removed_leaves_nothing_of_them(dataset: Path, tmp_path: Path) -> None:
    data, out = Path(shutil.copytree(dataset, tmp_path / "data")), tmp_path / "bank"
    with pytest.raises(StoppedError):
        build_bank(data, out, rules=RULES, workers=1, progress=stop_after(20))
    for kind in ("images", "labels"):
        for number in range(10, 20):
            (data / "train" / kind / f"{number}.png").unlink()
    assert len(build_bank(data, out, rules=RULES, workers=1).photos) == 10
    assert contents(out) == contents(build_bank(data, tmp_path / "other", rules=RULES, workers=1).folder)


def test_a_complete_bank_is_left_alone(bank: MemoryBank, dataset: Path) -> None:
    before = contents(bank.folder)
    with pytest.raises(SemsynthError, match="holds a complete bank already: choose a new folder, or remove it"):
        build_bank(dataset, bank.folder, rules=RULES, workers=1)
    assert contents(bank.folder) == before


def test_one_process_at_a_time_builds_in_a_folder(dataset: Path, tmp_path: Path) -> None:
    with FolderLock(tmp_path, "building a bank in"), pytest.raises(SemsynthError, match="another process is building"):
        build_bank(dataset, tmp_path, rules=RULES, workers=1)


def test_photos_and_label_maps_are_resampled_to_the_working_size(dataset: Path, tmp_path: Path) -> None:
    rules = SegmentRules(working_height=16, working_width=12)
    small = build_bank(dataset, tmp_path / "bank", rules=rules, workers=1)
    sample = DatasetFolder(dataset, "train")[4]
    layout = sample.layout.resized((16, 12))
    assert np.array_equal(small.photo(4), resize_image(sample.image, (16, 12)))
    assert np.array_equal(small.labels(4), layout.labels)
    assert (small.images == 4).sum() == len(find_segments(layout.labels, rules))


def test_shards_make_the_same_segments(bank: MemoryBank, dataset: Path, tmp_path: Path) -> None:
    shard_folder(dataset, tmp_path / "shards", 20_000)
    other = build_bank(tmp_path / "shards", tmp_path / "bank", rules=RULES, workers=1)
    assert other.checksum == bank.checksum
    assert other.photos == bank.photos
    assert other.index.photos[0].sha256 == {}
    assert set(bank.index.photos[0].sha256) == {"image", "label"}


def test_objects_of_instance_maps_can_be_the_segments(tmp_path: Path) -> None:
    labels = np.full(RULES.size, HOUSE, np.uint16)
    instances = np.repeat([1, 2], 20)[None].repeat(24, 0).astype(np.int32)
    CLASSES.save(tmp_path / "data" / "classes.json")
    folder = tmp_path / "data" / "train"
    Layout(labels, CLASSES, instances).save(folder / "labels" / "a.png", folder / "instances" / "a.png")
    save_png(folder / "images" / "a.png", np.zeros((*RULES.size, 3), np.uint8))
    joined = build_bank(tmp_path / "data", tmp_path / "one", rules=RULES, workers=1)
    apart = build_bank(tmp_path / "data", tmp_path / "two", rules=RULES, instances=True, workers=1)
    assert joined.boxes.tolist() == [[0, 0, 24, 40]]
    assert apart.boxes.tolist() == [[0, 0, 24, 20], [0, 20, 24, 20]]


def test_photos_carry_their_source_and_licence(dataset: Path, tmp_path: Path) -> None:
    everywhere = build_bank(dataset, tmp_path / "a", rules=RULES, credits=Credit(licence="CC0"), workers=1)
    assert {one.credit.licence for one in everywhere.index.photos} == {"CC0"}
    one = {"3": Credit(source="a street", licence="CC BY 4.0")}
    some = build_bank(dataset, tmp_path / "b", rules=RULES, credits=one, workers=1)
    assert some.sources([*range(len(some)), -1])[3].credit == one["3"]
    number = int(np.flatnonzero(some.images == 3)[0])
    assert [photo.name for photo in some.sources([number, number, -1])] == ["3"]
    with pytest.raises(SemsynthError, match=r"names 'nobody', and .* has no photo of that name"):
        build_bank(dataset, tmp_path / "c", rules=RULES, credits={"nobody": Credit()}, workers=1)


def test_what_cannot_become_a_bank_is_one_line(dataset: Path, tmp_path: Path) -> None:
    empty = Path(shutil.copytree(dataset, tmp_path / "empty"))
    for path in (*empty.glob("train/labels/*"), *empty.glob("train/images/*")):
        path.unlink()
    with pytest.raises(SemsynthError, match="holds no pictures"):
        build_bank(empty, tmp_path / "bank", workers=1)
    with pytest.raises(SemsynthError, match="has no split 'val'"):
        build_bank(dataset, tmp_path / "bank", split="val", workers=1)
    with pytest.raises(SemsynthError, match="there is no dataset folder"):
        build_bank(tmp_path / "nowhere", tmp_path / "bank", workers=1)
    assert not (tmp_path / "bank").exists(), "nothing is made of data that cannot be opened"
    large = RULES.model_copy(update={"minimal_share": 0.99})
    with pytest.raises(SemsynthError, match=r"no segment has more than 99\.00% of a picture: lower that share"):
        build_bank(dataset, tmp_path / "bank", rules=large, workers=1)
    assert list((tmp_path / "bank").iterdir()) == [], "so that a lower share can begin there"
    damaged = Path(shutil.copytree(dataset, tmp_path / "damaged"))
    (damaged / "train" / "images" / "7.png").write_bytes(b"no picture")
    with pytest.raises(SemsynthError, match=r"7\.png is not a picture"):
        build_bank(damaged, tmp_path / "other", rules=RULES, workers=1)


def test_pictures_as_conditions_make_no_bank(tmp_path: Path) -> None:
    for kind in ("conditions", "images"):
        folder = tmp_path / "data" / "train" / kind
        folder.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / "a.png")
    with pytest.raises(SemsynthError, match="has pictures as conditions"):
        build_bank(tmp_path / "data", tmp_path / "bank", workers=1)
