"""How long one waits in the studio, in a browser: from the stroke's end to the photo, from the pointer to the pixel.

    python benchmarks/studio_browser.py [--strokes 200] [--json FILE]

Starts ``semsynth studio`` with the bundled facades and opens it in a headless Chromium that shares the machine with the
server and draws without a graphics card. Strokes are scripted pointer events on five drawn fronts, painted while the
photo follows. *Stroke to photo* is from the pointer's release to the end of the frame that shows the photo of the final
layout. *Pointer to pixel* is what the page does between a movement of the pointer on a layout of 1024x1024 and the
painted pixel (the event's handling and the drawing of the panes); *with the wait for the frame* adds the time until the
browser asks for one.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from report import print_table, write_report

LAYOUTS = ("facade-0", "facade-7", "facade-14", "facade-18", "facade-27")
VIEWPORT = {"width": 1280, "height": 800}

STROKES = """async ([name, count]) => {
  const { store, menus, stage } = studio;
  await menus.example({ name, instances: false });
  const canvas = document.getElementById("layout-canvas");
  const frame = () => new Promise(requestAnimationFrame);
  const idle = () => document.querySelector("#photo-pane[aria-busy=false]") && store.progress.state === "ready";
  const times = [];
  for (let i = 0; i < count; i++) {
    while (!idle()) await frame();
    await frame();
    const box = canvas.getBoundingClientRect();
    const put = (type, u, v) => {
      const at = { clientX: box.left + u * box.width, clientY: box.top + v * box.height, bubbles: true };
      canvas.dispatchEvent(new PointerEvent(type, { ...at, pointerId: 1, button: 0, buttons: 1 }));
    };
    store.chooseClass(store.model.classes.classes[1 + (i % 11)].id);
    store.setBrush({ size: 3 + (i % 18) });
    const [u, v] = [0.25 + 0.5 * ((i * 0.618) % 1), 0.3 + 0.4 * ((i * 0.414) % 1)];
    put("pointerdown", u, v);
    for (let k = 1; k <= 8; k++) {
      await frame();
      put("pointermove", u + 0.015 * k, v + 0.01 * Math.sin(k + i));
    }
    const start = performance.now();
    put("pointerup", u + 0.12, v);
    do await frame(); while (!idle());
    stage.photo.draw();
    times.push(performance.now() - start);
  }
  return times;
}"""

PIXELS = """async (count) => {
  const { store, menus, stage } = studio;
  menus.blank({ width: 1024, height: 1024 });
  store.chooseClass(store.model.classes.classes[2].id);
  store.setBrush({ size: 24 });
  const canvas = document.getElementById("layout-canvas");
  const frame = () => new Promise(requestAnimationFrame);
  const box = canvas.getBoundingClientRect();
  const put = (type, i) => {
    const [u, v] = [0.5 + 0.3 * Math.cos(i / 9), 0.5 + 0.25 * Math.sin(i / 7)];
    const at = { clientX: box.left + u * box.width, clientY: box.top + v * box.height, bubbles: true };
    canvas.dispatchEvent(new PointerEvent(type, { ...at, pointerId: 1, button: 0, buttons: 1 }));
  };
  await frame();
  put("pointerdown", 0);
  const [work, whole] = [[], []];
  let drawing = 0;
  for (const pane of stage.panes) {
    const draw = pane.draw.bind(pane);
    pane.draw = () => {
      const start = performance.now();
      draw();
      drawing += performance.now() - start;
    };
  }
  for (let i = 1; i <= count; i++) {
    drawing = 0;
    const start = performance.now();
    put("pointermove", i);
    const handled = performance.now() - start;
    await frame();
    whole.push(performance.now() - start);
    work.push(handled + drawing);
  }
  put("pointerup", count);
  return [work, whole];
}"""

LOADED = """() => [
  performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
  performance.getEntries().filter((one) => one.encodedBodySize && !one.name.includes("/api/"))
    .reduce((sum, one) => sum + one.encodedBodySize, 0),
]"""


@contextmanager
def studio() -> Iterator[str]:
    """The address of a studio with the bundled facades.

    A process of its own, as people have it: drawing photos must not wait for the Python that drives the browser.
    """
    command = [sys.executable, "-m", "semsynth", "studio", "facades", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://\S+", line):
                yield found.group()
                return
        raise SystemExit("the studio did not start")
    finally:
        process.terminate()
        process.wait()


def measured(page: Page, strokes: int) -> dict[str, list[float]]:
    """Milliseconds of everything that is measured; ``bytes`` of the page."""
    painted, weight = page.evaluate(LOADED)
    page.evaluate(STROKES, [LAYOUTS[0], 5])  # the first ones warm up
    waits = [time for name in LAYOUTS for time in page.evaluate(STROKES, [name, strokes // len(LAYOUTS)])]
    work, whole = page.evaluate(PIXELS, strokes)
    return {
        "stroke to photo": waits,
        "pointer to pixel": work,
        "with the wait for the frame": whole,
        "first paint": [painted],
        "page (kB)": [weight / 1000],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with studio() as address, sync_playwright() as driver:
        found = shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport=VIEWPORT)
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        results = measured(page, options.strokes)
        browser.close()
    rows: list[dict[str, Any]] = [
        {"what": name, "p50": quantile(times, 0.5), "p95": quantile(times, 0.95), "n": len(times)}
        for name, times in results.items()
    ]
    cells = [[row["what"], f"{row['p50']:.0f}", f"{row['p95']:.0f}", str(row["n"])] for row in rows]
    print_table("The studio in a browser", ["", "p50, ms", "p95, ms", "of"], cells)
    if options.json:
        write_report(options.json, {"studio_browser": rows})


def quantile(values: list[float], part: float) -> float:
    """The value that ``part`` of the others do not exceed."""
    return sorted(values)[round(part * (len(values) - 1))]


if __name__ == "__main__":
    main()
