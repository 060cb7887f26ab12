"""Edits as texts do what the functions do, and other texts are refused."""

from __future__ import annotations

import numpy as np
import pytest

from semsynth.classes import VOID, builtin
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, edits
from semsynth.layout.edits.texts import class_by_text, edit_by_text, fill_by_text

CLASSES = builtin("cityscapes")
ROAD, CAR = 7, 26


@pytest.fixture
def street() -> Layout:
    """A road with a car of 2x2 pixels at row 1, column 1."""
    labels = np.full((6, 8), ROAD, np.uint16)
    instances = labels.astype(np.int32)
    labels[1:3, 1:3], instances[1:3, 1:3] = CAR, 26000
    return Layout(labels, CLASSES, instances)


def assert_equal(first: Layout, second: Layout) -> None:
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.instances, second.instances)  # type: ignore[arg-type]


def test_texts_do_what_the_functions_do(street: Layout) -> None:
    tree = CLASSES["vegetation"].id
    for verb, text, expected in (
        ("remove", "26000", edits.remove(street, 26000)),
        ("relabel", "26000:vegetation", edits.relabel(street, 26000, tree)),
        ("relabel", f"26000:{tree}", edits.relabel(street, 26000, tree)),
        ("relabel_class", "road:void", edits.relabel_class(street, ROAD, VOID)),
        ("move", "26000:+2,-1", edits.move(street, 26000, (2, -1))),
        ("duplicate", "26000:0,4", edits.duplicate(street, 26000, (0, 4))),
    ):
        made = edit_by_text(street, verb, text)
        assert_equal(made, expected)
        assert not np.array_equal(made.labels, street.labels)
    assert_equal(edit_by_text(street, "remove", "26000", tree), edits.remove(street, 26000, tree))


def test_without_instances_classes_are_removed(street: Layout) -> None:
    plain = Layout(street.labels, CLASSES)
    assert np.array_equal(edit_by_text(plain, "remove", "car").labels, edits.remove(plain, CAR).labels)
    with pytest.raises(SemsynthError, match="objects are not told apart"):
        edit_by_text(plain, "move", "26000:1,1")


@pytest.mark.parametrize(
    ("verb", "text", "words"),
    [
        ("remove", "car", "'car' is not an instance id"),
        ("relabel", "26000", "two parts with a colon"),
        ("relabel", "26000:lorry", "has no class 'lorry'"),
        ("move", "26000:1", "expected ID:DOWN,RIGHT"),
        ("move", "x:1,1", "expected ID:DOWN,RIGHT"),
        ("turn", "26000", "there is no edit 'turn'"),
    ],
)
def test_other_texts_are_refused(street: Layout, verb: str, text: str, words: str) -> None:
    with pytest.raises(SemsynthError, match=words):
        edit_by_text(street, verb, text)


def test_fills_and_classes() -> None:
    assert [fill_by_text(CLASSES, text) for text in ("stuff", "neighbours", "road", "21")] == [
        "stuff", "neighbours", ROAD, 21,
    ]  # fmt: skip
    assert class_by_text(CLASSES, "void") == VOID
