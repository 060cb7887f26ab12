"""What has changed in a bank or in its dataset is found."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from drawn_banks import RULES

from semsynth.bank.building import build_bank
from semsynth.bank.check import check_bank
from semsynth.bank.memory import MemoryBank
from semsynth.data.shards.sharding import shard_folder
from semsynth.errors import SemsynthError
from semsynth.images import save_png


@pytest.fixture
def copy(bank: MemoryBank, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bank.folder, tmp_path / "copy"))


def test_a_whole_bank_has_no_problems(bank: MemoryBank, dataset: Path) -> None:
    reports: list[tuple[int, int]] = []
    report = check_bank(bank.folder, progress=lambda done, total: reports.append((done, total)))
    assert (report.problems, report.notes) == ((), ())
    assert reports == [(done, 24) for done in range(1, 25)], "3 files of photos, 1 of segments, 20 photos"
    assert check_bank(bank.folder, dataset).problems == ()


@pytest.mark.parametrize("file", ["photos-00001.safetensors", "segments.safetensors"])
def test_a_changed_file_is_named(copy: Path, file: str) -> None:
    content = bytearray((copy / file).read_bytes())
    content[-1] ^= 1
    (copy / file).write_bytes(content)
    problems = check_bank(copy).problems
    assert len(problems) == 1
    assert f"{file} was changed: its checksum is not that of bank.json" in problems[0]


def test_every_damaged_file_is_named(copy: Path) -> None:
    (copy / "photos-00000.safetensors").unlink()
    (copy / "segments.safetensors").write_bytes(b"")
    first, second = check_bank(copy).problems
    assert "photos-00000.safetensors is missing" in first
    assert "segments.safetensors is truncated: 0 bytes" in second


def test_changed_lost_and_new_photos_are_counted(bank: MemoryBank, dataset: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(dataset, tmp_path / "data"))
    for kind in ("images", "labels"):
        folder = data / "train" / kind
        shutil.copyfile(folder / "0.png", folder / "new.png")
        (folder / "5.png").unlink()
    save_png(data / "train" / "images" / "3.png", np.zeros((*RULES.size, 3), np.uint8))
    shutil.copyfile(data / "train" / "labels" / "1.png", data / "train" / "labels" / "2.png")
    problems = check_bank(bank.folder, data).problems
    assert [problem.partition("train: ")[2] for problem in problems] == [
        "2 photos are changed (2, 3): build the bank again",
        "1 photo is gone (5): build the bank again",
        "1 photo is not in the bank (new): build the bank again",
    ]


def test_a_dataset_that_is_elsewhere_is_a_note(dataset: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(dataset, tmp_path / "data"))
    bank = build_bank(data, tmp_path / "bank", rules=RULES, workers=1)
    data.rename(tmp_path / "moved")
    report = check_bank(bank.folder)
    assert report.problems == ()
    assert len(report.notes) == 1
    assert "were not compared: say where the dataset lies now" in report.notes[0]
    assert check_bank(bank.folder, tmp_path / "moved").notes == ()
    with pytest.raises(SemsynthError, match="there is no dataset folder"):
        check_bank(bank.folder, data)


def test_other_shards_are_found(dataset: Path, tmp_path: Path) -> None:
    shard_folder(dataset, tmp_path / "shards")
    bank = build_bank(tmp_path / "shards", tmp_path / "bank", rules=RULES, workers=1)
    assert check_bank(bank.folder).problems == ()
    shard_folder(dataset, tmp_path / "others", shuffle=1)
    problems = check_bank(bank.folder, tmp_path / "others").problems
    assert len(problems) == 1
    assert "holds other samples than the bank was made of" in problems[0]
