"""Objects are chosen by a click, and restyled, moved, copied, relabelled, brought forward and deleted."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from studio_page import StudioPage

from semsynth.classes import builtin
from semsynth.images import encode_png

CLASSES = builtin("cmp_facades")
WINDOW, FACADE, DOOR = (CLASSES[name].id for name in ("window", "facade", "door"))


def front(page: StudioPage) -> NDArray[np.uint16]:
    """A drawn layout: a facade with two windows that touch nothing else."""
    labels = np.full((64, 64), FACADE, np.uint8)
    labels[10:20, 10:18] = labels[30:40, 40:50] = WINDOW
    file = io.BytesIO()
    Image.fromarray(labels).save(file, "PNG")
    page.open_file("front.png", file.getvalue())
    page.tool("object")
    return labels.astype(np.uint16)


def expected(*boxes: tuple[int, int, int, int]) -> NDArray[np.uint16]:
    labels = np.full((64, 64), FACADE, np.uint16)
    for top, left, bottom, right in boxes:
        labels[top:bottom, left:right] = WINDOW
    return labels


def test_move_by_dragging_and_by_keys_leaves_no_trace(page: StudioPage) -> None:
    front(page)
    page.drag((12, 12), (32, 17))
    np.testing.assert_array_equal(page.ids(), expected((15, 30, 25, 38), (30, 40, 40, 50)))
    page.press("ArrowDown", "ArrowRight", "Shift+ArrowDown")
    np.testing.assert_array_equal(page.ids(), expected((26, 31, 36, 39), (30, 40, 40, 50)))
    page.press("Shift+ArrowRight")  # half over the other window: nothing of it is lost
    page.press("Shift+ArrowLeft")
    np.testing.assert_array_equal(page.ids(), expected((26, 31, 36, 39), (30, 40, 40, 50)))
    for _ in range(6):
        page.press("Control+KeyZ")
    np.testing.assert_array_equal(page.ids(), expected((10, 10, 20, 18), (30, 40, 40, 50)))


def test_delete_duplicate_and_relabel(page: StudioPage) -> None:
    front(page)
    page.click((44, 35))
    assert "window" in page.text("#object-card").lower()
    page.press("Delete")
    np.testing.assert_array_equal(page.ids(), expected((10, 10, 20, 18)))
    assert page.page.locator("#object-card").is_hidden()
    page.click((12, 12))
    page.page.click("#object-card >> text=Duplicate")
    np.testing.assert_array_equal(page.ids(), expected((10, 10, 20, 18), (10, 20, 20, 28)))
    instances = page.instances()
    assert instances[12, 12] != instances[12, 22]
    page.page.get_by_label("Make it").select_option("door")
    assert (page.ids()[10:20, 20:28] == DOOR).all()
    assert (page.ids()[10:20, 10:18] == WINDOW).all()


def test_edits_are_those_of_the_api(page: StudioPage) -> None:
    front(page)
    before = {"label": page.ids(), "instances": page.instances()}
    target = int(before["instances"][12, 12])
    page.drag((12, 12), (35, 41))  # half over the other window
    page.press("KeyD")
    copy = int(page.run("() => studio.store.selection"))
    move = {"verb": "move", "id": target, "down": 29, "right": 23}
    duplicate = {"verb": "duplicate", "id": target, "down": 0, "right": 10}
    files = {
        name: {"name": f"{name}.png", "mimeType": "image/png", "buffer": encode_png(values)}
        for name, values in before.items()
    }
    options = json.dumps({"edits": [move, duplicate]})
    answer = page.page.request.post(f"{page.page.url}api/models/facades/edits", multipart={**files, "options": options})
    assert answer.ok, answer.text()
    made = answer.json()
    assert made["created"] == [copy]
    for name, values in (("label", page.ids()), ("instances", page.instances())):
        with Image.open(io.BytesIO(base64.b64decode(made[name]))) as opened:
            np.testing.assert_array_equal(np.asarray(opened), values, err_msg=name)


def test_bring_forward_returns_what_was_painted_over(page: StudioPage) -> None:
    labels = front(page)
    page.paint_with("door")
    page.tool("rectangle")
    page.drag((8, 15), (20, 25))
    page.tool("object")
    page.click((12, 12))
    page.press("KeyU")
    after = page.ids()
    assert (after[10:20, 10:18] == WINDOW).all()
    assert (after[20:26, 8:21] == DOOR).all()
    assert (after[labels == WINDOW] == WINDOW).all()


def test_new_objects_stay_apart_from_those_they_touch(page: StudioPage) -> None:
    front(page)
    page.paint_with("window")
    page.tool("rectangle")
    page.drag((18, 10), (24, 19))
    joined = page.instances()
    assert joined[12, 12] == joined[12, 20]
    page.page.get_by_label("New object").check()
    page.drag((25, 10), (30, 19))
    apart = page.instances()
    assert apart[12, 27] != apart[12, 20]


def test_an_object_takes_the_style_that_is_picked(visit: Callable[..., StudioPage]) -> None:
    page = visit()
    page.page.select_option("#model", "tiny")
    front(page)
    page.settled()
    class_id = int(page.run("() => studio.store.model.classes.classes.find((c) => c.modes > 2).id"))
    page.paint_with(next(item.name for item in CLASSES.classes if item.id == class_id))
    page.tool("rectangle")
    page.drag((20, 44), (40, 58))
    page.tool("object")
    page.click((30, 50))
    page.settled()
    photo = page.photo()
    page.page.click("text=Restyle")
    choices = page.page.locator("#style-choices button")
    choices.first.wait_for()
    assert choices.count() == page.run("(id) => studio.store.classOf(id).modes", class_id)
    seen = []
    for i in range(choices.count()):
        choices.nth(i).click()
        page.settled()
        seen.append(page.photo())
    assert any((one != photo).any() for one in seen)
    assert len({one.tobytes() for one in seen}) == len(seen)
    page.press("Control+KeyZ")
    page.settled()
    np.testing.assert_array_equal(page.photo(), seen[-2])
    page.press("Control+KeyZ")


def test_an_object_takes_the_photo_piece_that_is_picked(visit: Callable[..., StudioPage]) -> None:
    page = visit()
    page.page.select_option("#model", "pieces")
    page.settled()
    class_id = int(page.run("() => studio.store.model.classes.classes.find((c) => c.modes > 2).id"))
    page.paint_with(page.run("(id) => studio.store.classOf(id).name", class_id))
    page.tool("rectangle")
    page.drag((4, 20), (60, 60))
    page.tool("object")
    page.click((30, 50))
    page.page.click("text=Restyle")
    choices = page.page.locator("#style-choices button")
    choices.first.wait_for()
    assert choices.count() == page.run("(id) => studio.store.classOf(id).modes", class_id)
    page.settled()
    best = page.photo()
    choices.nth(1).click()
    page.settled()
    assert (page.photo() != best).any()
    choices.nth(0).click()
    page.settled()
    np.testing.assert_array_equal(page.photo(), best)


def test_variations_are_picked_and_undone(page: StudioPage) -> None:
    seed = page.run("() => studio.store.style.seed")
    page.page.click("#variations")
    page.page.locator(".variations button").nth(3).click()
    page.settled()
    assert page.run("() => studio.store.style.seed") != seed
    assert page.page.input_value("#seed") == str(page.run("() => studio.store.style.seed"))
    page.press("Control+KeyZ")
    assert page.run("() => studio.store.style.seed") == seed


def test_a_dropped_photo_gives_its_style(page: StudioPage) -> None:
    plain = page.photo()
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(5).integers(0, 255, (90, 120, 3), np.uint8)).save(file, "JPEG")
    page.open_file("house.jpg", file.getvalue())
    page.page.click("dialog >> text=Take its style")
    page.until("studio.store.style.vector")
    page.settled()
    assert (page.photo() != plain).any()
    page.page.get_by_label("Remove style photo").click()
    page.settled()
    np.testing.assert_array_equal(page.photo(), plain)


def test_only_the_edited_part_of_one_s_own_photo_changes(page: StudioPage) -> None:
    rng = np.random.default_rng(1)
    own = rng.integers(0, 255, (300, 400, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(own).save(file, "PNG")
    page.open_file("mine.png", file.getvalue())
    page.page.click("dialog >> text=Edit this photo")
    page.until("studio.store.reference?.base")
    page.settled()
    np.testing.assert_array_equal(page.photo(), own)
    page.run("() => studio.stage.fit()")
    page.paint_with("window")
    page.tool("rectangle")
    page.drag((100, 120), (160, 180))
    page.settled()
    edited = page.photo()
    assert edited.shape == own.shape
    margin = page.run("() => studio.store.reference.margin") + 1
    kept = np.ones(own.shape[:2], bool)
    kept[120 - margin : 181 + margin, 100 - margin : 161 + margin] = False
    np.testing.assert_array_equal(edited[kept], own[kept])
    assert (edited[122:179, 102:159] != own[122:179, 102:159]).mean() > 0.9
