"""Make the pictures of docs/studio.md: a person draws a front from nothing, restyles it, looks at it.

python tools/studio_screenshots.py [--out docs/images]
"""

from __future__ import annotations

import argparse
import shutil
import threading
from pathlib import Path
from queue import Queue

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import semsynth

VIEWPORT = {"width": 1280, "height": 800}
COLORS = 255
"""Of the palette that the files are reduced to."""

Box = tuple[int, int, int, int]
FRONT: list[tuple[str, list[Box]]] = [
    ("background", [(0, 0, 255, 255)]),
    ("facade", [(30, 48, 225, 235)]),
    ("cornice", [(24, 40, 231, 50)]),
    ("molding", [(30, 176, 225, 182)]),
    ("window", [(x, y, x + 26, y + 36) for y in (64, 124) for x in (46, 92, 138, 184)]),
    ("sill", [(x - 3, y, x + 29, y + 5) for y in (101, 161) for x in (46, 92, 138, 184)]),
    ("shop", [(42, 196, 104, 234), (152, 196, 214, 234)]),
    ("door", [(116, 192, 140, 235)]),
]
"""What is drawn: rectangles (left, top, right, bottom) by class, in pixels of the layout."""

PLACE = """([x, y]) => {
  const box = document.getElementById("layout-canvas").getBoundingClientRect();
  const { camera } = studio.stage;
  const { width, height } = studio.store.layer;
  return [box.left + box.width / 2 + camera.x + (x + 0.5 - width / 2) * camera.scale,
          box.top + box.height / 2 + camera.y + (y + 0.5 - height / 2) * camera.scale];
}"""


class Camera:
    """Works the studio and takes its picture."""

    def __init__(self, page: Page, out: Path) -> None:
        self.page, self.out = page, out

    def settle(self) -> None:
        """Wait for the photo of what is there."""
        self.page.wait_for_selector("#photo-pane[aria-busy=false]", state="attached")
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def place(self, x: int, y: int) -> tuple[float, float]:
        """Where a pixel of the layout is on the page."""
        left, top = self.page.evaluate(PLACE, [x, y])
        return left, top

    def draw(self, name: str, box: Box) -> None:
        """Drag a rectangle of a class."""
        self.page.get_by_role("radio", name=name).click()
        self.page.click("[data-tool=rectangle]")
        self.page.mouse.move(*self.place(*box[:2]))
        self.page.mouse.down()
        self.page.mouse.move(*self.place(*box[2:]), steps=2)
        self.page.mouse.up()

    def take(self, name: str) -> None:
        """Write the picture, its colours reduced."""
        self.settle()
        path = self.out / f"studio-{name}.png"
        self.page.screenshot(path=path)
        with Image.open(path) as opened:
            small = opened.convert("RGB").quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        small.save(path, optimize=True)


def session(camera: Camera) -> None:
    """What the pictures show."""
    page = camera.page
    camera.take("start")
    page.click("text=Start with a blank sheet")
    camera.take("blank")
    for name, boxes in FRONT:
        for box in boxes:
            camera.draw(name, box)
    page.mouse.move(5, 300)
    camera.take("drawn")
    page.click("#variations")
    page.locator(".variations button").first.wait_for()
    camera.take("variations")
    page.locator(".variations button").nth(4).click()
    page.click("[data-tool=object]")
    page.mouse.click(*camera.place(104, 80))
    camera.take("object")
    page.keyboard.press("Escape")
    page.click("#theme")
    page.click("#view-modes [data-mode=wipe]")
    page.mouse.move(5, 300)
    camera.take("wipe")


def main() -> None:
    """Start a studio and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    addresses: Queue[str] = Queue()
    threading.Thread(target=semsynth.run_studio, kwargs={"port": 0, "ready": addresses.put}, daemon=True).start()
    address = addresses.get(timeout=120)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=VIEWPORT)
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        session(Camera(page, out))
        browser.close()


if __name__ == "__main__":
    main()
