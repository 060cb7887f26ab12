"""The run folder: where a training keeps everything it writes.

``recipe.json`` (resolved), ``log.jsonl``, ``tensorboard/`` (events), ``samples/`` (pictures of fixed layouts),
``state/`` (to resume from) and ``model/`` (what inference loads).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semsynth import __version__
from semsynth.config import Config, dump_config, load_config
from semsynth.errors import SemsynthError
from semsynth.files import explained, make_folder
from semsynth.training.state import StateFolder


class RunRecord(Config):
    """``recipe.json``: how the run was started, defaults filled in."""

    semsynth: str = __version__
    """The version that started the run."""
    system: str
    """Key of ``semsynth.recipes.RECIPES``."""
    preset: str
    """The configuration it began with."""
    data: str
    """The dataset folder, as an absolute path."""
    perceptual_weights: str | None = None
    """The file of the perceptual network; None: downloaded, or not used."""
    init_from: str | None = None
    """The model folder whose weights the run began with."""
    config: dict[str, Any]
    """The recipe's configuration."""


class RunFolder:
    """The paths of a run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.record = root / "recipe.json"
        self.log = root / "log.jsonl"
        self.tensorboard = root / "tensorboard"
        self.samples = root / "samples"
        self.model = root / "model"
        self.state = StateFolder(root / "state")

    def create(self, record: RunRecord) -> None:
        """Begin a new run.

        Raises:
            SemsynthError: the folder holds something already, or cannot be written.
        """
        self.check_unused()
        make_folder(self.root)
        dump_config(record, self.record)

    def check_unused(self) -> None:
        """Refuse a folder that holds something."""
        with explained(self.root, "cannot read"):
            used = self.root.exists() and (not self.root.is_dir() or any(self.root.iterdir()))
        if used:
            way_out = f"go on with --resume {self.root}, or choose another --out" if self.record.exists() else "choose another --out"
            raise SemsynthError(f"{self.root} exists and is not an empty folder: {way_out}")

    def open(self) -> RunRecord:
        """Read the record of an existing run.

        Raises:
            SemsynthError: it is no run folder.
        """
        if not self.record.is_file():
            raise SemsynthError(f"{self.root} is no run folder ({self.record.name} is missing): give the --out of an earlier training")
        return load_config(RunRecord, self.record)
