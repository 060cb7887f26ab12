"""What goes wrong in the studio's lines, as answers, besides what any server refuses."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import Response

from semsynth.serving.problems import add_handlers, problem
from semsynth.studio.schemas import Problem
from semsynth.studio.turns import BusyError, OvertakenError, TimedOutError, VanishedError


def error_body(code: str, message: str) -> dict[str, object]:
    """The JSON of an error."""
    return Problem(code=code, message=message).model_dump()


def add_studio_handlers(app: FastAPI) -> None:
    """Turn everything that routes raise into answers."""
    add_handlers(app, error_body)

    @app.exception_handler(BusyError)
    def busy(_: Request, error: BusyError) -> Response:
        return problem(error_body, 429, "busy", str(error), {"Retry-After": str(error.seconds)})

    @app.exception_handler(TimedOutError)
    def timed_out(_: Request, error: TimedOutError) -> Response:
        return problem(error_body, 503, "timeout", str(error), {"Retry-After": str(error.seconds)})

    @app.exception_handler(OvertakenError)
    def overtaken(_: Request, error: OvertakenError) -> Response:
        return Response(status_code=204, headers={"Semsynth-Overtaken": str(error.newest)})

    @app.exception_handler(VanishedError)
    def vanished(_: Request, __: VanishedError) -> Response:
        return Response(status_code=204)  # nobody reads it
