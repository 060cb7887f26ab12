"""The editor's edits are the library's: the same random layouts, edited by both, are equal to the pixel."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from studio_js.node import node

from semsynth.classes import VOID, ClassInfo, ClassSet, builtin
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, edits
from semsynth.layout.instances import instances_from_components, objects

CASES = 120
"""Random layouts per edit."""
PLAIN = ClassSet(name="plain", classes=tuple(ClassInfo(id=i, name=f"c{i}", color=(i, i, i)) for i in range(6)))
STREET = [7, 8, 11, 17, 21, 23, 24, 26]  # of Cityscapes: ground, building, pole, tree, sky, person, car
THINGS = [24, 26]

Case = dict[str, Any]


def ids(layout: Layout) -> NDArray[np.int32]:
    assert layout.instances is not None
    return layout.instances


def numbered(layout: Layout, rng: np.random.Generator) -> Layout:
    """The layout's components with instance ids of one of the kinds that occur."""
    made = instances_from_components(layout)
    components, known = ids(made), layout.labels != VOID
    kind = rng.integers(4)
    if kind == 0:  # connected components, all counted
        return made
    if kind == 1:  # any numbers
        distinct, places = np.unique(components, return_inverse=True)
        others = rng.permutation(900)[: len(distinct)]
        return Layout(layout.labels, layout.classes, others[places].reshape(layout.size).astype(np.int32))
    things = THINGS if kind == 2 else rng.permutation(np.unique(layout.labels[known]))[:2]  # as official maps do
    regions = np.where(np.isin(layout.labels, things), components, layout.labels)
    return Layout(layout.labels, layout.classes, np.where(known, regions, rng.integers(2)).astype(np.int32))


def draw(rng: np.random.Generator) -> Layout:
    """Blocks of some classes, with void in most; one in eight is almost all void."""
    classes, choice = [(builtin("cityscapes"), STREET), (builtin("cmp_facades"), None), (PLAIN, None)][rng.integers(3)]
    known = choice or [item.id for item in classes.classes]
    some = rng.permutation(known)[: rng.integers(1, 6)].tolist() + [VOID] * int(rng.integers(2))
    height, width = rng.integers(1, 22, 2)
    labels = np.full((height, width), VOID if rng.random() < 0.125 else rng.choice(some), np.uint16)
    for _ in range(rng.integers(1, 14)):
        top, left = rng.integers(height), rng.integers(width)
        labels[top : top + rng.integers(1, 9), left : left + rng.integers(1, 9)] = rng.choice(some)
    return numbered(Layout(labels, classes), rng)


def case_of(layout: Layout, verb: str, **more: Any) -> Case:
    classes = [{"id": item.id, "group": item.group} for item in layout.classes.classes]
    maps = {"ids": layout.labels.ravel().tolist(), "instances": ids(layout).ravel().tolist()}
    return {"verb": verb, "width": layout.size[1], "classes": classes, **maps, **more}


def some_object(layout: Layout, rng: np.random.Generator) -> int | None:
    found = objects(layout).instance_ids.tolist()
    alone = [one for one in set(found) if found.count(one) == 1]
    return int(rng.choice(sorted(alone))) if alone else None


def some_places(layout: Layout, rng: np.random.Generator) -> NDArray[np.bool_]:
    mask = np.zeros(layout.size, np.bool_)
    top, left = rng.integers(layout.size[0]), rng.integers(layout.size[1])
    mask[top : top + rng.integers(1, 6), left : left + rng.integers(1, 6)] = True
    return mask


def places_of(mask: NDArray[np.bool_]) -> list[int]:
    return np.flatnonzero(mask).tolist()


Pair = tuple[Case, Callable[[Any], Layout | None]]
"""What the editor is asked, and what the library makes of the same, given the editor's answer."""


def refused(make: Callable[[], Layout]) -> Layout | None:
    try:
        return make()
    except SemsynthError:
        return None


