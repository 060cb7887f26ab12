"""What the numbers and colours of label maps mean: the class set's ids and colours, and what a user says besides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import VOID, VOID_8BIT, VOID_NAME, ClassSet
from semsynth.errors import SemsynthError, shortened

Holds = Literal["ids", "colors"]
"""What the pixels of label maps are."""

_COLOR = re.compile(r"#([0-9a-fA-F]{6})")


@dataclass(frozen=True, eq=False)
class Legend:
    """What the numbers and colours of label maps mean.

    Attributes:
        classes: whose ids the maps become.
        holds: what maps hold that could hold either; None: grey and palette files hold ids, RGB files colours, and a
            file that contradicts this is refused.
        numbers: number -> id or ``VOID``, where a number is not the id itself.
        colors: 0xRRGGBB -> id or ``VOID``, where a colour is not that of exactly one class.
    """

    classes: ClassSet
    holds: Holds | None = None
    numbers: Mapping[int, int] = field(default_factory=dict)
    colors: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def said(
        cls,
        classes: ClassSet,
        holds: Holds | None = None,
        meaning: Iterable[str] = (),
        void: int | str | Iterable[int | str] | None = None,
    ) -> Legend:
        """The class set's meaning, and what a user says besides.

        Args:
            classes: whose ids the maps become.
            holds: as the attribute.
            meaning: texts such as ``255:1``, ``7:road`` or ``#ff0000:car``: a number or colour of the files, and the
                id or name of a class, or ``void``.
            void: numbers and colours that mean "no class".

        Raises:
            SemsynthError: a text of another form, no such class, a number or colour that is given twice, or one of
                ``void`` that is a class's.
        """
        own = cls(classes)
        numbers: dict[int, int] = {}
        colors: dict[int, int] = {}
        for source in [void] if isinstance(void, int | str) else void or ():
            number, color = _number_or_color(str(source), f"void {source}")
            if color is None and number in classes.ids:
                raise SemsynthError(f"id {number} is a class of '{classes.name}': it cannot be void as well")
            users = own.colors_of_classes.get(color, []) if color is not None else []
            if len(users) == 1:
                raise SemsynthError(f"{source} is the colour of {own.name(users[0])}: it cannot be void as well")
            (numbers if color is None else colors)[number if color is None else color] = VOID
        for text in meaning:
            source, target = _halves(text)
            number, color = _number_or_color(source, text)
            table, key = (numbers, number) if color is None else (colors, color)
            if key in table:
                raise SemsynthError(f"{shortened(text)}: {source} is given twice")
            table[key] = _id(target, classes, text)
        return cls(classes, holds, numbers, colors)

    @property
    def plain(self) -> bool:
        """Whether nothing is said besides what the class set says."""
        return self.holds is None and not self.numbers and not self.colors

    def name(self, number: int) -> str:
        """How messages call a class: ``'car' (7)``."""
        return f"'{self.classes.classes[self.classes.index_of_id[number]].name}' ({number})"

    @cached_property
    def table(self) -> NDArray[np.uint16]:
        """[65536]: number -> id or ``VOID``; what has no meaning stays as it is."""
        table = np.arange(VOID + 1, dtype=np.uint16)
        for number, meaning in self.numbers.items():
            table[number] = meaning
        return table

    @cached_property
    def table_8bit(self) -> NDArray[np.uint16]:
        """[256]: the same of 8-bit numbers, where 255 is void unless it was given a meaning."""
        table = self.table[:256].copy()
        if VOID_8BIT not in self.numbers:
            table[VOID_8BIT] = VOID
        return table

    @property
    def disputes_255(self) -> bool:
        """Whether 255 in 8-bit files could mean void and a class alike."""
        return VOID_8BIT in self.classes.ids and VOID_8BIT not in self.numbers

    @cached_property
    def colors_of_classes(self) -> dict[int, list[int]]:
        """0xRRGGBB -> ids of the classes in this colour."""
        found: dict[int, list[int]] = {}
        for item in self.classes.classes:
            red, green, blue = item.color
            found.setdefault(red << 16 | green << 8 | blue, []).append(item.id)
        return found

    @cached_property
    def meaning_of_colors(self) -> dict[int, int]:
        """0xRRGGBB -> id or ``VOID``, without colours that several classes share; black is void if it is no class's."""
        own = {color: ids[0] for color, ids in self.colors_of_classes.items() if len(ids) == 1}
        black = {} if 0 in self.colors_of_classes else {0: VOID}
        return own | black | dict(self.colors)

    @cached_property
    def shared_colors(self) -> dict[int, list[int]]:
        """0xRRGGBB -> ids, for colours that several classes share and that were given no meaning."""
        return {c: ids for c, ids in self.colors_of_classes.items() if len(ids) > 1 and c not in self.colors}


def _halves(text: str) -> tuple[str, str]:
    source, colon, target = text.partition(":")
    if not colon or not source or not target:
        raise SemsynthError(
            f"'{shortened(text)}' is not a number or colour, a colon and a class: write 255:1, 255:road or '#ff0000:1'"
        )
    return source.strip(), target.strip()


def _number_or_color(source: str, text: str) -> tuple[int, int | None]:
    if color := _COLOR.fullmatch(source):
        return 0, int(color[1], 16)
    if source.isascii() and source.isdecimal() and len(source) <= 5 and int(source) <= VOID:
        return int(source), None
    raise SemsynthError(
        f"{shortened(text)}: '{shortened(source)}' is neither a number from 0 to {VOID} nor a colour such as #ff0000"
    )


def _id(target: str, classes: ClassSet, text: str) -> int:
    names = {item.name: item.id for item in classes.classes}
    if target in names:
        return names[target]
    if target == VOID_NAME:
        return VOID
    if target.isascii() and target.isdecimal() and len(target) <= 5 and int(target) in classes.ids:
        return int(target)
    raise SemsynthError(
        f"{shortened(text)}: '{classes.name}' has no class '{shortened(target)}': give a class's id or name, or "
        f"{VOID_NAME}"
    )
