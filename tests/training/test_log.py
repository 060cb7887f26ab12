"""Terms on their way to the log."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest
import torch

from semsynth.training.log import BadTerm, Clock, LogLine, LogWriter, TermWindow, last_line, read_lines


def line(step: int) -> LogLine:
    return LogLine(step, 0, step, 1.0, 2.0, {"generator": 1e-4}, {"generator/adversarial": 0.5})


def test_window_gives_means_and_forgets() -> None:
    window = TermWindow()
    window.add(1, "g", {"a": torch.tensor(1.0, requires_grad=True), "b": torch.tensor(5.0, dtype=torch.float64)})
    window.add(2, "g", {"a": torch.tensor(4.0, dtype=torch.bfloat16)})
    assert window.close(lambda values: values) == ({"g/a": 2.5, "g/b": 5.0}, None)
    assert window.close(lambda values: values) == ({}, None)


def test_window_finds_the_first_bad_term() -> None:
    window = TermWindow()
    window.add(1, "g", {"a": torch.tensor(1.0)})
    window.add(2, "g", {"a": torch.tensor(1.0), "b": torch.tensor(-math.inf)})
    window.add(3, "g", {"a": torch.tensor(math.nan)})
    assert window.close(lambda values: values)[1] == BadTerm(2, "g/b", -math.inf)


def test_window_reads_what_the_processes_agree_on() -> None:
    window = TermWindow()
    window.add(1, "g", {"a": torch.tensor(1.0), "b": torch.tensor(2.0)})
    assert window.close(lambda values: values + 1)[0] == {"g/a": 2.0, "g/b": 3.0}


def test_writer_appends_and_drops_what_a_crash_left(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    writer = LogWriter(path, tmp_path / "events", 0)
    for step in (1, 2, 3):
        writer.write(line(step))
    writer.close()
    path.write_text(path.read_text() + '{"step": 4, "ep')
    writer = LogWriter(path, tmp_path / "events", 2)
    writer.write(line(3))
    writer.close()
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert [one["step"] for one in lines] == [1, 2, 3]
    assert lines[0]["terms"] == {"generator/adversarial": 0.5}


def test_clock_adds_up_sessions_and_measures_laps(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clock = Clock(100.0)
    assert clock.seconds == 100.0
    clock.start(5)
    now += 4
    assert clock.seconds == 104.0
    assert clock.lap(7) == 0.5
    now += 1
    assert clock.lap(10) == 3.0


BROKEN = [
    b"\xff\xfe{}",
    b'{"step": Infinity}',
    b'{"step": NaN}',
    b'{"step": 1e999}',
    b'{"step": ' + b"9" * 5000 + b"}",
    b'{"step": true',
    b'{"step": "2"}',
    b"[" * 100_000,
    b"[1]",
    b"2",
    b"null",
    b'{"step": 1}',
]


@pytest.mark.parametrize("broken", BROKEN)
def test_lines_that_are_none_are_passed_over(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "log.jsonl"
    writer = LogWriter(path, tmp_path / "events", 0)
    writer.write(line(1))
    writer.close()
    path.write_bytes(path.read_bytes() + broken + b"\n")
    assert last_line(path) == line(1)
    writer = LogWriter(path, tmp_path / "events", 1)
    writer.write(line(2))
    writer.close()
    assert read_lines(path) == [line(1), line(2)]
