"""Simulated people who take part over HTTP, many at once: a dry run of the server, with its answer times."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from semsynth.errors import SemsynthError
from semsynth.study.plan import PICTURES, StudyPlan, Trial
from semsynth.study.simulation import Population, SimulatedWorker, simulated_workers

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SCREEN = {"width": 1280, "height": 800, "pixel_ratio": 1, "frames_per_second": 60}
_Trials = Mapping[tuple[str, str, float | None], Trial]
"""By left picture, right picture and exposure: all that a participant gets to know."""
_LONGEST_WAIT = 2.0
"""Seconds between two attempts, at most."""


@dataclass
class Visit:
    """What simulated people met.

    Attributes:
        finished: people with a completion code.
        turned_away: people for whom there was no assignment.
        acknowledged: keys of answers that the server said it has stored.
        seconds: time of every answered request that stored an answer at the first attempt.
        retries: requests that were sent again.
    """

    finished: int = 0
    turned_away: int = 0
    acknowledged: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    retries: int = 0


def visit(
    url: str,
    plan: StudyPlan,
    operator: str,
    population: Population,
    people: int,
    pace: float,
    seed: int = 0,
    patience: float = 60,
) -> Visit:
    """Let simulated people do an assignment each, all at once; the server marks their answers as those of robots.

    Args:
        url: the server's address, on this machine.
        plan: of the study that it serves.
        operator: the operator's token of that study.
        population: how people answer.
        people: how many there are.
        pace: mean seconds from one answer of a person to the next.
        seed: draws people and answers.
        patience: seconds after which a request that cannot be sent is given up.

    Raises:
        SemsynthError: the address is none of this machine's, nothing answers there, or another study's server.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK or parts.port is None:
        raise SemsynthError(f"`server={url}`: expected http://127.0.0.1:PORT; simulated people visit this machine only")
    trials = {
        (trial.left_picture, trial.right_picture, trial.exposure): trial
        for assignment in plan.assignments
        for trial in assignment.trials
    }
    met = Visit()
    workers = islice(simulated_workers(plan, population, seed), people)

    async def everybody() -> None:
        async with asyncio.TaskGroup() as group:
            for number, worker in enumerate(workers):
                server = _Server(parts.hostname or "", parts.port or 0, met, patience)
                joining = {"worker": f"visitor-{seed}-{number}", "screen": _SCREEN, "robot": True}
                group.create_task(_take_part(server, operator, joining, worker, trials, pace))

    try:
        asyncio.run(everybody())
    except* SemsynthError as errors:
        raise errors.exceptions[0] from errors
    return met


async def _take_part(
    server: _Server,
    operator: str,
    joining: Mapping[str, object],
    worker: SimulatedWorker,
    trials: _Trials,
    pace: float,
) -> None:
    await asyncio.sleep(worker.rng.uniform(0, pace))  # people do not come at the same instant
    try:
        status, joined = await server.post("/api/join", joining, operator)
        if status == 200:
            await _answer_all(server, joined, worker, trials, pace)
        elif joined.get("reason") in ("full", "done", "paused"):
            server.met.turned_away += 1
        else:
            raise SemsynthError(f"the server takes no robots ({status}): {joined.get('message', joined)}")
    finally:
        await server.close()


async def _answer_all(server: _Server, joined: Any, worker: SimulatedWorker, trials: _Trials, pace: float) -> None:
    for position, pair in enumerate(joined["pairs"]):
        if position in joined["answered"]:
            continue
        left, right = (pair[side].removeprefix(f"{PICTURES}/") for side in ("left", "right"))
        choice, seconds = worker.answer(trials[left, right, pair["exposure"]])
        await asyncio.sleep(worker.rng.uniform(0.5, 1.5) * pace)
        answer = {
            "key": secrets.token_hex(16),
            "trial": position,
            "choice": choice,
            "response_seconds": seconds,
            "shown_seconds": pair["exposure"],
        }
        status, reply = await server.post("/api/answers", answer, joined["token"])
        if status != 200:
            raise SemsynthError(f"the server refused an answer ({status}): {reply.get('message', reply)}")
        server.met.acknowledged.append(answer["key"])
        server.met.finished += reply["complete"]


class _Server:
    """One person's connection, opened again and asked again after failures."""

    def __init__(self, host: str, port: int, met: Visit, patience: float) -> None:
        self.met = met
        self._host, self._port, self._patience = host, port, patience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: Mapping[str, object], token: str = "") -> tuple[int, Any]:
        """Status and JSON of the reply; what the server cannot do now is asked again."""
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {token}\r\nContent-Length: {len(data)}\r\n\r\n"
        give_up, wait = time.monotonic() + self._patience, 0.1
        while True:
            started = time.monotonic()
            try:
                status, reply = await self._exchange(head.encode() + data)
            except (OSError, EOFError, ValueError) as error:
                await self.close()
                if time.monotonic() > give_up:
                    raise SemsynthError(f"nothing answers on {self._host}:{self._port} ({error})") from error
            else:
                if not (status == 503 and reply.get("reason") == "unavailable") or time.monotonic() > give_up:
                    if wait == 0.1 and path == "/api/answers":
                        self.met.seconds.append(time.monotonic() - started)
                    return status, reply
            self.met.retries += 1
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT, 2 * wait)

    async def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            writer, self._streams = self._streams[1], None
            writer.close()
            with suppress(OSError):  # the other end may be dead
                await writer.wait_closed()

    async def _exchange(self, request: bytes) -> tuple[int, Any]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        return int(head.split(" ", 2)[1]), json.loads(await reader.readexactly(length))
