"""Which pieces of photos a canvas is made of (SIMS): seeds and single regions choose among the best ones."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from semsynth.bank.batches import channels
from semsynth.bank.canvas import Canvas
from semsynth.bank.filling import Choices, enlarged, fill, find_choices
from semsynth.bank.index import BankPhoto
from semsynth.bank.memory import MemoryBank
from semsynth.bank.settings import CanvasSettings
from semsynth.classes import VOID
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.styles.choice import CanvasChoice, ObjectStyle, Photo, StyleChoice, check_one

_KEPT = 8
"""Layouts whose pieces, and canvases, are kept: one is asked for the canvas, for its layout and for its sources."""


class CanvasStyles:
    """Retrieved pieces of photos."""

    varies = True
    reads_photos = False

    def __init__(self, bank: MemoryBank, settings: CanvasSettings) -> None:
        self.bank, self.settings = bank, settings
        self._find = functools.lru_cache(_KEPT)(self._found)
        self._make = functools.lru_cache(_KEPT)(self._made)

    @property
    def counts(self) -> dict[int, int]:
        """Class id -> how many pieces its regions can choose among at most."""
        class_ids, counts = np.unique(self.bank.class_ids, return_counts=True)
        return {
            class_id: min(count, self.settings.choices)
            for class_id, count in zip(class_ids.tolist(), counts.tolist(), strict=True)
        }

    def choose(
        self, style: Photo | Tensor | None, seed: int | None, object_styles: Mapping[int, ObjectStyle] | None
    ) -> CanvasChoice:
        """Seed 0 takes the best piece for every segment; regions may have a number of their own, 0 for the best."""
        check_one(style, seed)
        if style is not None:
            raise SemsynthError("this model pastes pieces of its own photos: give a seed instead of a style")
        pieces = []
        for region, number in (object_styles or {}).items():
            if not isinstance(number, int) or not 0 <= number < self.settings.choices:
                raise SemsynthError(
                    f"region {region}: a piece is a number from 0, the best one, to {self.settings.choices - 1}"
                )
            pieces.append((region, number))
        return CanvasChoice(seed or 0, tuple(pieces))

    def check(self, choice: StyleChoice | None, layout: Layout) -> None:
        """The layout must have the bank's classes, and the regions; classes without any piece are told in a warning."""
        assert isinstance(choice, CanvasChoice)
        self.bank.check_classes(layout.classes)
        for region, _ in choice.pieces:
            self._pixels(region, layout)
        present = np.setdiff1d(layout.labels, [*self.bank.class_ids, VOID])
        names = ", ".join(item.name for item in layout.classes.classes if item.id in present)
        if names:
            warnings.warn(f"the bank has no piece of {names}: the network makes them alone", stacklevel=2)

    def read(self, choice: StyleChoice | None, layout: Layout) -> Tensor:
        """[4,H,W]: the canvas."""
        return torch.from_numpy(channels(self.canvas(choice, layout)))

    def shown(self, choice: StyleChoice | None, layout: Layout) -> Layout:
        """The layout that the network reads: of canvases that are not faithful, with the shapes of the pieces."""
        return layout if self.settings.faithful else replace(layout, labels=self.canvas(choice, layout).labels)

    def sources(self, choice: StyleChoice | None, layout: Layout) -> list[BankPhoto]:
        """The photos of which pixels are visible in the canvas, as the bank lists them."""
        return [self.bank.index.photos[number] for number in self.canvas(choice, layout).photos]

    def canvas(self, choice: StyleChoice | None, layout: Layout) -> Canvas:
        """The canvas of a layout."""
        assert isinstance(choice, CanvasChoice)
        return self._make(choice, layout)

    def choices(
        self, layout: Layout, region: int, seed: int, object_styles: Mapping[int, ObjectStyle]
    ) -> list[CanvasChoice]:
        """One choice for every piece that a region can have.

        Args:
            layout: with the region.
            region: an instance id, or a class id where the layout has no instances.
            seed: chooses the pieces of the rest.
            object_styles: pieces of other regions, where they are not to be chosen by the seed.

        Raises:
            SemsynthError: no such region, or none that a piece could be found for.
        """
        where, found = self._pixels(region, layout), self._find(layout)
        ranks = [row for row in range(len(found.segments)) if self._covers(found, row, where)]
        count = max((int((found.pieces[row] >= 0).sum()) for row in ranks), default=0)
        if not count:
            raise SemsynthError(f"region {region} is too small to be retrieved, or the bank has no piece of its class")
        others = {key: value for key, value in object_styles.items() if key != region}
        return [self.choose(None, seed, {**others, region: number}) for number in range(count)]

    def _found(self, layout: Layout) -> Choices:
        return find_choices(layout, self.bank, self.settings)

    def _made(self, choice: CanvasChoice, layout: Layout) -> Canvas:
        found = self._find(layout)
        own: dict[int, int] = {}
        for region, number in choice.pieces:
            where = self._pixels(region, layout)
            own |= {row: number for row in range(len(found.segments)) if self._covers(found, row, where)}
        return fill(layout, self.bank, found, choice.seed, self.settings, own)

    def _covers(self, found: Choices, row: int, where: np.ndarray) -> bool:
        """Whether most of a segment lies in a region, [H,W] of the layout's size."""
        mask = found.segments[row].full_mask(self.bank.rules.size)
        inside: float = enlarged(where, self.bank.rules.size)[mask].mean()
        return inside > 0.5

    def _pixels(self, region: int, layout: Layout) -> np.ndarray:
        """[H,W]: an object's pixels, or those of a class where there are no instances."""
        ids = layout.labels if layout.instances is None else layout.instances
        where: np.ndarray = ids == region
        if not where.any():
            kind = "class" if layout.instances is None else "instance"
            raise SemsynthError(f"the layout has no {kind} {region}")
        return where
