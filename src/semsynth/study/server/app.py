"""The application: routes, refusals, and headers that keep everything on this server."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from semsynth.serving import ServerLimits
from semsynth.serving.guard import Guard
from semsynth.serving.problems import add_handlers
from semsynth.study.database import UnavailableError
from semsynth.study.plan import PICTURES
from semsynth.study.records import Reason, RefusedError
from semsynth.study.server import operator, participant
from semsynth.study.server.keys import Keys
from semsynth.study.server.messages import RefusedReply
from semsynth.study.server.places import JoinRate
from semsynth.study.store import Store

_STATIC = Path(__file__).with_name("static")

_STATUS: dict[Reason, int] = {
    "paused": 503,
    "full": 403,
    "done": 409,
    "unknown": 404,
    "expired": 410,
    "conflict": 409,
    "invalid": 422,
    "too_fast": 403,
    "too_many": 429,
    "robot": 403,
}
"""HTTP status per reason of a refusal."""

LIMITS = ServerLimits()
"""An answer takes a few hundred bytes."""

_MTURK = "https://www.mturk.com https://workersandbox.mturk.com"
"""Where MTurk's frame around the page comes from, and where its form goes."""


def create_app(
    study: Path, store: Store, keys: Keys, completion_code: str | None = None, rate: JoinRate | None = None
) -> FastAPI:
    """The application of one study.

    Args:
        study: the folder, with ``pictures/``.
        store: assignments and answers.
        keys: secrets.
        completion_code: the same for everybody, as Prolific wants it; None: one of each session's own.
        rate: at which places are given to one address.
    """
    app = FastAPI(title=store.plan.design.name, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(participant.routes(store, keys, rate or JoinRate(), completion_code))
    app.include_router(operator.routes(store, keys))
    for path, page in (("/", "participant.html"), ("/operator", "operator.html")):
        app.add_api_route(path, _page(_STATIC / page), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=_STATIC))
    app.mount("/pictures", StaticFiles(directory=study / PICTURES))
    app.add_exception_handler(RefusedError, _refused(keys, completion_code))
    app.add_exception_handler(UnavailableError, _unavailable)
    add_handlers(app, error_body)
    app.add_middleware(
        Guard, limits=LIMITS, body=error_body, admit=lambda scope, headers: None, headers=_answer_headers
    )
    return app


def error_body(reason: str, message: str) -> dict[str, object]:
    """The JSON of an error."""
    return RefusedReply(reason=reason, message=message).model_dump()


def _page(path: Path):  # type: ignore[no-untyped-def]  # FastAPI reads the annotation of what is returned
    def page() -> FileResponse:
        return FileResponse(path)

    return page


def _refused(keys: Keys, completion_code: str | None):  # type: ignore[no-untyped-def]  # as Starlette's own handlers
    def handle(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RefusedError)
        code = (completion_code or keys.completion_code(error.session)) if error.session is not None else None
        reply = RefusedReply(reason=error.reason, message=str(error), code=code)
        later = {} if error.seconds is None else {"Retry-After": str(error.seconds)}
        return JSONResponse(reply.model_dump(), _STATUS[error.reason], later)

    return handle


def _unavailable(_: Request, error: Exception) -> JSONResponse:
    reply = RefusedReply(reason="unavailable", message="the answer could not be stored yet: sending it again")
    return JSONResponse(reply.model_dump(), 503, {"Retry-After": "1"})


def _answer_headers(path: str, status: int) -> dict[str, str]:
    """No third party is ever asked for anything, and only participants' pages may stand in MTurk's frame."""
    outside = "'none'" if path.startswith("/operator") else _MTURK
    pictures = path.startswith("/pictures/") and status == 200
    return {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'; base-uri 'none'; form-action {outside}; frame-ancestors {outside}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "private, max-age=86400, immutable" if pictures else "no-store",
    }
