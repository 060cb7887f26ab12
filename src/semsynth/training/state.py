"""Checkpoints that hold everything a run needs to go on as if it had never stopped."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from semsynth.errors import SemsynthError
from semsynth.files import explained, make_folder, write_atomically
from semsynth.tensor_files import read_tensor_file

FORMAT = 1
KEPT = 2
"""Checkpoints that stay in the folder."""

_NAME = re.compile(r"step_(\d{8})\.pt")


class StateFolder:
    """The folder ``state/`` of a run: ``step_00000500.pt`` and the one before it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def checkpoints(self) -> list[Path]:
        """All complete files, oldest first."""
        return sorted(path for path in self.path.glob("step_*.pt") if _NAME.fullmatch(path.name))

    def newest_step(self) -> int:
        """Steps after which the newest checkpoint was written; 0: there is none."""
        found = self.checkpoints()
        return int(found[-1].stem.removeprefix("step_")) if found else 0

    def save(self, step: int, state: dict[str, Any]) -> Path:
        """Write the state after ``step`` steps, whole or not at all, and remove all but the last two."""
        path = make_folder(self.path) / f"step_{step:08d}.pt"
        write_atomically(path, lambda partial: _write({"format": FORMAT, "step": step, **state}, partial))
        newer_or_equal = [old for old in self.checkpoints() if old > path]
        for stale in [*newer_or_equal, *self.checkpoints()[: -KEPT - len(newer_or_equal)]]:
            with explained(stale, "cannot remove"):
                stale.unlink()
        return path

    def load(self, note: Callable[[str], None]) -> dict[str, Any]:
        """Read the newest whole checkpoint, on the CPU; a damaged one is passed over with a note.

        Raises:
            SemsynthError: there is none.
        """
        damaged = []
        for path in reversed(self.checkpoints()):
            try:
                state = _read(path)
            except SemsynthError as error:
                damaged.append(path.name)
                note(f"{error}; trying the checkpoint before it")
                continue
            if state["format"] > FORMAT:
                raise SemsynthError(f"{path} has format {state['format']}, newer than this semsynth: upgrade to resume")
            return state
        found = f"only damaged ones ({', '.join(damaged)})" if damaged else "none"
        raise SemsynthError(f"no checkpoint to resume from in {self.path}, found {found}: start a new run")


def _write(state: dict[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:  # torch's archive writer hides the file's error behind one of its own
            raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def _read(path: Path) -> dict[str, Any]:
    state = read_tensor_file(path, checksums=True)
    if isinstance(state, dict) and state.get("step") == int(path.stem.removeprefix("step_")):
        number = state.get("format")
        if isinstance(number, int) and number >= 1:
            return state
    raise SemsynthError(f"{path} is damaged or not a training checkpoint of that step")
