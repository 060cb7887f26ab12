"""Scores of a model as its training goes on, and the best of its checkpoints."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from semsynth.errors import SemsynthError
from semsynth.evaluation.choices import evaluated_indices, find_features, open_split
from semsynth.evaluation.independence import check_independence
from semsynth.evaluation.judges import Judges, assemble
from semsynth.evaluation.pictures import ModelPictures
from semsynth.evaluation.protocols.definition import Protocol
from semsynth.evaluation.record import ReportRecord
from semsynth.evaluation.reports.report import Report
from semsynth.evaluation.segmenters.base import Segmenter
from semsynth.files import explained, partial_path, write_bytes
from semsynth.synthesizer import load

ChosenScore = Literal["mean_iou", "pixel_accuracy", "kernel_distance", "frechet_distance", "detectability"]
"""What the best checkpoint is chosen by; distances and detectability are better when lower."""

CHOICES: tuple[ChosenScore, ...] = (
    "kernel_distance",
    "frechet_distance",
    "mean_iou",
    "pixel_accuracy",
    "detectability",
)
LOWER: tuple[ChosenScore, ...] = ("kernel_distance", "frechet_distance", "detectability")
"""Those that are better when lower."""

Scores = dict[str, float]


class BestModel:
    """Called with the model folder after a checkpoint: scores it, and keeps a copy of the best as ``RUN/best``."""

    def __init__(
        self,
        run: Path,
        evaluate: Callable[[Path], Scores],
        chosen: ChosenScore,
        every_epochs: int,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Go on with what the run folder knows.

        Args:
            run: the run folder; ``scores.jsonl`` and ``best/`` are written there.
            evaluate: model folder -> scores.
            chosen: the score that decides.
            every_epochs: how often the trainer calls.
            note: told every score.
        """
        self.run, self.evaluate, self.chosen, self.every_epochs, self.note = run, evaluate, chosen, every_epochs, note
        self.log = run / "scores.jsonl"

    def __call__(self, model: Path, step: int) -> None:
        """Score the model of ``step`` steps.

        Raises:
            SemsynthError: it cannot be scored, or the run folder cannot be written.
        """
        earlier = [line for line in self._lines() if line["step"] < step]  # later ones are of a session that crashed
        scores = self.evaluate(model)
        if self.chosen not in scores:
            raise SemsynthError(f"the score {self.chosen} is undefined for {model}: choose another score")
        line: Scores = {"step": step, **scores}
        if all(self._gain(line) > self._gain(other) for other in earlier):
            self._keep(model)
        written = [json.dumps(one) + "\n" for one in (*earlier, line)]
        write_bytes(self.log, "".join(written).encode())
        self.note(f"step {step}: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))

    @property
    def best(self) -> tuple[int, float] | None:
        """Steps and value of the best score so far; None before the first."""
        lines = [line for line in self._lines() if self.chosen in line]
        if not lines:
            return None
        line = max(lines, key=self._gain)
        return int(line["step"]), line[self.chosen]

    def _gain(self, line: Scores) -> float:
        return -line[self.chosen] if self.chosen in LOWER else line[self.chosen]

    def _lines(self) -> list[Scores]:
        if not self.log.exists():
            return []
        with explained(self.log, "cannot read"):
            return [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]

    def _keep(self, model: Path) -> None:
        best = self.run / "best"
        staging = partial_path(best)
        with explained(best):
            shutil.rmtree(staging, ignore_errors=True)
            shutil.copytree(model, staging)
            shutil.rmtree(best, ignore_errors=True)
            staging.rename(best)


class ScoreModel:
    """Evaluates model folders in one way: what :class:`BestModel` calls."""

    def __init__(
        self,
        data: Path | str,
        protocol: Protocol,
        segmenter: Segmenter | None,
        limit: int | None = None,
        device: str = "auto",
        features: str | None = None,
    ) -> None:
        """Open everything once.

        Args:
            data: dataset folder or shards, whose split of the protocol is scored.
            protocol: the rules.
            segmenter: who predicts; None: distances alone are measured.
            limit: score the first images only.
            device: where everything runs.
            features: a network by name or a file of its weights, see :func:`find_features`; None: the protocol's.

        Raises:
            SemsynthError: no validation split with photos, a segmenter of other classes, or no such features.
        """
        self.data, self.protocol, self.device = open_split(data, protocol.split), protocol, device
        network = find_features(features or str(protocol.features), segmenter, None, device)
        self.judges = Judges.from_networks(segmenter, protocol, self.data.classes, network, None)
        self.indices = evaluated_indices(self.data, protocol, limit)

    def check_independence(self, trained_with: dict[str, str]) -> None:
        """Make sure that the features are not those of a network that trains the models.

        Args:
            trained_with: as in :attr:`semsynth.checkpoint.Card.trained_with`.

        Raises:
            SemsynthError: they are.
        """
        check_independence(trained_with, "the model", [self.judges.features])

    def __call__(self, model: Path) -> Scores:
        """Score one model; nothing of it stays on disk."""
        synthesizer = load(model, self.device)
        source = ModelPictures(synthesizer, model.name, "", self.protocol.synthesis_size, self.protocol.style_seed)
        evaluation = assemble(self.data, self.protocol, self.indices, self.data.classes, source, self.judges)
        with tempfile.TemporaryDirectory() as folder:
            return chosen_scores(evaluation.run(Path(folder)))


def chosen_scores(record: ReportRecord) -> Scores:
    """The defined scores of a report that a checkpoint can be chosen by."""
    scores = Report(record).scores
    return {name: float(scores[name]) for name in reversed(CHOICES) if name in scores}
