"""What a person paints is in the layout to the pixel, and the photo follows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from studio_page import StudioPage, changed

VOID = 65535


def test_a_window_is_painted_and_the_photo_changes_there(page: StudioPage) -> None:
    before, photo = page.ids(), page.photo()
    window = page.paint_with("window")
    page.tool("rectangle")
    page.drag((100, 30), (140, 60))
    page.settled()
    after = page.ids()
    assert (after[30:61, 100:141] == window).all()
    outside = np.ones(before.shape, bool)
    outside[30:61, 100:141] = False
    assert (after == before)[outside].all()
    inside, elsewhere = changed(page.photo(), photo, (30, 100, 61, 141))
    assert inside > 5
    assert inside > 4 * elsewhere
    assert page.problems == []


def test_painting_on_the_photo_paints_the_layout(page: StudioPage) -> None:
    door = page.paint_with("door")
    page.brush(5)
    page.drag((40, 20), (60, 20), canvas="photo-canvas")
    assert (page.ids()[18:23, 40:61] == door).all()


def test_fill_takes_one_region_and_with_shift_all(page: StudioPage) -> None:
    before = page.ids()
    window = page.paint_with("window")
    shop = page.paint_with("shop")
    page.tool("fill")
    rows, columns = np.nonzero(before == window)
    place = int(columns[0]), int(rows[0])
    page.click(place)
    once = page.ids()
    assert once[place[1], place[0]] == shop
    assert 0 < (once == window).sum() < (before == window).sum()
    page.press("KeyZ")
    page.page.keyboard.down("Shift")
    page.click(place)
    page.page.keyboard.up("Shift")
    after = page.ids()
    assert ((after == shop) == np.isin(before, (window, shop))).all()


def test_every_drawing_tool_brings_its_class_alone(page: StudioPage) -> None:
    before = page.ids()
    cornice = page.paint_with("cornice")
    for tool in ("brush", "line", "rectangle", "ellipse", "polygon"):
        page.tool(tool)
        page.drag((30, 120), (60, 150), (90, 100), (40, 95))
        after = page.ids()
        assert (after != before).any(), tool
        assert (after[after != before] == cornice).all(), tool
        page.press("Control+KeyZ")
        np.testing.assert_array_equal(page.ids(), before)
    page.tool("eraser")
    page.drag((30, 120), (90, 130))
    assert (page.ids()[page.ids() != before] == VOID).all()


def test_polygons_by_clicks_close_with_enter(page: StudioPage) -> None:
    page.blank()
    shop = page.paint_with("shop")
    page.tool("polygon")
    for place in ((20, 20), (60, 20), (60, 50), (20, 50)):
        page.click(place)
    page.press("Enter")
    assert (page.ids()[20:51, 20:61] == shop).all()
    assert (page.ids() == shop).sum() == 31 * 41
    assert page.run("() => studio.store.history.done.length") == 1


def test_only_over_and_the_eraser_s_ground(page: StudioPage) -> None:
    before = page.ids()
    facade, window = page.paint_with("facade"), page.paint_with("window")
    page.paint_with("deco")
    page.tool("rectangle")
    page.page.get_by_label("Only over").select_option("window")
    page.drag((0, 0), (255, 255))
    after = page.ids()
    assert (after == page.run("() => studio.store.painting.classId")).sum() >= (before == window).sum()
    assert ((after != before) == (before == window)).all()
    page.tool("eraser")
    page.page.get_by_label("Only over").select_option("anything")
    page.page.get_by_label("Leaves").select_option("facade")
    page.brush(9)
    page.drag((50, 10), (80, 10))
    assert (page.ids()[6:15, 50:81] == facade).all()


_FIFTY = """() => {
  const { store } = studio;
  const canvas = document.getElementById("layout-canvas");
  const box = canvas.getBoundingClientRect();
  const states = (window.states = []);
  const keep = () => states.push(`${store.layer.ids.join()} ${store.layer.instances.join()}`);
  const put = (type, x, y) => {
    const place = { clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true };
    canvas.dispatchEvent(new PointerEvent(type, { ...place, pointerId: 1, button: 0, buttons: 1 }));
  };
  keep();
  for (let i = 0; i < 50; i++) {
    store.chooseClass(store.model.classes.classes[i % 12].id);
    store.setBrush({ size: 1 + (i % 23) });
    put("pointerdown", 0.2 + i / 100, 0.3 + i / 150);
    put("pointermove", 0.7 - i / 200, 0.35 + i / 120);
    put("pointerup", 0.7 - i / 200, 0.35 + i / 120);
    keep();
  }
  return new Set(states).size;
}"""
_STATE = "() => window.states.indexOf(`${studio.store.layer.ids.join()} ${studio.store.layer.instances.join()}`)"


def test_fifty_strokes_are_undone_and_redone_to_identical_ids(page: StudioPage) -> None:
    page.run("() => studio.store.look({ live: false })")
    assert page.run(_FIFTY) == 51
    page.page.locator("#layout-canvas").focus()
    for i in reversed(range(50)):
        page.press("Control+KeyZ")
        if i % 10 == 0:
            assert page.run(_STATE) == i
    for _ in range(50):
        page.press("Control+Shift+KeyZ")
    assert page.run(_STATE) == 50


@pytest.mark.parametrize(
    "ratio", [1.5, pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]
)
def test_the_brush_brings_its_id_alone_at_any_zoom_pressure_and_density(
    visit: Callable[..., StudioPage], ratio: float
) -> None:
    page = visit(device_scale_factor=ratio)
    rng = np.random.default_rng(3)
    pen = """([id, type, x, y, pressure]) => {
      const canvas = document.getElementById("layout-canvas");
      const common = { pointerType: "pen", pointerId: 7, pressure, clientX: x, clientY: y, bubbles: true };
      canvas.dispatchEvent(new PointerEvent(type, { ...common, buttons: pressure > 0 ? 1 : 0, button: 0 }));
    }"""
    for zoom in (0.3, 3.1):
        page.run("(zoom) => studio.stage.zoom(zoom)", zoom)
        before = page.ids()
        brush = page.paint_with(rng.choice(["door", "molding", "blind"]))
        for i in range(12):
            x, y = page.at((float(rng.uniform(60, 200)), float(rng.uniform(60, 200))))
            kind = "pointerdown" if i == 0 else "pointerup" if i == 11 else "pointermove"
            page.run(pen, ["", kind, x + rng.uniform(0, 1), y + rng.uniform(0, 1), float(rng.uniform(0.05, 1))])
        after = page.ids()
        assert (after != before).any()
        assert (after[after != before] == brush).all()


def test_a_finger_paints_and_two_zoom(visit: Callable[..., StudioPage]) -> None:
    page = visit(has_touch=True, viewport={"width": 1024, "height": 768})
    devtools = page.page.context.new_cdp_session(page.page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    door = page.paint_with("door")
    page.brush(7)
    touch("touchStart", page.at((60, 30)))
    for x in range(70, 130, 10):
        touch("touchMove", page.at((x, 30)))
    touch("touchEnd")
    assert (page.ids()[28:32, 62:118] == door).all()
    painted, scale = page.ids(), page.run("() => studio.stage.camera.scale")
    (x, y), far = page.at((128, 128)), 40
    touch("touchStart", (x - far, y))
    touch("touchStart", (x - far, y), (x + far, y))
    for wider in range(far, 3 * far, 10):
        touch("touchMove", (x - wider, y), (x + wider, y))
    touch("touchEnd")
    assert page.run("() => studio.stage.camera.scale") > 1.8 * scale
    np.testing.assert_array_equal(page.ids(), painted)
