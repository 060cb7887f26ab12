"""Nothing is lost: files in and out to the bit, autosave, several tabs."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from studio_page import StudioPage

from semsynth.classes import VOID, VOID_8BIT, builtin
from semsynth.layout import Layout

CLASSES = builtin("cmp_facades")


def drawn(page: StudioPage) -> None:
    """Something of everything: strokes, void, an object apart."""
    page.paint_with("window")
    page.tool("ellipse")
    page.drag((20, 20), (90, 70))
    page.page.get_by_label("New object").check()
    page.drag((91, 20), (130, 60))
    page.tool("eraser")
    page.drag((150, 150), (200, 160))


def picture(content: bytes) -> NDArray[np.uint16]:
    with Image.open(io.BytesIO(content)) as opened:
        return np.asarray(opened).astype(np.uint16)


def test_a_project_file_opens_again_exactly(page: StudioPage, visit: Callable[..., StudioPage]) -> None:
    drawn(page)
    page.page.click("#dice")
    page.settled()
    file = page.download("#export", "Project")
    other = visit()
    other.open_file("front.semsynth.zip", file)
    other.settled()
    np.testing.assert_array_equal(other.ids(), page.ids())
    np.testing.assert_array_equal(other.instances(), page.instances())
    settings = "() => [studio.store.style, studio.store.view, studio.store.painting, studio.store.title]"
    assert other.run(settings) == page.run(settings)
    np.testing.assert_array_equal(other.photo(), page.photo())
    assert other.download("#export", "Project") == file


def test_exported_maps_are_exact_and_come_in_again(page: StudioPage, tmp_path: object) -> None:
    drawn(page)
    ids, instances = page.ids(), page.instances()
    labels = page.download("#export", "Labels: class ids")
    colours = page.download("#export", "Labels: colours")
    objects = page.download("#export", "Objects: instance ids")
    np.testing.assert_array_equal(picture(labels), np.where(ids == VOID, VOID_8BIT, ids))
    np.testing.assert_array_equal(picture(objects), instances)
    with Image.open(io.BytesIO(colours)) as opened:
        rgb = np.asarray(opened.convert("RGB"))
    np.testing.assert_array_equal(rgb, CLASSES.palette[CLASSES.index_of_id[ids]])
    plain = io.BytesIO()
    Image.fromarray(rgb).save(plain, "PNG")
    wide = io.BytesIO()
    Image.fromarray(ids).save(wide, "PNG")
    for name, content in {"a": labels, "b": colours, "c": plain.getvalue(), "d": wide.getvalue()}.items():
        page.blank()
        page.open_file(f"{name}.png", content)
        np.testing.assert_array_equal(page.ids(), ids, err_msg=name)
    path = tmp_path / "labels.png"
    path.write_bytes(labels)
    np.testing.assert_array_equal(Layout.open(path, CLASSES).labels, ids)  # and the library reads the same


def test_the_photo_is_copied_to_the_clipboard(page: StudioPage) -> None:
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.page.click("#export")
    page.page.click(".menu >> text=Copy photo")
    page.until("document.getElementById('toast').innerText.includes('clipboard')")
    script = """async () => {
      const [item] = await navigator.clipboard.read();
      const { width, height } = await createImageBitmap(await item.getType("image/png"));
      return [width, height];
    }"""
    assert page.run(script) == [256, 256]


def test_examples_and_surprises_open(page: StudioPage) -> None:
    first = page.ids()
    page.page.click("#new")
    page.page.click("dialog >> text=facade-14")
    page.until("studio.store.title === 'facade-14'")
    second = page.ids()
    page.page.click("#new")
    page.page.click("dialog >> text=Surprise me")
    page.until("studio.store.title !== 'facade-14'")
    assert (first != second).any()
    assert (second != page.ids()).any()
    page.settled()
    assert page.photo().std() > 10


def test_a_file_that_is_no_label_map_is_told_in_words(page: StudioPage) -> None:
    before = page.ids()
    strange = io.BytesIO()
    Image.fromarray(np.full((8, 8), 77, np.uint8)).save(strange, "PNG")
    for name, content, said in (
        ("cut.png", strange.getvalue()[:50], "cut off"),
        ("text.txt", b"hello", "neither a picture nor a project"),
        ("bad.zip", b"PK\x03\x04" + bytes(80), "not a project"),
    ):
        page.open_file(name, content)
        assert said in page.text("#toast"), name
        assert name in page.text("#toast")
        np.testing.assert_array_equal(page.ids(), before)


def test_any_png_that_is_no_label_map_is_a_photo_and_the_reason_is_said(page: StudioPage) -> None:
    before = page.ids()
    colours = np.zeros((40, 60, 3), np.uint8)
    colours[0, :3] = 1, 2, 3
    for pixels, said in (
        (np.full((8, 8), 77, np.uint8), "no class has the ids 77"),
        (colours, "no class has the colours #010203 (3 pixels)"),
        (np.zeros((2049, 2049), np.uint8), "a layout of 2049×2049 is too large"),
    ):
        picture = io.BytesIO()
        Image.fromarray(pixels).save(picture, "PNG")
        page.open_file("photo.png", picture.getvalue())
        dialog = page.text("dialog[open]")
        assert "What is this photo for?" in dialog
        assert f"It is not a label map of this model: {said}." in dialog
        page.page.keyboard.press("Escape")
        np.testing.assert_array_equal(page.ids(), before)


def test_a_reload_restores_everything_and_says_so(page: StudioPage) -> None:
    drawn(page)
    page.page.click("#dice")
    page.settled()
    page.saved()
    ids, instances, photo = page.ids(), page.instances(), page.photo()
    page.page.reload()
    page.page.locator("#toast", has_text="everything is as it was").wait_for()
    page.ready()
    np.testing.assert_array_equal(page.ids(), ids)
    np.testing.assert_array_equal(page.instances(), instances)
    np.testing.assert_array_equal(page.photo(), photo)
    page.press("Control+KeyZ", "Control+KeyZ")  # the seed, then the eraser's stroke
    assert (page.ids() != ids).any()
    assert (page.ids()[page.ids() != ids] != VOID).all()


def test_a_reload_right_after_a_stroke_keeps_it(page: StudioPage) -> None:
    page.saved()
    door = page.paint_with("door")
    page.drag((20, 20), (60, 20))
    page.page.reload()
    page.ready()
    assert page.ids()[20, 40] == door


def test_two_tabs_keep_to_their_own_projects(page: StudioPage) -> None:
    context = page.page.context
    other = StudioPage.open(context, page.page.url)
    page.page.bring_to_front()  # nothing is drawn in hidden tabs
    page.paint_with("door")
    page.drag((20, 20), (60, 20))
    other.page.bring_to_front()
    other.paint_with("shop")
    other.drag((100, 100), (60, 120))
    page.saved()
    other.saved()
    first, second = page.ids(), other.ids()
    assert (first != second).any()
    for tab in (page, other):
        tab.page.reload()
        tab.ready()
    np.testing.assert_array_equal(page.ids(), first)
    np.testing.assert_array_equal(other.ids(), second)
    other.page.close()
    page.page.close()
    again = StudioPage.open(context, page.page.url)  # a new tab goes on with one that no tab has open
    assert any(np.array_equal(again.ids(), one) for one in (first, second))
