"""What goes wrong in a request, as an answer in JSON: a status, a word for programs and one line for people.

Nothing of a request is repeated but the names of its fields, where these are short plain words: values may be no text
that JSON can hold, and belong into no page or log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from semsynth.errors import SHOWN_PROBLEMS, SemsynthError

ErrorBody = Callable[[str, str], Mapping[str, object]]
"""From a word for programs and a line for people to the JSON of an error."""

_WORDS = {
    400: ("bad_request", "the request is damaged, or its body is not of the kind that its head says"),
    404: ("not_found", "there is nothing at this address"),
    405: ("method", "this address does not answer this method"),
}
_DEFECT = "the server has a defect; its log tells more"
_LONGEST = 1000
"""Characters of a line for people."""
_PLAIN_NAME = re.compile(r"[A-Za-z_][\w-]{0,39}", re.ASCII)


class Refusal(HTTPException):
    """A request that is answered with an error status."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Refuse with a word for programs and a line for people."""
        super().__init__(status, message, headers)
        self.code = code


def problem(
    body: ErrorBody, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer with an error; its line is one, and is text that JSON can hold."""
    line = " ".join(message.split()).encode("utf-8", "backslashreplace").decode()
    return JSONResponse(body(code, line[:_LONGEST]), status, headers)


def described(status: int) -> tuple[str, str]:
    """The word and the line for a status that says everything."""
    return _WORDS.get(status, ("internal", _DEFECT) if status >= 500 else ("refused", "the request is refused"))


def add_handlers(app: FastAPI, body: ErrorBody) -> None:
    """Turn everything that routes raise into answers."""

    @app.exception_handler(SemsynthError)
    def invalid(_: Request, error: SemsynthError) -> Response:
        return problem(body, 422, "invalid", str(error))

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> Response:
        return problem(body, 422, "invalid", _explained(error))

    @app.exception_handler(HTTPException)
    def refused(_: Request, error: HTTPException) -> Response:
        if isinstance(error, Refusal):
            return problem(body, error.status_code, error.code, error.detail, error.headers)
        code, message = described(error.status_code)
        return problem(body, error.status_code, code, message, error.headers)

    @app.exception_handler(Exception)  # the server raises it again once this is sent, so that it is logged
    def defect(_: Request, error: Exception) -> Response:
        return problem(body, 500, "internal", f"{_DEFECT} ({type(error).__name__})")


def _explained(error: RequestValidationError) -> str:
    problems = []
    for found in error.errors():
        where = ".".join(_name(part) for part in found["loc"][1:])
        if found["type"] == "missing":
            problems.append(f"'{where}' is missing")
        elif found["type"] == "extra_forbidden":
            problems.append(f"unknown key '{where}'")
        else:
            problems.append(f"{where}: {_without_input(found)}")
    more = f" and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
    return "; ".join(problems[:SHOWN_PROBLEMS]) + more


def _without_input(found: Mapping[str, Any]) -> str:
    """The message of one of pydantic's problems; those that repeat the input are said in other words."""
    if found["type"] == "union_tag_invalid":
        return f"{found['ctx']['discriminator']} should be one of {found['ctx']['expected_tags']}"
    return "the value does not fit" if found["type"] == "value_error" else str(found["msg"])


def _name(part: object) -> str:
    """A field's name or number; what a client made up otherwise is left out."""
    text = str(part)
    return text if (isinstance(part, int) and len(text) < 20) or _PLAIN_NAME.fullmatch(text) else "..."
