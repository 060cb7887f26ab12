"""Layouts to begin with: drawn ones, and those of a dataset folder."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from semsynth.classes import ClassSet, builtin
from semsynth.data.folder import IMAGES, INSTANCES, DatasetFolder, load_classes, splits
from semsynth.data.grammars import GRAMMARS
from semsynth.data.sample import Sample
from semsynth.data.toy import TOY_CLASSES, draw_scene
from semsynth.errors import SemsynthError
from semsynth.serving.problems import Refusal
from semsynth.studio.schemas import Example
from semsynth.studio.served import ServedModel

TOY = "toy"
FEATURED = {**{grammar.name: grammar.featured for grammar in GRAMMARS}, TOY: (0, 1, 2, 3, 4, 5)}
"""Seeds of the drawn layouts that are listed."""
DRAWN_CLASSES = {**{grammar.name: builtin(grammar.class_set) for grammar in GRAMMARS}, TOY: TOY_CLASSES}
DEFAULT_SIDE = 256
_DRAWN = re.compile(rf"({'|'.join(FEATURED)})-(\d{{1,9}})", re.ASCII)
_LISTED = 50
"""How many layouts of a split are listed."""


@dataclass(frozen=True)
class _Split:
    """One split of the dataset folder; its layouts are called ``SPLIT-NUMBER``."""

    folder: DatasetFolder
    has_instances: bool
    has_photos: bool

    def name(self, index: int) -> str:
        return f"{_word(self.folder.split)}-{index:05d}"


class ExampleLayouts:
    """All examples of a server."""

    def __init__(self, models: Sequence[ServedModel], data: Path | None = None) -> None:
        """List them.

        Args:
            models: those that are served; layouts that none of them can take are left out.
            data: a dataset folder.

        Raises:
            SemsynthError: it is none, or none of the models has its classes.
        """
        self._models = models
        self._drawn = [kind for kind in FEATURED if self._takers(DRAWN_CLASSES[kind])]
        self._splits: dict[str, _Split] = {}
        if data is not None:
            classes = load_classes(data)
            if not self._takers(classes):
                raise SemsynthError(
                    f"{data} is of the class set '{classes.name}', which no model here reads: give a model of it, "
                    "or leave out `data`"
                )
            for split in splits(data):
                photos, instances = ((data / split / kind).is_dir() for kind in (IMAGES, INSTANCES))
                folder = DatasetFolder(data, split, images=photos, instances=instances)
                self._splits[_word(split)] = _Split(folder, instances, photos)

    def listed(self) -> list[Example]:
        """Those of the dataset folder, spread evenly over each split, and some drawn ones."""
        found = []
        for split in self._splits.values():
            count = len(split.folder)
            step = max(1, -(-count // _LISTED))
            found += [self._of_split(split, index) for index in range(0, count, step)]
        return found + [self._of_drawn(kind, seed) for kind in self._drawn for seed in FEATURED[kind]]

    def random(self, model: str, seed: int) -> Example:
        """One that a model can take; the same for the same seed.

        Raises:
            Refusal: there is none.
        """
        rng = random.Random(seed)
        splits = [split for split in self._splits.values() if model in self._takers(split.folder.classes)]
        if splits:
            split = rng.choice(splits)
            return self._of_split(split, rng.randrange(len(split.folder)))
        kinds = [kind for kind in self._drawn if model in self._takers(DRAWN_CLASSES[kind])]
        if not kinds:
            raise Refusal(404, "not_found", "there are no examples for this model: start with --data DIR")
        return self._of_drawn(rng.choice(kinds), rng.randrange(10**9))

    def read(self, name: str, side: int = DEFAULT_SIDE) -> Sample:
        """The layout of this name, with its photo if there is one.

        Args:
            name: as listed.
            side: width and height of drawn ones.

        Raises:
            Refusal: there is none of this name.
            SemsynthError: its files are damaged.
        """
        drawn = _DRAWN.fullmatch(name)
        if drawn and drawn[1] in self._drawn:
            seed = int(drawn[2])
            grammar = next((one for one in GRAMMARS if one.name == drawn[1]), None)
            return draw_scene(seed, side) if grammar is None else Sample(name, grammar.draw(seed, (side, side)))
        word, _, number = name.rpartition("-")
        split = self._splits.get(word)
        if split is None or not re.fullmatch(r"\d{5,9}", number, re.ASCII) or int(number) >= len(split.folder):
            raise Refusal(404, "not_found", "there is no such example")
        return split.folder[int(number)]

    def _of_drawn(self, kind: str, seed: int) -> Example:
        classes = DRAWN_CLASSES[kind]
        return Example(
            name=f"{kind}-{seed}",
            class_set=classes.name,
            models=self._takers(classes),
            instances=kind == TOY,
            photo=kind == TOY,
        )

    def _of_split(self, split: _Split, index: int) -> Example:
        classes = split.folder.classes
        return Example(
            name=split.name(index),
            class_set=classes.name,
            models=self._takers(classes),
            instances=split.has_instances,
            photo=split.has_photos,
        )

    def _takers(self, classes: ClassSet) -> list[str]:
        return [model.id for model in self._models if _takes(model, classes)]


def _takes(model: ServedModel, classes: ClassSet) -> bool:
    try:
        model.synthesizer.conditions.check_classes(classes)
    except SemsynthError:
        return False
    return not model.synthesizer.conditions.reads_pictures


def _word(split: str) -> str:
    """A split's name as it stands in addresses."""
    return re.sub(r"[^\w]+", "_", split, flags=re.ASCII)
