"""Protocols that are compared."""

from __future__ import annotations

from semsynth.evaluation.protocols.definition import differences


def test_differences_are_listed_by_key() -> None:
    assert differences({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 4, "d": 3}, "e": 5}) == [
        "b.c: 2 | 4",
        "e: None | 5",
    ]
