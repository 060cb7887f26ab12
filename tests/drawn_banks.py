"""Small datasets and banks that several tests use."""

from pathlib import Path

import numpy as np

from semsynth.bank.segments import SegmentRules
from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.images import save_png
from semsynth.layout import Layout

NAMES = ("ground", "house", "pole")
CLASSES = ClassSet(
    name="drawn",
    classes=tuple(ClassInfo(id=10 + i, name=name, color=(i, 100, 9 * i)) for i, name in enumerate(NAMES)),
)
GROUND, HOUSE, POLE = 10, 11, 12
RULES = SegmentRules(working_height=24, working_width=40, thin=frozenset([POLE]), minimal_share=0.005)
PHOTOS = 20


def draw_labels(rng: np.random.Generator) -> np.ndarray:
    """Ground with void above, some houses and a pole."""
    labels = np.full(RULES.size, VOID, np.uint16)
    labels[rng.integers(4, 16) :] = GROUND
    for _ in range(rng.integers(1, 4)):
        top, left = rng.integers(0, 16), rng.integers(0, 30)
        labels[top : top + rng.integers(3, 9), left : left + rng.integers(3, 12)] = HOUSE
    column = rng.integers(0, 40)
    labels[rng.integers(0, 20) :, column] = POLE
    return labels


def write_dataset(root: Path, photos: int = PHOTOS, seed: int = 0) -> Path:
    """A dataset folder of the working size, so that nothing is resampled."""
    rng = np.random.default_rng(seed)
    CLASSES.save(root / "classes.json")
    for number in range(photos):
        Layout(draw_labels(rng), CLASSES).save(root / "train" / "labels" / f"{number}.png")
        pixels = rng.integers(0, 256, (*RULES.size, 3), np.uint8)
        save_png(root / "train" / "images" / f"{number}.png", pixels)
    return root
