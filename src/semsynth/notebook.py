"""Tables that notebooks show in place of a ``repr``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_TEMPLATE = (
    "<table>{% if title %}<caption>{{ title }}</caption>{% endif %}"
    "{% if heads %}<thead><tr>{% for head in heads %}<th>{{ head }}</th>{% endfor %}</tr></thead>{% endif %}"
    "<tbody>{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</tbody>"
    "</table>"
)


def html_table(title: str, rows: Sequence[Sequence[object]], heads: Sequence[str] = ()) -> str:
    """A table as HTML, everything in it escaped."""
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(_TEMPLATE).render(title=title, rows=rows, heads=heads)


def html_facts(title: str, facts: Mapping[str, object]) -> str:
    """A table of two columns: names, and what they stand for."""
    return html_table(title, list(facts.items()))
