"""A participant in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, or a skipped test."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no Chromium at {CHROMIUM}")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield opened
        opened.close()


def begin(page: Any, url: str) -> None:
    """Consent, instructions and the screen check."""
    page.goto(url)
    page.click("#agree")
    page.click("#understood")
    page.wait_for_selector("#start:enabled")
    page.click("#start")
    page.wait_for_selector("#trial:not([hidden])")


def answer(page: Any, position: int, total: int, choose: Callable[[int], str], timed: bool) -> None:
    """One pair, by the keyboard."""
    page.wait_for_function(f"document.getElementById('count').textContent === '{position + 1} of {total}'")
    if timed:
        page.wait_for_selector("#show:not([hidden])")
        page.keyboard.press("Space")
    page.wait_for_selector("#choose-left:enabled")
    page.keyboard.press({"left": "ArrowLeft", "right": "ArrowRight", "tie": "ArrowDown"}[choose(position)])
