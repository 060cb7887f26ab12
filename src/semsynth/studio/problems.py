"""What goes wrong in a request, as an answer: a status, a word for programs and one line for people."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from semsynth.errors import SemsynthError
from semsynth.studio.schemas import Problem
from semsynth.studio.turns import BusyError, OvertakenError, TimedOutError, VanishedError

_CODES = {400: "bad_request", 404: "not_found", 405: "method"}
_SHOWN = 3
"""How many problems of one request a message lists."""


class Refusal(HTTPException):
    """A request that is answered with an error status."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)
        self.code = code


def problem(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer with an error."""
    body = Problem(code=code, message=" ".join(message.split()))
    return JSONResponse(body.model_dump(), status, headers)


def add_handlers(app: FastAPI) -> None:
    """Turn everything that routes raise into answers."""

    @app.exception_handler(SemsynthError)
    def invalid(_: Request, error: SemsynthError) -> Response:
        return problem(422, "invalid", str(error))

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> Response:
        return problem(422, "invalid", _explained(error))

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        if isinstance(error, Refusal):
            return problem(error.status_code, error.code, error.detail, error.headers)
        status = error.status_code
        message = f"there is no {request.method} {request.url.path[:200]}" if status in (404, 405) else error.detail
        return problem(status, _CODES.get(status, "refused"), message, error.headers)

    @app.exception_handler(BusyError)
    def busy(_: Request, error: BusyError) -> Response:
        return problem(429, "busy", str(error), {"Retry-After": str(error.seconds)})

    @app.exception_handler(TimedOutError)
    def timed_out(_: Request, error: TimedOutError) -> Response:
        return problem(503, "timeout", str(error), {"Retry-After": str(error.seconds)})

    @app.exception_handler(OvertakenError)
    def overtaken(_: Request, error: OvertakenError) -> Response:
        return Response(status_code=204, headers={"Semsynth-Overtaken": str(error.newest)})

    @app.exception_handler(VanishedError)
    def vanished(_: Request, __: VanishedError) -> Response:
        return Response(status_code=204)  # nobody reads it

    @app.exception_handler(Exception)  # the server raises it again once this is sent, so that it is logged
    def defect(_: Request, error: Exception) -> Response:
        return problem(500, "internal", f"the server has a defect ({type(error).__name__}); its log tells more")


def _explained(error: RequestValidationError) -> str:
    problems = []
    for found in error.errors():
        where = ".".join(str(part) for part in found["loc"][1:])
        if found["type"] == "missing":
            problems.append(f"'{where}' is missing")
        elif found["type"] == "extra_forbidden":
            problems.append(f"unknown key '{where}'")
        else:
            problems.append(f"{where}: {found['msg']}")
    more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return "; ".join(problems[:_SHOWN]) + more