def removal(layout: Layout, target: int, rng: np.random.Generator) -> Pair:
    case = case_of(layout, "remove", id=target, erased=bool(rng.integers(4) == 0))
    return case, lambda answer: edits.remove(layout, target, answer["fill"])


def movement(layout: Layout, target: int, rng: np.random.Generator) -> Pair:
    """Several steps without letting go are one move."""
    path = rng.integers(-5, 6, (rng.integers(1, 4), 2)).tolist()
    return case_of(layout, "move", id=target, path=path), lambda answer: refused(
        lambda: edits.move(layout, target, tuple(path[-1]), VOID if answer is None else answer["fill"])
    )


def copying(layout: Layout, target: int, rng: np.random.Generator) -> Pair:
    down, right = rng.integers(-5, 6, 2).tolist()
    return case_of(layout, "duplicate", id=target, down=down, right=right), lambda _: refused(
        lambda: edits.duplicate(layout, target, (down, right))
    )


def relabelling(layout: Layout, target: int, rng: np.random.Generator) -> Pair:
    class_id = int(rng.choice([item.id for item in layout.classes.classes]))
    case = case_of(layout, "relabel", id=target, class_id=class_id)
    return case, lambda _: edits.relabel(layout, target, class_id)


def bringing_forward(layout: Layout, target: int, rng: np.random.Generator) -> Pair:
    mask = some_places(layout, rng) | (ids(layout) == target) & (layout.labels != VOID)
    case = case_of(layout, "bring_forward", id=target, places=places_of(mask))
    return case, lambda _: edits.bring_forward(layout, target, mask)


def painting(layout: Layout, _: int, rng: np.random.Generator) -> Pair:
    """A stroke: a new object, or more of the one that it touches."""
    class_id = int(rng.choice([VOID, *(item.id for item in layout.classes.classes)]))
    mask, apart = some_places(layout, rng), bool(rng.integers(2)) and class_id != VOID
    case = case_of(layout, "add", class_id=class_id, places=places_of(mask), apart=apart)

    def expected(answer: Any) -> Layout:
        known = class_id != VOID and (apart or (ids(layout)[layout.labels == class_id] == answer["instance"]).any())
        return edits.add(layout, mask, class_id, answer["instance"] if known else None)

    return case, expected


def regions(layout: Layout, _: int, __: np.random.Generator) -> Pair:
    return case_of(layout, "components"), lambda _: instances_from_components(layout)


def pairs(make: Callable[[Layout, int, np.random.Generator], Pair]) -> list[Pair]:
    rng = np.random.default_rng(41)
    made: list[Pair] = []
    while len(made) < CASES:
        layout = draw(rng)
        target = some_object(layout, rng)
        if target is not None:
            made.append(make(layout, target, rng))
    return made


@pytest.mark.parametrize(
    "make", [removal, movement, copying, relabelling, bringing_forward, painting, regions], ids=lambda one: one.__name__
)
def test_the_editor_edits_as_the_library_does(
    repository: Path, tmp_path: Path, make: Callable[[Layout, int, np.random.Generator], Pair]
) -> None:
    asked = pairs(make)
    (tmp_path / "cases.json").write_text(json.dumps([case for case, _ in asked]))
    done = node(repository, Path(__file__).with_name("edits.js"), tmp_path / "cases.json")
    assert done.returncode == 0, done.stderr
    changed = 0
    for (case, expected), answer in zip(asked, json.loads(done.stdout), strict=True):
        made = expected(answer)
        told = {name: value for name, value in case.items() if name not in ("ids", "instances", "classes")}
        assert (made is None) == (answer is None), told
        if made is None:
            continue
        assert answer["ids"] == made.labels.ravel().tolist(), told
        assert answer["instances"] == ids(made).ravel().tolist(), told
        changed += answer["ids"] != case["ids"] or answer["instances"] != case["instances"]
    assert changed > CASES / 3
