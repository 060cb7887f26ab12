"""Whatever ends a command, ends it in one line."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from semsynth.cli.last_net import last_net
from semsynth.version import __version__

COMMAND = """
import sys, time
import semsynth.cli.main as main

def boom(kind: str) -> None:
    if kind == "wait":
        print("waiting", flush=True)
        time.sleep(60)
    raise {"key": KeyError("the_key"), "text": ValueError("a\\nb" + 5000 * "x")}[kind]

main.app.command("boom")(boom)
main.main()
"""


def command(tmp_path: Path, kind: str) -> subprocess.Popen[str]:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    arguments = [sys.executable, "-c", COMMAND, "boom", kind]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize(("kind", "said"), [("key", "KeyError"), ("text", "ValueError")])
def test_a_mistake_is_one_line_with_version_trace_and_what_to_do(tmp_path: Path, kind: str, said: str) -> None:
    process = command(tmp_path, kind)
    _, errors = process.communicate(timeout=60)
    (line,) = errors.splitlines()
    (trace,) = tmp_path.glob("semsynth-error-*.txt")
    assert process.returncode == 70
    assert line.startswith(f"error: unexpected {said} in semsynth {__version__}")
    assert "report it" in line
    assert line.endswith(str(trace))
    assert len(line) < 600
    text = trace.read_text()
    assert "Traceback (most recent call last)" in text
    assert f"command: boom {kind}" in text
    assert __version__ in text


def test_without_a_place_for_the_trace_it_is_printed(tmp_path: Path) -> None:
    code = f"import tempfile; tempfile.tempdir = {str(tmp_path / 'no')!r}\n{COMMAND}"
    with subprocess.Popen([sys.executable, "-c", code, "boom", "key"], stderr=subprocess.PIPE, text=True) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 70
    assert "Traceback" in errors
    assert errors.splitlines()[-1].startswith("error: unexpected KeyError")


def test_ctrl_c_says_what_is_left(tmp_path: Path) -> None:
    process = command(tmp_path, "wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.startswith("stopped: nothing half-written stays")
    assert len(errors.splitlines()) == 1


REFUSED = [
    (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "error: /a/b: the disk is full"),
    (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 5000), "error: xxx.*the name is too long"),
    (PermissionError(errno.EACCES, "Permission denied", "/a/x"), "error: /a/x: no permission"),
    (MemoryError(), "error: there is not enough memory"),
    (torch.OutOfMemoryError("CUDA out of memory"), "error: there is not enough memory"),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "error: there is not enough memory"),
]


@pytest.mark.parametrize(("error", "said"), REFUSED)
def test_what_the_system_refuses_is_no_mistake(error: Exception, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    import re

    with pytest.raises(SystemExit) as ended, last_net():
        raise error
    line = capsys.readouterr().err
    assert ended.value.code == 2
    assert re.match(said, line)
    assert len(line) < 500


def test_a_closed_pipe_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), last_net():
        raise BrokenPipeError
    assert capsys.readouterr().err == ""
