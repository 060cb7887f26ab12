"""Checkpoints: two are kept, damaged ones are passed over, failures leave nothing behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from semsynth.errors import SemsynthError
from semsynth.training.state import FORMAT, StateFolder


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    """With checkpoints after steps 10 and 20."""
    state = StateFolder(tmp_path / "state")
    for step in (10, 20):
        state.save(step, {"weights": torch.full((1000,), float(step)), "seconds": 1.5, "config": "{}"})
    return state


def test_round_trip(folder: StateFolder) -> None:
    notes: list[str] = []
    state = folder.load(notes.append)
    assert (state["step"], state["seconds"], state["config"]) == (20, 1.5, "{}")
    assert torch.equal(state["weights"], torch.full((1000,), 20.0))
    assert notes == []


def test_last_two_are_kept(folder: StateFolder) -> None:
    folder.save(30, {})
    assert [path.name for path in folder.checkpoints()] == ["step_00000020.pt", "step_00000030.pt"]


def test_saving_an_earlier_step_drops_the_later_ones(folder: StateFolder) -> None:
    """As after going back to an older checkpoint because the newest was damaged."""
    folder.save(15, {})
    assert [path.name for path in folder.checkpoints()] == ["step_00000010.pt", "step_00000015.pt"]


@pytest.mark.parametrize("damage", ["truncated", "empty", "bit", "text", "pickle"])
def test_damaged_newest_falls_back_with_a_note(folder: StateFolder, damage: str) -> None:
    path = folder.checkpoints()[-1]
    data = bytearray(path.read_bytes())
    if damage == "bit":
        data[data.index(torch.tensor(20.0).numpy().tobytes() * 8)] ^= 1
    contents = {
        "truncated": bytes(data[: len(data) // 2]),
        "empty": b"",
        "bit": bytes(data),
        "text": b"no checkpoint",
        "pickle": b"\x80\x04N.",
    }
    path.write_bytes(contents[damage])
    notes: list[str] = []
    assert folder.load(notes.append)["step"] == 10
    assert len(notes) == 1
    assert str(path) in notes[0]
    assert "\n" not in notes[0]


def test_only_damaged_ones_is_an_error(folder: StateFolder) -> None:
    for path in folder.checkpoints():
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SemsynthError, match="only damaged ones"):
        folder.load(lambda note: None)


def test_no_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="no checkpoint to resume from"):
        StateFolder(tmp_path).load(lambda note: None)


def test_newer_format_asks_for_an_upgrade(folder: StateFolder) -> None:
    torch.save({"format": FORMAT + 1, "step": 30}, folder.path / "step_00000030.pt")
    with pytest.raises(SemsynthError, match="upgrade"):
        folder.load(lambda note: None)


def test_unpickling_runs_no_code(folder: StateFolder, tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "attacked"),)

    torch.save({"format": FORMAT, "step": 30, "weights": Attack()}, folder.path / "step_00000030.pt")
    assert folder.load(lambda note: None)["step"] == 20
    assert not (tmp_path / "attacked").exists()


def test_full_disk_keeps_the_old_checkpoints(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in folder.checkpoints()}
    really_open = Path.open

    class FullDisk:
        """Takes the first 1000 bytes of a file."""

        def __init__(self, path: Path) -> None:
            self.file, self.left = really_open(path, "wb"), 1000

        def write(self, data: bytes) -> int:
            self.left -= len(data)
            if self.left < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data)

        def flush(self) -> None:
            self.file.flush()

        def __enter__(self) -> FullDisk:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

    def open_full(path: Path, mode: str = "r", *rest: object, **named: object) -> object:
        return FullDisk(path) if mode == "wb" else really_open(path, mode, *rest, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(SemsynthError, match="the disk is full"):
        folder.save(30, {"weights": torch.zeros(10_000)})
    monkeypatch.undo()
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before
