"""Servers as processes of their own, which can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import free_port

RUN = "from semsynth.cli.main import main; main()"


class ServerProcess:
    """``semsynth study serve`` on one port, through deaths and restarts."""

    def __init__(self, study: Path, db: str | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._arguments = ["study", "serve", str(study), "--port", str(self.port), *(["--db", db] if db else [])]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", RUN, *self._arguments], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("participants:")

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def served(study: Path, db: str | None = None) -> Iterator[ServerProcess]:
    server = ServerProcess(study, db)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def wait_until(true: object, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.02)
