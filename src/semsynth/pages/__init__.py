"""HTML pages and drawings from Jinja2 templates: whatever is put into them is escaped.

A template lies next to the module that fills it and extends ``base.html`` of this package, which holds the style that
all reports share. Text that is HTML already has to say so (``markupsafe.Markup``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: Path, **values: object) -> str:
    """Fill a template.

    Args:
        template: its file; it may extend, include and import the files of this package and those beside it.
        **values: what it names. A name that is missing is an error.

    Returns:
        HTML or SVG.
    """
    return _environment(template.parent).get_template(template.name).render(values)


def html_table(title: str, rows: Sequence[Sequence[object]], heads: Sequence[str] = ()) -> str:
    """A table that notebooks show in place of a ``repr``."""
    return render(Path(__file__).parent / "table.html", title=title, rows=rows, heads=heads)


def html_facts(title: str, facts: Mapping[str, object]) -> str:
    """A table of two columns: names, and what they stand for."""
    return html_table(title, list(facts.items()))


def duration(seconds: float) -> str:
    """``48 s``, ``3 min 20 s`` or ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


@cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # late: most programs show no page

    return Environment(
        loader=FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
