"""How long one waits in the studio, without the browser: label PNG in, photo out, over loopback.

    python benchmarks/studio.py [--strokes 200] [--memory-strokes 1000] [--json FILE]

Starts ``semsynth studio`` with the bundled model and paints scripted strokes (discs and rectangles of random classes)
on five drawn fronts. *Rush* sends 30 strokes a second for some seconds, as a fast hand does: most of them must be
overtaken, and none may wait long. *Memory* is the server's resident memory while strokes go on.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import print_table, write_report

from semsynth.data.facades import draw_facade
from semsynth.images import encode_png

LAYOUTS = (0, 7, 14, 18, 27)
"""Seeds of the fronts that are painted on."""
RATE = 30
"""Strokes per second in the rush."""


class Client:
    """One connection to the server, as a browser keeps it."""

    def __init__(self, port: int, name: str | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.name = name

    def photo(self, label: bytes, stroke: int = 0, **options: Any) -> tuple[int, dict[str, str], float]:
        """Status, headers and milliseconds of one request; its seed is the stroke, so that no cache answers it."""
        boundary = "stroke-of-the-benchmark"
        asked = json.dumps(options | {"client": self.name, "stroke": stroke, "seed": stroke}).encode()
        parts = (b'name="options"', asked), (b'name="label"; filename="l.png"\r\nContent-Type: image/png', label)
        body = b"".join(
            b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (boundary.encode(), head, data)
            for head, data in parts
        )
        body += b"--%b--\r\n" % boundary.encode()
        start = time.perf_counter()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self.connection.request("POST", "/api/models/facades/synthesize", body, kind)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, 1000 * (time.perf_counter() - start)


@contextmanager
def server() -> Iterator[tuple[int, int]]:
    """A studio of its own: port and process id.

    A process, because its memory and its processor time are measured, and the requests must not share its Python.
    """
    command = [sys.executable, "-m", "semsynth", "studio", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r":(\d+)/", process.stdout.readline())
        assert found is not None, "the server did not start"
        yield int(found[1]), process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


def strokes(seed: int) -> Iterator[bytes]:
    """Label PNGs: a front with one stroke more each time."""
    rng = np.random.default_rng(seed)
    labels = draw_facade(seed).labels.copy()
    while True:
        labels[_shape(rng, labels.shape)] = rng.integers(12)
        yield encode_png(labels)


def _shape(rng: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """[H,W] bool: a disc of 2 to 24 pixels' radius, or a rectangle as large."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    row, column, radius = rng.integers(size[0]), rng.integers(size[1]), rng.integers(2, 25)
    if rng.random() < 0.5:
        return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)
    return np.asarray((abs(rows - row) <= radius) & (abs(columns - column) <= radius // 2 + 1))


def latency(port: int, process: int, count: int) -> dict[str, Any]:
    """Milliseconds from request to photo, one stroke after the other, and the server's time on all cores."""
    client = Client(port, uuid.uuid4().hex)
    times, stages = [], Counter[str]()
    stroke, busy = 0, 0.0
    for number, seed in enumerate((99, *LAYOUTS)):  # the first one warms up
        labels = strokes(seed)
        if number == 1:
            busy = _cpu_seconds(process)
        for _ in range(10 if number == 0 else count // len(LAYOUTS)):
            stroke += 1
            status, headers, milliseconds = client.photo(next(labels), stroke)
            assert status == 200, status
            if number:
                times.append(milliseconds)
                stages.update({k: float(v) for k, v in re.findall(r"(\w+);dur=([\d.]+)", headers["server-timing"])})
    return {
        "strokes": len(times),
        "p50_ms": statistics.median(times),
        "p95_ms": statistics.quantiles(times, n=20)[-1],
        "max_ms": max(times),
        "cpu_ms": 1000 * (_cpu_seconds(process) - busy) / len(times),
        **{f"{name}_ms": total / len(times) for name, total in stages.items()},
    }


def rush(port: int, seconds: float) -> dict[str, Any]:
    """30 strokes a second from several connections, as a browser opens them."""
    name, labels = uuid.uuid4().hex, strokes(7)
    found: list[tuple[int, float]] = []
    idle = [Client(port, name) for _ in range(6)]
    free = threading.Semaphore(len(idle))
    threads = []

    def send(label: bytes, stroke: int) -> None:
        client = idle.pop()
        status, _, milliseconds = client.photo(label, stroke)
        found.append((status, milliseconds))
        idle.append(client)
        free.release()

    start = time.perf_counter()
    for stroke in range(1, int(RATE * seconds) + 1):
        time.sleep(max(0, start + stroke / RATE - time.perf_counter()))
        free.acquire()
        threads.append(threading.Thread(target=send, args=(next(labels), stroke)))
        threads[-1].start()
    late = time.perf_counter() - start - seconds
    for thread in threads:
        thread.join()
    made = [milliseconds for status, milliseconds in found if status == 200]
    overtaken = [milliseconds for status, milliseconds in found if status == 204]
    return {
        "sent": len(found),
        "photos": len(made),
        "overtaken": len(overtaken),
        "photo_p50_ms": statistics.median(made),
        "overtaken_p50_ms": statistics.median(overtaken) if overtaken else 0.0,
        "last_photo_ms": made[-1],
        "sender_late_ms": 1000 * late,
    }


def memory(port: int, process: int, count: int) -> list[dict[str, Any]]:
    """MiB of the server after so many strokes more."""
    client, labels = Client(port), strokes(7)
    rows = [{"strokes": 0, "mib": _resident(process)}]
    for done in range(1, count + 1):
        assert client.photo(next(labels), done)[0] == 200
        if done % max(1, count // 5) == 0:
            rows.append({"strokes": done, "mib": _resident(process)})
    return rows


def _cpu_seconds(process: int) -> float:
    """Time that the process's threads ran."""
    status = Path(f"/proc/{process}/stat")
    if not status.exists():
        return float("nan")
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _resident(process: int) -> float:
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return float("nan")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
    return int(found[1]) / 1024 if found else float("nan")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--strokes", type=int, default=200)
    parser.add_argument("--rush-seconds", type=float, default=5)
    parser.add_argument("--memory-strokes", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with server() as (port, process):
        found = latency(port, process, arguments.strokes)
        rushed = rush(port, arguments.rush_seconds)
        grown = memory(port, process, arguments.memory_strokes)
    for title, values in (("Stroke to photo, over loopback", found), ("Rush: 30 strokes a second", rushed)):
        print_table(title, list(values), [[f"{value:.0f}" for value in values.values()]])
    print_table(
        "Memory of the server", ["strokes", "MiB"], [[f"{row['strokes']}", f"{row['mib']:.0f}"] for row in grown]
    )
    if arguments.json:
        write_report(arguments.json, {"latency": found, "rush": rushed, "memory": grown})


if __name__ == "__main__":
    main()
