"""``semsynth.train_segmenter`` and ``semsynth.resume_segmenter``: training in a new folder, or in an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from semsynth.config import override
from semsynth.data.progress import Progress, silent
from semsynth.data.source import absolute
from semsynth.evaluation.segmenters.folder import SegmenterFolder, SegmenterRecord, continue_training
from semsynth.evaluation.segmenters.training import SegmenterSettings, Validation


def train_segmenter(
    data: str | Path,
    out: str | Path,
    *,
    steps: int | None = None,
    overrides: Iterable[str] = (),
    device: str = "auto",
    workers: int = 1,
    stopped: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
    note: Callable[[Validation], None] = lambda line: None,
) -> bool:
    """Train a small segmenter (SegFormer-B0) from scratch on a dataset's split ``train``.

    The split ``val`` selects the checkpoint that is kept, and ends the training run where nothing gets better.

    Args:
        data: dataset folder, or shards of one, with ``train`` and ``val``.
        out: new folder for the segmenter; ``segmenter=out`` of :func:`semsynth.evaluate` takes it.
        steps: optimiser steps. None: 8000.
        overrides: changes of :class:`~semsynth.evaluation.segmenters.training.SegmenterSettings`, for example
            ``augmentation.crop_size=512``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        workers: threads that read pictures.
        stopped: asked after every step; when it says so, the state is saved and the training run ends.
        progress: called with (steps done, total).
        note: called with every validation.

    Returns:
        Whether the training is complete; if not, :func:`resume_segmenter` continues it.

    Raises:
        SemsynthError: unusable data, a wrong setting, or an ``out`` that is not empty.
    """
    changes = [*overrides, *([] if steps is None else [f"steps={steps}"])]
    record = SegmenterRecord(data=absolute(str(data)), settings=override(SegmenterSettings(), changes))
    folder = SegmenterFolder(Path(out))
    folder.check_unused()
    return continue_training(folder, record, device, workers, stopped=stopped, progress=progress, note=note)


def resume_segmenter(
    folder: str | Path,
    *,
    device: str = "auto",
    workers: int = 1,
    stopped: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
    note: Callable[[Validation], None] = lambda line: None,
) -> bool:
    """Continue the training of a segmenter to the bit, with the data and settings that it began with.

    Args:
        folder: the segmenter's.
        device: as in :func:`train_segmenter`, as everything below.
        workers: threads that read pictures.
        stopped: asked after every step.
        progress: called with (steps done, total).
        note: called with every validation.

    Returns:
        Whether the training is complete.

    Raises:
        SemsynthError: no segmenter was trained in this folder, its data have changed, or its state is damaged.
    """
    opened = SegmenterFolder(Path(folder))
    record = opened.open()
    return continue_training(opened, record, device, workers, stopped=stopped, progress=progress, note=note)
