"""Expressions of sizes that may be handed to torch, which evaluates them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsynth.exporting.expressions import MAX_LENGTH, is_size

SYMBOL = "Symbol('s30', positive=True, integer=True)"


@pytest.mark.parametrize(
    "text",
    [
        "8*s30",
        "u0",
        "((s1 + 3)//2) - 1",
        "s1*s2 >= 4",
        "-s1 % 2",
        "s1**2",
        SYMBOL,
        f"Mul(Integer(8), {SYMBOL})",
        f"Pow({SYMBOL}, Integer(2))",
        f"Eq(Mod({SYMBOL}, Integer(4)), Integer(0))",
        f"Max(Integer(1), FloorDiv({SYMBOL}, Integer(2)))",
    ],
)
def test_what_exports_write(text: str) -> None:
    assert is_size(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        5,
        "9**9**9",
        "9**9",
        "(" * 5 + "9" + "**4)" * 5,
        "Pow(" * 6 + "9" + ", 4)" * 6,
        "Pow(9, Pow(9, 9))",
        "99999999999",
        "1e9",
        "s0.__class__",
        "__import__('os')",
        "Symbol('x')",
        "Symbol(s1)",
        "Symbol('s1', real=True)",
        "Symbol('s1', positive=False)",
        "'s1'",
        "s1 s2",
        "s1(2)",
        "s1[0]",
        "s1)",
        "(s1",
        "lambda",
        "lambda s1: s1",
        "s1; s2",
        "s1\n",
        "Integer()",
        "Integer(1",
        "Function(1)",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "(" * 40 + "1" + ")" * 40,
        "1+" * MAX_LENGTH + "1",
    ],
)
def test_what_they_never_write(text: object) -> None:
    assert not is_size(text)


@pytest.mark.parametrize("text", ["9" * MAX_LENGTH, "(" * MAX_LENGTH, "-" * MAX_LENGTH, "1," * 1000, "s1*" * 600 + "!"])
def test_refusing_takes_no_time(text: str) -> None:
    began = time.process_time()
    for _ in range(10):
        assert not is_size(text)
    assert time.process_time() - began < 5  # milliseconds; patterns that backtrack take hours


@given(st.text("s1u9()+-*/%<>=, 'IntegrSymbolPow.", max_size=60))
def test_what_is_taken_is_a_number_of_reasonable_size(text: str) -> None:
    if is_size(text):
        assert not re.search(r"[._\[\]{}:;]|[a-zA-Z]{10}", text)
        numbers = {f"{letter}{n}": 3 for letter in "su" for n in ("1", "9", "11", "19", "91", "99")}
        plain = text.replace("Integer", "").replace("Symbol", "")
        if "Pow" not in plain and set(re.findall(r"[su]\d+", plain)) <= set(numbers) and "'" not in plain:
            try:
                value = eval(plain, {"__builtins__": {}}, numbers)
            except (SyntaxError, ZeroDivisionError, TypeError):
                return
            assert abs(value) < 2**1100 if isinstance(value, int) else True
