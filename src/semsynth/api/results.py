"""What training gives back."""

from __future__ import annotations

import signal as signals
from dataclasses import dataclass
from pathlib import Path

from semsynth.checkpoint import is_model_folder, read_config
from semsynth.config import validated
from semsynth.pages import html_facts
from semsynth.recipes import RECIPES
from semsynth.training.log import last_line
from semsynth.training.records import Record
from semsynth.training.run import RunFolder, RunRecord
from semsynth.training.stages import StagesFolder


@dataclass(frozen=True)
class BestScore:
    """The best of the scored checkpoints, of which a copy is kept."""

    model: Path
    """The model folder with the copy: ``RUN/best``."""
    name: str
    """The score that decides, for example ``kernel_distance``."""
    value: float
    step: int
    """Steps after which it was reached."""

    def __str__(self) -> str:
        return f"best {self.name} {self.value:.4g} at step {self.step:,}"


@dataclass(frozen=True, repr=False)
class TrainingResult:
    """A run as training left it: complete, or stopped by a signal and saved."""

    run: Path
    """The run folder, which :func:`semsynth.resume` takes."""
    model: Path
    """The model folder, which :func:`semsynth.load` takes."""
    steps: int
    """Steps done; with stages those of the newest one."""
    total_steps: int
    """Steps of the whole run; with stages those of the newest one."""
    signal: int | None = None
    """Number of the signal that stopped training; None: the run is complete."""
    stage: str | None = None
    """The newest stage; None for training in one stage."""
    losses: dict[str, float] | None = None
    """Unweighted loss terms by ``phase/term``, means over the steps of the last log line; None before the first."""
    best: BestScore | None = None
    """The best score; None where no checkpoint was scored."""
    has_encoder: bool = False
    """Whether the model has a style encoder, so that :func:`semsynth.fit_styles` applies to it."""

    @property
    def interrupted(self) -> bool:
        """Whether a signal stopped training; :func:`semsynth.resume` continues."""
        return self.signal is not None

    def __repr__(self) -> str:
        return f"<training result: {', '.join(f'{name} {value}' for name, value in self._facts().items())}>"

    def _repr_html_(self) -> str:
        losses = {name: f"{value:.4g}" for name, value in (self.losses or {}).items()}
        return html_facts("Training", {"model": self.model, **self._facts(), **losses})

    def _facts(self) -> dict[str, str]:
        stopped = {} if self.signal is None else {"stopped by": signals.Signals(self.signal).name}
        stage = {} if self.stage is None else {"stage": self.stage}
        best = {} if self.best is None else {"score": str(self.best)}
        steps = f"{self.steps:,} of {self.total_steps:,} steps"
        return {"run": str(self.run), **stage, "after": steps, **stopped, **best}


def read_result(
    root: Path, record: Record, num_images: int, signal: int | None, best: BestScore | None = None
) -> TrainingResult:
    """What a run folder says after training.

    Args:
        root: of one run or of stages.
        record: the run, or the stages.
        num_images: training images.
        signal: what stopped training, if anything did.
        best: where checkpoints were scored.
    """
    run, one, stage, model = RunFolder(root), record, None, RunFolder(root).model
    if not isinstance(one, RunRecord):
        folder = StagesFolder(root)
        run, one = folder.runs(one)[folder.reached(one)]
        stage, model = run.root.name, folder.model
    line = last_line(run.log)
    config = validated(RECIPES[one.system].config, one.config, "the run's configuration")
    return TrainingResult(
        root,
        model,
        run.state.newest_step(),
        config.total_steps(num_images),
        signal,
        stage,
        None if line is None else line.terms,
        best,
        is_model_folder(model) and "encoder" in read_config(model).network_names,
    )
