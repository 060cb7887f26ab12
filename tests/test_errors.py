"""The exception that users read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsynth.errors import SHOWN_CHARACTERS, SemsynthError, shortened


@given(st.text())
def test_messages_are_one_printable_line(text: str) -> None:
    message = str(SemsynthError(text))
    assert message.isprintable()
    message.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("größer \N{CJK UNIFIED IDEOGRAPH-56FE} 1", "größer \N{CJK UNIFIED IDEOGRAPH-56FE} 1"),
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\udcff.png", r"\udcff.png"),
        ("\u202egnp.a", r"\u202egnp.a"),
    ],
)
def test_what_a_terminal_would_act_on_is_shown_as_codes(text: str, shown: str) -> None:
    assert str(SemsynthError(text)) == shown


@given(st.text(max_size=1000))
def test_inputs_are_shortened(text: str) -> None:
    short = shortened(text)
    assert len(short) <= SHOWN_CHARACTERS
    assert short == " ".join(text.split()) or short.endswith("...")


def test_the_library_names_arguments_and_no_options(repository: Path) -> None:
    """Options stand in command lines that a message shows, such as ``semsynth train --resume``, and nowhere else."""
    library = repository / "src" / "semsynth"
    found = []
    for file in sorted(library.rglob("*.py")):
        source = file.read_text("utf-8")
        if file.is_relative_to(library / "cli") or "--" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("SemsynthError", "require"):
                text = re.sub(r"(semsynth|torchrun) .*", "", ast.unparse(node))
                found += [f"{file.name}: {text}"] if re.search(r"(^|[\s('`\"])--[a-z{]", text) else []
    assert found == []
