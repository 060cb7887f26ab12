"""Who judges pictures: a segmenter or files of its predictions, and feature networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from semsynth.classes import ClassSet
from semsynth.data.source import LabelledSamples
from semsynth.errors import SemsynthError
from semsynth.evaluation.choices import resolve
from semsynth.evaluation.features import FeatureNetwork
from semsynth.evaluation.measuring import Instruments
from semsynth.evaluation.pictures import PictureSource
from semsynth.evaluation.protocols.definition import Protocol
from semsynth.evaluation.record import Subject
from semsynth.evaluation.run import Evaluation
from semsynth.evaluation.segmenters.base import Segmenter
from semsynth.evaluation.truth import FilePredictor, Predictor, SegmenterPredictor


@dataclass(frozen=True, eq=False)
class Judges:
    """All of them."""

    segmenter: Segmenter | None
    """None where its predictions came as files, or where nobody labels pictures."""
    predictor: Predictor | None
    """None where nobody labels pictures."""
    oracle: Predictor | None
    """Of real photos."""
    fingerprint: str
    """Of predictions that came as files; empty for segmenters."""
    features: FeatureNetwork | None
    diversity: FeatureNetwork | None

    @classmethod
    def from_networks(
        cls,
        segmenter: Segmenter | None,
        protocol: Protocol,
        evaluated: ClassSet,
        features: FeatureNetwork | None,
        diversity: FeatureNetwork | None,
    ) -> Judges:
        """One segmenter for pictures and photos; without one, distances alone are measured.

        Raises:
            SemsynthError: it does not know the evaluated classes, or there is nothing to measure with.
        """
        if segmenter is None:
            if features is None:
                raise SemsynthError("without a segmenter only distances can be measured: choose `features` for them")
            return cls(None, None, None, "", features, diversity)
        predictor = SegmenterPredictor(segmenter, protocol, evaluated)
        return cls(segmenter, predictor, predictor, "", features, diversity)

    @classmethod
    def from_files(
        cls,
        folders: tuple[Path, Path | None],
        names: Sequence[str],
        split: Sequence[str],
        evaluated: ClassSet,
        features: FeatureNetwork | None,
        diversity: FeatureNetwork | None,
    ) -> Judges:
        """Predictions of the protocol's own segmenter, which ran elsewhere.

        Args:
            folders: predictions on the pictures, and on the real photos where there are any.
            names: the evaluated images.
            split: all images of the split.
            evaluated: the classes of the predictions.
            features: of distances between sets.
            diversity: of distances between pictures.

        Raises:
            SemsynthError: missing or extra files.
        """
        predictor = FilePredictor(folders[0], names, split, evaluated)
        oracle = None if folders[1] is None else FilePredictor(folders[1], names, split, evaluated)
        fingerprint = predictor.fingerprint + ("" if oracle is None else oracle.fingerprint)
        return cls(None, predictor, oracle, fingerprint, features, diversity)


def assemble(
    data: LabelledSamples,
    protocol: Protocol,
    indices: Sequence[int],
    evaluated: ClassSet,
    source: PictureSource,
    judges: Judges,
    samples: int = 1,
    batch_size: int = 4,
    warnings: Sequence[str] = (),
) -> Evaluation:
    """Put an evaluation together.

    Args:
        data: the split.
        protocol: the rules.
        indices: the evaluated samples.
        evaluated: the compared classes.
        source: of the pictures.
        judges: of the pictures.
        samples: pictures per layout; diversity is measured from 2 on.
        batch_size: pictures that go through networks together.
        warnings: what is to be said about the scores, whatever they are.
    """
    diversity = judges.diversity if samples > 1 else None
    networks = judges.features, diversity
    resolved = resolve(protocol, data, indices, evaluated, samples, judges.segmenter, networks)
    instruments = Instruments(
        protocol=resolved.protocol,
        evaluated=evaluated,
        source=source,
        samples=samples,
        predictor=judges.predictor,
        oracle=judges.oracle,
        features=judges.features,
        diversity=diversity,
        batch_size=batch_size,
    )
    trained_on = "" if judges.segmenter is None else judges.segmenter.trained_on
    device = "cpu" if judges.segmenter is None else str(judges.segmenter.device)
    subject = Subject(name=source.name, fingerprint=source.fingerprint + judges.fingerprint)
    return Evaluation(data, indices, instruments, resolved, subject, trained_on, device, warnings)
