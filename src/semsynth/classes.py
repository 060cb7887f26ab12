"""Class sets: which ids a label map may hold, what they are called and how they are drawn."""

from __future__ import annotations

import warnings
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from semsynth.class_files import read_classes
from semsynth.config import Config, validated
from semsynth.errors import SemsynthError
from semsynth.files import write_json
from semsynth.pages import html_table

VOID = 65535
"""The id of "no class" inside the program and in 16-bit files."""
VOID_8BIT = 255
"""The id of "no class" in 8-bit files."""
VOID_NAME = "void"

UNKNOWN = -1
"""What :attr:`ClassSet.index_of_id` holds for ids that are neither a class nor void."""


BUILTIN_CLASS_SETS = (
    "ade20k",
    "ade20k_spade",
    "ade_landscapes",
    "camvid",
    "camvid_32",
    "celebamask_hq",
    "cityscapes",
    "cityscapes_19",
    "cmp_facades",
    "coco_panoptic",
    "coco_stuff",
    "helen",
    "labelmefacade",
    "nyu_depth_v2_40",
)
"""Names for :func:`builtin`.

``ade20k``: the 150 classes with the ids 1..150 of the challenge's files, in which 0 is unknown.
``ade20k_spade``: the same with 0 as a class of its own: the 151 channels of SPADE's published ADE20K models, whose
shift of the ids has no effect (``data/ade20k_dataset.py``).
``ade_landscapes``: ten classes of nature, for the landscapes among ADE20K's photographs; its colours are our own.
``cityscapes``: the ids 0..34 of SPADE and pix2pixHD (``label_nc`` 35), where the files hold 0..33.
``cityscapes_19``: the benchmark's train ids. ``coco_stuff``: the 182 ids of the pixel maps; its colours are our own.
``coco_panoptic``: the 133 of panopticapi's ``panoptic_coco_categories.json``, with COCO's category ids.
``camvid``: SegNet's 11 classes; ``camvid_32``: the original's 32 less void, in the order of ``label_colors.txt``.
``celebamask_hq``: the order of ``g_mask.py`` and the colours of ``g_color.py``. ``helen``: the labels 00..10; its
colours are our own. ``nyu_depth_v2_40``: the classes of Gupta et al. (CVPR 2013), 1..40, in ScanNet's colours.
"""

ColorValue = Annotated[int, Field(ge=0, le=255)]


class ClassInfo(Config):
    """One semantic class."""

    id: int = Field(ge=0, lt=VOID)
    """The number that stands for the class in label maps."""
    name: str
    """For people."""
    color: tuple[ColorValue, ColorValue, ColorValue]
    """RGB, 0..255, of colour-coded maps and previews."""
    group: str = ""
    """Optional super-category, for example ``vehicle``."""


class ClassSet(Config):
    """The classes of a dataset, in channel order.

    Ids need not start at 0 nor be contiguous: a class's *index* (its position here) is its channel
    in every network, its id is what files hold. Void is index ``num_classes``.
    """

    name: str
    classes: tuple[ClassInfo, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        seen: dict[int, str] = {}
        for item in self.classes:
            if item.id in seen:
                raise ValueError(f"id {item.id} is both '{seen[item.id]}' and '{item.name}'")
            seen[item.id] = item.name
        return self

    @property
    def meanings(self) -> frozenset[tuple[int, str]]:
        """Ids with their names: sets of equal ones mean the same, whatever they are called and coloured."""
        return frozenset((item.id, item.name) for item in self.classes)

    @property
    def num_classes(self) -> int:
        """Number of classes, void not counted."""
        return len(self.classes)

    @cached_property
    def ids(self) -> NDArray[np.uint16]:
        """[K] uint16: index -> id."""
        return np.array([item.id for item in self.classes], np.uint16)

    @cached_property
    def index_of_id(self) -> NDArray[np.int32]:
        """[65536] int32: id -> index; ``num_classes`` for void, ``UNKNOWN`` for ids outside the set."""
        table = np.full(VOID + 1, UNKNOWN, np.int32)
        table[self.ids] = np.arange(self.num_classes)
        table[VOID] = self.num_classes
        return table

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """[K+1,3] uint8: index -> RGB, void (black) last."""
        return np.array([item.color for item in self.classes] + [(0, 0, 0)], np.uint8)

    @property
    def fits_8bit(self) -> bool:
        """Whether label maps of this set can be stored in 8 bits with 255 as void."""
        return all(item.id < VOID_8BIT for item in self.classes)

    def __eq__(self, other: object) -> bool:
        """Equal name and classes; what is cached of them has no say."""
        return isinstance(other, ClassSet) and (self.name, self.classes) == (other.name, other.classes)

    def __hash__(self) -> int:
        """Of name and classes."""
        return hash((self.name, self.classes))

    def __getitem__(self, name: str) -> ClassInfo:
        """The class called ``name``."""
        for item in self.classes:
            if item.name == name:
                return item
        known = ", ".join(item.name for item in self.classes)
        raise SemsynthError(f"class set '{self.name}' has no class '{name}'; it has {known}")

    def __repr__(self) -> str:
        """Name and number of classes, on one line."""
        return f"ClassSet({self.name!r}, {self.num_classes} classes)"

    def _repr_html_(self) -> str:
        """A table of ids, colours and names, as notebooks show it."""
        from markupsafe import Markup  # late: only notebooks need it

        swatch = Markup('<div style="background: rgb{}; width: 2em">&nbsp;</div>')
        rows = [(item.id, swatch.format(item.color), item.name, item.group) for item in self.classes]
        return html_table(f"{self.name}: {self.num_classes} classes", rows, ("id", "", "name", "group"))

    @classmethod
    def open(cls, source: str | Path) -> ClassSet:
        """Open a class set.

        Args:
            source: the name of a built-in set (:data:`BUILTIN_CLASS_SETS`), or the path of a ``classes.json``: a list
                of ``{"id", "name", "color"[, "group"]}``, or another list that :mod:`semsynth.class_files` knows. A
                built-in name comes first; ``./NAME`` is always a path.

        Raises:
            SemsynthError: neither, a malformed file, or an id given twice.
        """
        if isinstance(source, str) and source in BUILTIN_CLASS_SETS:
            return builtin(source)
        path = Path(source)
        if isinstance(source, str) and not path.exists():
            known = ", ".join(BUILTIN_CLASS_SETS)
            raise SemsynthError(f"there is no class set {source}: give the path of a classes.json, or one of {known}")
        return validated(cls, read_classes(path), str(path))

    @classmethod
    def load(cls, path: str | Path) -> ClassSet:
        """The former name of :meth:`open`, for one release."""
        warnings.warn("ClassSet.load is called ClassSet.open now", DeprecationWarning, stacklevel=2)
        return cls.open(path)

    def save(self, path: str | Path) -> None:
        """Write a ``classes.json``, atomically, that :meth:`open` reads as an equal set."""
        write_json(Path(path), self.model_dump(mode="json"))


NO_CLASSES = ClassSet(name="conditions", classes=(ClassInfo(id=0, name="none", color=(0, 0, 0)),))
"""Stands where a class set is asked for and the condition is a picture, not a label map."""


@cache
def builtin(name: str) -> ClassSet:
    """The class set called ``name`` in ``BUILTIN_CLASS_SETS``.

    Raises:
        SemsynthError: there is none of this name.
    """
    if name not in BUILTIN_CLASS_SETS:
        raise SemsynthError(f"there is no class set '{name}'; known: {', '.join(BUILTIN_CLASS_SETS)}")
    return ClassSet.open(Path(__file__).parent / "class_sets" / f"{name}.json")
