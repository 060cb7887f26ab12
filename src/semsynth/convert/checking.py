"""Whether a converted model makes the picture that the official code made of the same label map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semsynth.errors import SemsynthError
from semsynth.images import decode_image
from semsynth.layout import Layout
from semsynth.synthesizer import load


@dataclass(frozen=True)
class PictureDifference:
    """How far a model's picture is from the official one, in levels of 255."""

    largest: int
    """Largest difference of any value; the official codes cut where we round, so 1 is agreement."""
    mean: float
    """Mean difference of all values."""
    share: float
    """Share of values that differ by more than one level."""

    def __str__(self) -> str:
        verdict = "agrees with" if self.largest <= 1 else "DIFFERS from"
        return (
            f"{verdict} the official picture: largest difference {self.largest} of 255, mean {self.mean:.2f}, "
            f"{self.share:.1%} of values differ by more than 1"
        )


def compare_with_official(
    model: Path, picture: Path, label_map: Path, instances: Path | None = None
) -> PictureDifference:
    """Compare a converted model with a picture that the official code made.

    Args:
        model: the model folder.
        picture: the official code's picture, saved without loss.
        label_map: what it was made of; of the picture's size.
        instances: the instance map, for models that read boundaries.

    Raises:
        SemsynthError: files that cannot be read, or pictures of different sizes.
    """
    expected = decode_image(picture).astype(np.int64)
    synthesizer = load(model, "cpu", "float32")
    layout = Layout.open(label_map, synthesizer.classes, instances)
    made = np.asarray(synthesizer(layout)).astype(np.int64)
    if made.shape != expected.shape:
        raise SemsynthError(
            f"{picture} is {expected.shape[1]}x{expected.shape[0]}, the model makes {made.shape[1]}x{made.shape[0]} of "
            f"{label_map}: give the picture of this very map as the official code saved it"
        )
    difference = np.abs(made - expected)
    return PictureDifference(int(difference.max()), float(difference.mean()), float((difference > 1).mean()))
