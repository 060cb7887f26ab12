"""Everybody can use it: with a keyboard alone, by a screen reader, without a network, behind a strict policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from studio_page import StudioPage

MAX_WEIGHT = 400_000


def serious(page: StudioPage, repository: Path) -> list[str]:
    """What axe-core finds serious or worse."""
    script = repository / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("axe-core is absent: `make setup` brings it")
    page.run(script.read_text() + "; undefined")
    found = page.run("async () => (await axe.run()).violations")
    return [
        f"{item['id']}: {node['target']} {node['failureSummary']}"
        for item in found
        for node in item["nodes"]
        if item["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit: Callable[..., StudioPage], repository: Path, scheme: str) -> None:
    page = visit(color_scheme=scheme)
    assert serious(page, repository) == []
    page.tool("object")
    page.click((60, 110))
    page.page.click("#layers")
    assert serious(page, repository) == []
    if scheme == "dark":
        return  # the colours are the same in all windows
    page.press("Escape")
    page.page.click("#variations")
    page.page.locator(".variations button").first.wait_for()
    assert serious(page, repository) == []
    page.press("Escape")
    page.blank()
    page.press("Shift+Slash")
    assert serious(page, repository) == []


def test_a_session_with_the_keyboard_alone(page: StudioPage) -> None:
    page.press("Alt+KeyN")
    page.page.locator("dialog .card.blank").focus()
    page.press("Enter")
    page.page.locator("#layout-canvas").focus()
    page.press("Digit3", "KeyR")  # window, rectangle
    window = page.run("() => studio.store.painting.classId")
    assert page.run("() => studio.store.nameOf(studio.store.painting.classId)") == "window"
    page.press("ArrowLeft", "Enter")
    for _ in range(3):
        page.press("Shift+ArrowRight", "Shift+ArrowDown")
    page.press("Enter")
    ids = page.ids()
    assert (ids[128:159, 127:158] == window).all()
    assert (ids == window).sum() == 31 * 31
    assert page.text("#live") == "Done"
    page.press("KeyV", "Enter")
    page.press("ArrowUp")
    assert (page.ids()[127:158, 127:158] == window).all()
    page.press("KeyD")
    assert (page.ids() == window).sum() == 2 * 31 * 31
    page.press("Delete")
    assert (page.ids() == window).sum() == 31 * 31
    page.press("KeyZ", "KeyZ", "KeyZ")
    np.testing.assert_array_equal(page.ids(), ids)
    page.settled()
    before = page.photo()
    page.press("KeyK")
    page.settled()
    assert (page.photo() != before).any()
    assert page.download_by("Control+KeyS")[:2] == b"PK"
    assert page.problems == []


def test_keys_can_be_changed(page: StudioPage) -> None:
    page.press("Shift+Slash")
    page.page.get_by_label("change the key of Fill").click()
    page.press("KeyW")
    page.press("Escape")
    page.press("KeyW")
    assert page.run("() => studio.store.painting.tool") == "fill"
    page.page.reload()
    page.ready()
    page.press("KeyB", "KeyW")
    assert page.run("() => studio.store.painting.tool") == "fill"


def test_the_page_is_light_and_asks_nobody_else(page: StudioPage) -> None:
    loaded = page.run("""() => performance.getEntries().filter((one) => "encodedBodySize" in one)
      .map((one) => [one.name, one.encodedBodySize])""")
    loaded = [(urlsplit(name), size) for name, size in loaded if not name.startswith(("blob:", "data:"))]
    assert {address.netloc for address, _ in loaded} == {urlsplit(page.page.url).netloc}
    files = [size for address, size in loaded if not address.path.startswith("/api/")]
    assert len(files) > 20
    assert 50_000 < sum(files) <= MAX_WEIGHT
    assert page.problems == []  # the policy of the page reports what it forbids


@pytest.mark.parametrize(
    "size", [(1280, 800), pytest.param((3840, 2160), marks=pytest.mark.slow), (1024, 768), (820, 1180)]
)
def test_nothing_is_cut_off(visit: Callable[..., StudioPage], size: tuple[int, int]) -> None:
    page = visit(viewport={"width": size[0], "height": size[1]})
    width, height = page.run("() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert (width, height) <= size
    for part in ("#new", "#export", "#dice", "#layout-canvas", "#photo-canvas", "[role=radio]", "#undo"):
        box = page.page.locator(part).first.bounding_box()
        assert box, part
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= size[0] + 1, part
        assert box["y"] + box["height"] <= size[1] + 1, part
