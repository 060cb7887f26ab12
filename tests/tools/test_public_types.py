from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("public_types")


def symbol(name: str, known: bool = True, ambiguous: bool = False, *messages: str) -> dict[str, Any]:
    diagnostics = [{"message": message} for message in messages]
    return {"name": name, "isTypeKnown": known, "isTypeAmbiguous": ambiguous, "diagnostics": diagnostics}


def test_only_public_symbols_count(tool: ModuleType) -> None:
    symbols = [
        symbol("semsynth.a.Thing"),
        symbol("semsynth.a.Thing.size", True, True, "no\nannotation"),
        symbol("semsynth.a.Things", False),
        symbol("semsynth.b.make", False),
    ]
    assert tool.incomplete(symbols, ("semsynth.a.Thing", "semsynth.b.make")) == [
        "semsynth.a.Thing.size: no annotation",
        "semsynth.b.make: a part of its type is not known",
    ]


def test_homes_are_where_names_are_defined(tool: ModuleType) -> None:
    assert {"semsynth.classes.ClassSet", "semsynth.errors.SemsynthError"} <= set(tool.homes())
