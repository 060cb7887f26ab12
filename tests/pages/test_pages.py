"""Pages: values are escaped, templates share their base, and a missing value is an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from semsynth.pages import duration, render


def test_values_are_escaped_unless_they_say_that_they_are_html(tmp_path: Path) -> None:
    template = tmp_path / "line.html"
    template.write_text('<p title="{{ value }}">{{ value }}</p>')
    assert render(template, value='<b>"&') == '<p title="&lt;b&gt;&#34;&amp;">&lt;b&gt;&#34;&amp;</p>'
    assert render(template, value=Markup("<b>")) == '<p title="<b>"><b></p>'
    with pytest.raises(UndefinedError, match="value"):
        render(template)


def test_a_page_extends_the_shared_base(tmp_path: Path) -> None:
    template = tmp_path / "page.html"
    template.write_text('{% extends "base.html" %}{% block title %}{{ name }}{% endblock %}')
    page = render(template, name="a < b")
    assert "<title>a &lt; b</title>" in page
    assert "--paper:" in page


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
