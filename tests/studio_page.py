"""The studio in a browser, as tests use it: places are pixels of the layout."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Place = tuple[float, float]

_ARRAY = """(name) => {
  const bytes = new Uint8Array(studio.store.layer[name].buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}"""

_AT = """async ([id, x, y]) => {
  // Parts of the page that have changed are laid out and observed in the next frame, which this one waits for.
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const box = document.getElementById(id).getBoundingClientRect();
  const camera = studio.stage.camera;
  const { width, height } = studio.store.layer;
  return [
    box.left + box.width / 2 + camera.x + (x + 0.5 - width / 2) * camera.scale,
    box.top + box.height / 2 + camera.y + (y + 0.5 - height / 2) * camera.scale,
  ];
}"""

_PHOTO = """async () => {
  const blob = await studio.exports.photoFile();
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}"""


class StudioPage:
    """One tab."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.problems: list[str] = []
        """What the page's console complained about."""
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda line: self.problems.append(line.text) if line.type == "error" else None)

    @classmethod
    def open(cls, context: Any, url: str) -> StudioPage:
        opened = cls(context.new_page())
        opened.page.goto(url)
        opened.ready()
        return opened

    def ready(self) -> None:
        self.page.wait_for_selector("body[data-ready]")
        self.settled()

    def run(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def until(self, condition: str, seconds: float = 20) -> None:
        """Wait for an expression to be true. (Playwright's own way needs `eval`, which the page's policy forbids.)"""
        end = time.monotonic() + seconds
        while not self.run(f"() => Boolean({condition})"):
            assert time.monotonic() < end, f"never true: {condition}"
            self.page.wait_for_timeout(20)

    def settled(self) -> None:
        """The photo shows what is there, or there is nothing to show."""
        self.page.wait_for_selector("#photo-pane[aria-busy=false]", state="attached")

    def photo_is(self, state: str) -> None:
        """Wait for the photo to be ``ready``, ``empty``, ``trying`` or ``refused``."""
        self.page.wait_for_selector(f"#photo-state[data-state={state}]", state="attached")

    def saved(self) -> None:
        """Everything is in the browser's storage."""
        self.page.wait_for_selector("#saved[data-state=saved]")

    def ids(self) -> NDArray[np.uint16]:
        return self._array("ids")

    def instances(self) -> NDArray[np.uint16]:
        return self._array("instances")

    def _array(self, name: str) -> NDArray[np.uint16]:
        values = np.frombuffer(base64.b64decode(self.run(_ARRAY, name)), np.uint16)
        return values.reshape(self.run("() => [studio.store.layer.height, studio.store.layer.width]"))

    def photo(self) -> NDArray[np.uint8]:
        """[H,W,3]: the photo as it would be saved."""
        with Image.open(io.BytesIO(base64.b64decode(self.run(_PHOTO)))) as opened:
            return np.asarray(opened.convert("RGB"))

    def at(self, place: Place, canvas: str = "layout-canvas") -> Place:
        """Where a pixel of the layout is on the page."""
        x, y = self.run(_AT, [canvas, *place])
        return x, y

    def drag(self, *places: Place, canvas: str = "layout-canvas", steps: int = 2) -> None:
        mouse = self.page.mouse
        mouse.move(*self.at(places[0], canvas))
        mouse.down()
        for place in places[1:]:
            mouse.move(*self.at(place, canvas), steps=steps)
        mouse.up()

    def click(self, place: Place, canvas: str = "layout-canvas") -> None:
        self.page.mouse.click(*self.at(place, canvas))

    def tool(self, name: str) -> None:
        self.page.click(f"[data-tool={name}]")

    def paint_with(self, name: str) -> int:
        """Choose a class in the palette; returns its id."""
        self.page.get_by_role("radio", name=name).click()
        return int(self.run("() => studio.store.painting.classId"))

    def brush(self, size: int) -> None:
        self.run("(size) => studio.store.setBrush({ size })", size)

    def blank(self) -> None:
        self.page.click("#new")
        self.page.click("dialog .card.blank")
        self.settled()

    def download(self, opener: str, label: str | None = None) -> bytes:
        """What a button, or an entry of its menu, hands out."""
        with self.page.expect_download() as started:
            self.page.click(opener)
            if label is not None:
                self.page.click(f".menu >> text={label}")
        return Path(started.value.path()).read_bytes()

    def download_by(self, key: str) -> bytes:
        """What a key hands out."""
        with self.page.expect_download() as started:
            self.press(key)
        return Path(started.value.path()).read_bytes()

    def open_file(self, name: str, content: bytes) -> None:
        """As if it was dropped on the page."""
        script = """async ([name, text]) => {
          const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
          await studio.menus.file(new File([bytes], name));
        }"""
        self.run(script, [name, base64.b64encode(content).decode()])

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).inner_text())


def changed(a: NDArray[Any], b: NDArray[Any], box: Sequence[int]) -> tuple[float, float]:
    """Mean difference inside and outside of (top, left, bottom, right)."""
    difference = np.abs(a.astype(float) - b.astype(float))
    inside = np.zeros(a.shape[:2], bool)
    inside[box[0] : box[2], box[1] : box[3]] = True
    return float(difference[inside].mean()), float(difference[~inside].mean())
