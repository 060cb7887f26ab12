"""HTML pages and drawings from Jinja2 templates: whatever is put into them is escaped.

A template lies next to the module that fills it and extends ``base.html`` of this package, which holds the style that
all reports share. Text that is HTML already has to say so (``markupsafe.Markup``).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def render(template: Path, **values: object) -> str:
    """Fill a template.

    Args:
        template: its file; it may extend, include and import the files of this package and those beside it.
        **values: what it names. A name that is missing is an error.

    Returns:
        HTML or SVG.
    """
    return _environment(template.parent).get_template(template.name).render(values)


@cache
def _environment(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
