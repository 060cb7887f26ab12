"""The folder of a segmenter, which training goes on from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from small_segmenters import train

from semsynth.config import dump_config
from semsynth.data.fingerprint import fingerprint
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters.folder import SegmenterFolder, SegmenterRecord, continue_training
from semsynth.evaluation.segmenters.training import SegmenterSettings


def tensors(state: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(state, weights_only=True)["network"]
    return found


@pytest.mark.parametrize("after", [5, 8])
def test_interrupted_and_resumed_is_uninterrupted_to_the_bit(flags: Path, tmp_path: Path, after: int) -> None:
    train(flags, tmp_path / "whole")
    train(flags, tmp_path / "cut", stop_after=after)
    train(flags, tmp_path / "cut")
    whole, cut = (tensors(tmp_path / name / "training" / "state.pt") for name in ("whole", "cut"))
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[key], cut[key]) for key in whole)
    logs = [(tmp_path / name / "training" / "log.jsonl").read_text().splitlines() for name in ("whole", "cut")]
    ious = [[json.loads(line)["mean_iou"] for line in log] for log in logs]
    assert ious[0] == ious[1]
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert weights[0] == weights[1]


def test_a_damaged_state_and_a_used_folder_are_named(flags: Path, tmp_path: Path) -> None:
    folder = SegmenterFolder(tmp_path)
    (tmp_path / "training").mkdir()
    folder.state.write_bytes(b"nothing")
    with pytest.raises(SemsynthError, match=r"state\.pt is a text file: start a new training"):
        folder.load_state()
    with pytest.raises(SemsynthError, match="not an empty folder"):
        folder.check_unused()
    with pytest.raises(SemsynthError, match=r"settings\.json is missing"):
        folder.open()


def test_one_process_at_a_time_trains_in_a_folder(flags: Path, tmp_path: Path) -> None:
    folder = SegmenterFolder(tmp_path / "segmenter")
    record = SegmenterRecord(data=str(flags), settings=SegmenterSettings())
    dump_config(record, folder.record)
    with folder.lock(), pytest.raises(SemsynthError, match="another process is training in"):
        continue_training(folder, record, "cpu")


def test_changed_data_is_refused(flags: Path, tmp_path: Path) -> None:
    folder = SegmenterFolder(tmp_path / "segmenter")
    before = fingerprint(DatasetFolder(flags, "train"))
    assert before is not None
    changed = before.model_copy(update={"files": "others"})
    record = SegmenterRecord(data=str(flags), settings=SegmenterSettings(), fingerprint=changed)
    with pytest.raises(SemsynthError, match=r"has changed since the training of .* photos or label maps are others"):
        continue_training(folder, record, "cpu")
    assert not folder.root.exists()


@pytest.mark.slow
def test_a_state_that_does_not_fit_is_one_line(flags: Path, tmp_path: Path) -> None:
    train(flags, tmp_path / "cut", stop_after=5)
    folder = SegmenterFolder(tmp_path / "cut")
    state = folder.load_state()
    assert state is not None
    state["optimizer"]["state"][0]["exp_avg"] = torch.zeros(1)
    torch.save(state, folder.state)
    with pytest.raises(SemsynthError, match=r"state\.pt does not fit: .*exp_avg is \[1\] instead of"):
        train(flags, tmp_path / "cut")
