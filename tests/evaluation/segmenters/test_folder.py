"""The folder of a segmenter, which training goes on from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from small_segmenters import train

from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters.folder import SegmenterFolder


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
    with pytest.raises(SemsynthError, match=r"state\.pt is damaged"):
        folder.load_state()
    with pytest.raises(SemsynthError, match="not an empty folder"):
        folder.check_unused()
    with pytest.raises(SemsynthError, match=r"settings\.json is missing"):
        folder.open()
