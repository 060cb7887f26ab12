"""The maker of tiles, which every engine runs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsynth.bulk.job import model_digest
from semsynth.bulk.task import Outcome, TileTask
from semsynth.checkpoint import find_model
from semsynth.errors import SemsynthError
from semsynth.files import explained
from semsynth.images import to_uint8
from semsynth.large.job import PIXELS, LargeJob
from semsynth.layout.stored import StoredLayout
from semsynth.ops.rectangle import Rectangle
from semsynth.synthesizer import load


class TileMaker:
    """Makes tiles one by one, on a CPU by one thread: a tile's bits do not depend on who makes it."""

    def __init__(self, job: LargeJob, root: Path, device: str) -> None:
        """Load the model.

        Args:
            job: what to make.
            root: the job's folder, with the layout in it.
            device: where to compute, as torch calls it.

        Raises:
            SemsynthError: no such device, or the model is not the one of the job any more.
        """
        self._job, self._pixels = job, root / PIXELS
        folder = find_model(job.model)
        if model_digest(folder) != job.model_sha256:
            raise SemsynthError(f"the model {job.model} has changed since this picture began: remove {root}")
        self._synthesizer = load(folder, device, job.precision)
        format = self._synthesizer.config.pixel_format
        if not format.is_plain:
            raise SemsynthError(f"the model {job.model} makes {format}, and tiles are 8-bit RGB: leave out the tiles")
        encoding = self._synthesizer.config.encoding
        self._layout = StoredLayout.open(job.symbols(root, encoding), encoding)
        if self._synthesizer.device.type == "cpu":
            torch.set_num_threads(1)
        choice = self._synthesizer.style(job.style, job.seed)
        self._style = choice[None] if isinstance(choice, Tensor) else None  # [1,z_dim]

    def __call__(self, task: TileTask) -> Outcome[TileTask]:
        """Make a tile and write it; problems stand in the outcome."""
        box = self._job.box(task)
        try:
            made = self._synthesizer.synthesize_region(self._layout, self._style, box, self._job.size)
            self._write(to_uint8(made)[0], box)
        except (SemsynthError, RuntimeError, MemoryError) as error:  # torch's are RuntimeErrors
            reason = str(error) if isinstance(error, SemsynthError) else f"{type(error).__name__}: {error}"
            return Outcome(task, error=reason)
        return Outcome(task)

    def _write(self, tile: NDArray[np.uint8], box: Rectangle) -> None:
        width = self._job.size[1]
        with explained(self._pixels), self._pixels.open("r+b") as file:
            for row, pixels in enumerate(tile, box.top):
                file.seek(3 * (row * width + box.left))
                file.write(pixels.tobytes())
            file.flush()
            os.fsync(file.fileno())  # whoever notes the tile as finished relies on it
