"""Bars in terminals of several widths."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from semsynth.cli import progress
from semsynth.training.log import LogLine

TERMS = {f"generator/term_number_{number}": 1.2345e-5 * 10**number for number in range(9)}
LINE = LogLine(123_450, 12, 246_900, 3600.0, 12.34, {"generator": 2e-4}, TERMS)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> io.StringIO:
    """What a terminal of ``width`` columns gets on stderr."""
    written = io.StringIO()

    def console(**options: object) -> Console:
        return Console(file=written, force_terminal=True, width=width, color_system=None, soft_wrap=True)

    monkeypatch.setattr(progress, "Console", console)
    return written


def lines(written: io.StringIO) -> list[str]:
    return re.sub(r"\x1b\[[\d?;]*\w", "", written.getvalue().replace("\r", "\n")).splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_count_and_time_left_stay_beside_the_training_bar(terminal: io.StringIO, width: int) -> None:
    with progress.ProgressBar() as bar:
        bar.started(123_400, 1_000_000)
        bar(123_449, 1_000_000)
        bar.logged(LINE)
        bar(123_450, 1_000_000)
        bar.bar.refresh()
        assert any(re.search(r"training .*123450/1000000 \d:\d\d:\d\d$", line) for line in lines(terminal))
    shown = "".join(lines(terminal)).replace(" ", "")
    assert [name for name, value in TERMS.items() if f"{name.partition('/')[2]}{value:.3g}" not in shown] == []


@pytest.mark.parametrize("width", [60, 80, 100])
def test_count_and_time_left_stay_beside_bars_with_long_names(terminal: io.StringIO, width: int) -> None:
    with progress.stage_bars() as begin:
        begin("a part of a job that somebody gave a name of more than seventy characters")(12_345, 1_000_000)
    assert any("12345/1000000 -:--:--" in line for line in lines(terminal))
