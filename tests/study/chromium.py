"""A participant in a real browser."""

from __future__ import annotations

import re
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


def wait_for_text(page: Any, selector: str, expected: str | re.Pattern[str]) -> None:
    """Wait until an element has a text; page.wait_for_function would need the eval that the page's policy forbids."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_text(expected, timeout=60_000)


@contextmanager
def all_loaded(page: Any) -> Iterator[None]:
    """At the end of the block, everything that the page asked for within it has arrived."""
    waiting: set[Any] = set()
    page.on("request", lambda one: waiting.add(one))
    page.on("requestfinished", lambda one: waiting.discard(one))
    page.on("requestfailed", lambda one: waiting.discard(one))
    yield
    while waiting:
        page.wait_for_timeout(20)


def answer(page: Any, position: int, total: int, choose: Callable[[int], str], timed: bool) -> None:
    """One pair, by the keyboard."""
    wait_for_text(page, "#count", f"{position + 1} of {total}")
    if timed:
        page.wait_for_selector("#show:not([hidden])")
        page.keyboard.press("Space")
    page.wait_for_selector("#choose-left:enabled", timeout=60_000)
    page.keyboard.press({"left": "ArrowLeft", "right": "ArrowRight", "tie": "ArrowDown"}[choose(position)])
