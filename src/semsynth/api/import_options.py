"""What describes a format that can be imported: rows of the tables :mod:`semsynth.api.importers` and its like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ImportOption:
    """An option of one format, by the name of the function's argument."""

    name: str
    kind: Any
    """What is given: a type, ``list[...]`` of one, or a ``Literal`` of words."""
    about: str
    """One line for people; a default that ``default`` cannot say is in brackets."""
    default: Any = None
    flag: str = ""
    """The command line's name where it differs from ``--name``; both sides of a switch as ``--this/--no-this``."""
    least: float | None = None
    """The smallest value of a number."""
    most: float | None = None
    """The largest."""


@dataclass(frozen=True)
class Importer:
    """A format that ``semsynth data import`` and :func:`semsynth.import_dataset` read."""

    name: str
    listing: str
    """``module:function`` that lists what a source holds."""
    summary: str
    """One line: what becomes of it."""
    details: str = ""
    """What to download, where, and under which licence."""
    options: tuple[ImportOption, ...] = ()
    links: bool = True
    """Whether the dataset folder can hold links to the source's files; if not, they are always written."""
    source: str = "Where the data lies."
    """What the first argument is."""


MEANING = (
    ImportOption(
        "void", list[str], "A number or colour (#rrggbb) that means 'no class', besides 255; may be repeated."
    ),
    ImportOption(
        "meaning",
        list[str],
        "What a number or colour of the label maps means: 255:1, 7:road, '#ff0000:car'; may be repeated.",
        flag="--map",
    ),
    ImportOption(
        "holds",
        Literal["ids", "colors"],
        "Take indices and greys in three channels as ids, or all files as colours (default: as the file's kind says).",
        flag="--labels-hold",
    ),
)
"""What numbers and colours of label maps mean."""
