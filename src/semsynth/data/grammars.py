"""The grammars that draw example layouts, by the class set that they draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from semsynth.classes import ClassSet, builtin
from semsynth.data.facades import draw_facade
from semsynth.data.folder import LABELS, save_classes
from semsynth.data.landscapes import draw_landscape
from semsynth.data.progress import Progress, silent
from semsynth.data.streets import draw_street
from semsynth.layout import Layout, Size


@dataclass(frozen=True)
class Grammar:
    """Draws layouts of one class set."""

    name: str
    """Of one of its layouts, for file names and addresses."""
    class_set: str
    """Name of the built-in class set."""
    draw: Callable[[int, Size], Layout]
    """Seed and (height, width) to layout; the same seed draws the same things at every size."""
    featured: tuple[int, ...]
    """Seeds of layouts that differ from one another, for people to look at; the best come first."""

    def write(self, out: Path, count: int, size: Size, seed: int = 0, progress: Progress = silent) -> None:
        """Write drawn layouts as the split ``test``, without photographs, of a dataset folder.

        Args:
            out: the dataset folder; made if missing. Files are called ``NAME_SEED.png``.
            count: how many; they are seeded ``seed``, ``seed + 1``, ...
            size: (height, width) in pixels.
            seed: of the first layout.
            progress: called with (done, total).

        Raises:
            SemsynthError: the folder cannot be written, or holds a dataset of other classes.
        """
        save_classes(out, builtin(self.class_set))
        for done, one in enumerate(range(seed, seed + count), 1):
            self.draw(one, size).save(out / "test" / LABELS / f"{self.name}_{one:04d}.png")
            progress(done, count)


def _square_facade(seed: int, size: Size) -> Layout:
    """Fronts are drawn as squares, and stretched where no square is asked for."""
    front = draw_facade(seed, max(size))
    return front if front.size == size else front.resized(size)


LANDSCAPES = Grammar("landscape", "ade_landscapes", draw_landscape, (22, 3, 34, 18, 13, 25, 8, 16, 35, 1))
FACADES = Grammar("facade", "cmp_facades", _square_facade, (18, 7, 14, 46, 32, 27, 61, 53, 37, 0))
STREETS = Grammar("street", "labelmefacade", draw_street, (36, 15, 68, 28, 57, 22, 2, 51, 19, 48))
GRAMMARS = (LANDSCAPES, FACADES, STREETS)


def grammar_of(classes: ClassSet) -> Grammar | None:
    """The grammar of a class set; None where there is none."""
    return next((grammar for grammar in GRAMMARS if grammar.class_set == classes.name), None)
