"""What `mkdocs build` does to pages beyond its configuration."""

from __future__ import annotations

import re

_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):(?=<code>)")
"""Before a name in a docstring, for tools that read reStructuredText; mkdocstrings reads Markdown and shows it."""


def on_page_content(html: str, **_: object) -> str:
    """A page's HTML, as mkdocs hands it over: roles of docstrings leave their names."""
    return _ROLE.sub("", html)
