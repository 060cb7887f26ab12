"""How long one waits in the studio, without the browser: label PNG in, photo out, over loopback.

    python benchmarks/studio.py [--strokes 200] [--memory-strokes 1000] [--film] [--json FILE]

Starts ``semsynth studio`` with the bundled model and paints scripted strokes (discs and rectangles of random classes)
on five drawn fronts: in one style, as people paint, and in another style each time, where nothing of the last photo can
be kept. *Film* is a drag: 40 movements of a brush of 8 pixels, with a photo after each, and one of the same layout that
is made as a whole; ``--film`` prints all times. *Rush* sends 30 strokes a second for some seconds, as a fast hand does:
most of them must be overtaken, and none may wait long. *Memory* is the server's resident memory while strokes go on.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
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
RUSH = f"Rush: {RATE} strokes a second"


class Client:
    """One connection to the server, as a browser keeps it."""

    def __init__(self, port: int, name: str | None = None) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.name = name

    def photo(self, label: bytes, stroke: int = 0, seed: int = 0) -> tuple[int, dict[str, str], float]:
        """Status, headers and milliseconds of one request."""
        boundary = "stroke-of-the-benchmark"
        asked = json.dumps({"client": self.name, "stroke": stroke, "seed": seed}).encode()
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
    """Label PNGs: a front with one stroke more each time, which changes it: no cache can answer."""
    rng = np.random.default_rng(seed)
    labels = draw_facade(seed).labels.copy()
    while True:
        before = labels.copy()
        labels[_shape(rng, labels.shape)] = rng.integers(12)
        if (labels != before).any():
            yield encode_png(labels)


def drag(seed: int, count: int, brush: int = 8) -> Iterator[bytes]:
    """Label PNGs: a front, then one movement of a brush more each time, on a winding way across it."""
    labels = draw_facade(seed).labels.copy()
    yield encode_png(labels)
    height, width = labels.shape
    rows, columns = np.ogrid[:height, :width]
    label = (labels[height // 2, width // 8] + 5) % 12
    for step in range(count):
        for part in (step, step + 0.5):
            column = width * (1 + 6 * part / count) / 8
            row = height * (0.5 + 0.2 * math.sin(9 * part / count))
            labels[(rows - row) ** 2 + (columns - column) ** 2 <= brush**2 / 4] = label
        yield encode_png(labels)


def _shape(rng: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.bool_]:
    """[H,W] bool: a disc of 2 to 24 pixels' radius, or a rectangle as large."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    row, column, radius = rng.integers(size[0]), rng.integers(size[1]), rng.integers(2, 25)
    if rng.random() < 0.5:
        return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)
    return np.asarray((abs(rows - row) <= radius) & (abs(columns - column) <= radius // 2 + 1))


def latency(port: int, process: int, count: int, *, one_style: bool) -> dict[str, Any]:
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
            status, headers, milliseconds = client.photo(next(labels), stroke, 0 if one_style else stroke)
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


def film(port: int, count: int = 40) -> dict[str, list[float]]:
    """Milliseconds from request to photo for each movement of a drag; a drag somewhere else came before it."""
    anybody = Client(port)
    for seed in (99, 7):
        client = Client(port, uuid.uuid4().hex)
        times: dict[str, list[float]] = {"stroke": [], "whole photo": []}
        for stroke, label in enumerate(drag(seed, count)):
            of_stroke, of_whole = client.photo(label, stroke), anybody.photo(label, seed=1)
            assert (of_stroke[0], of_whole[0]) == (200, 200)
            if stroke:
                times["stroke"].append(of_stroke[2])
                times["whole photo"].append(of_whole[2])
    return times


def rush(port: int, seconds: float) -> dict[str, Any]:
    """30 strokes a second from several connections, as a browser opens them."""
    name, labels = uuid.uuid4().hex, strokes(7)
    found: list[tuple[int, float]] = []
    idle = [Client(port, name) for _ in range(6)]
    free = threading.Semaphore(len(idle))
    threads = []

    def send(label: bytes, stroke: int) -> None:
        client = idle.pop()
        status, _, milliseconds = client.photo(label, stroke, stroke)
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
    """MiB of the server after so many strokes more, in one style."""
    client, labels = Client(port, uuid.uuid4().hex), strokes(7)
    rows = [{"strokes": 0, "mib": _resident(process)}]
    for done in range(1, count + 1):
        assert client.photo(next(labels), done)[0] == 200
        if done % max(1, count // 5) == 0:
            rows.append({"strokes": done, "mib": _resident(process)})
    return rows


def _print_film(times: dict[str, list[float]], *, every: bool) -> None:
    rows = []
    for name, values in times.items():
        p50, p90 = statistics.median(values), statistics.quantiles(values, n=10)[-1]
        rows.append([name, *(f"{value:.0f}" for value in (p50, p90, max(values)))])
        if every:
            print(f"{name}:", " ".join(f"{value:.0f}" for value in values))
    print_table("Film: a drag of 40 movements", ["", "p50_ms", "p90_ms", "max_ms"], rows)


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
    parser.add_argument("--film", action="store_true", help="the drag alone, with all its times")
    arguments = parser.parse_args()
    with server() as (port, process):
        times = film(port)
        _print_film(times, every=arguments.film)
        if arguments.film:
            return
        found = {
            name: latency(port, process, arguments.strokes, one_style=one_style)
            for name, one_style in (("one style", True), ("another style each time", False))
        }
        rushed = rush(port, arguments.rush_seconds)
        grown = memory(port, process, arguments.memory_strokes)
    for title, values in (*((f"Stroke to photo, {name}", row) for name, row in found.items()), (RUSH, rushed)):
        print_table(title, list(values), [[f"{value:.0f}" for value in values.values()]])
    print_table(
        "Memory of the server", ["strokes", "MiB"], [[f"{row['strokes']}", f"{row['mib']:.0f}"] for row in grown]
    )
    if arguments.json:
        write_report(arguments.json, {"film": times, "latency": found, "rush": rushed, "memory": grown})


if __name__ == "__main__":
    main()
