"""The studio as one ASGI application."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from semsynth.serving.guard import Guard
from semsynth.studio.examples import ExampleLayouts
from semsynth.studio.guard import Access, Admission, answer_headers
from semsynth.studio.problems import add_studio_handlers, error_body
from semsynth.studio.routes import router
from semsynth.studio.served import ServedModel
from semsynth.studio.service import Studio
from semsynth.studio.uploads import Limits
from semsynth.version import __version__

STATIC = Path(__file__).parent / "static"
"""The editor's files."""


def create_app(
    models: Sequence[ServedModel],
    *,
    access: Access | None = None,
    limits: Limits | None = None,
    data: Path | None = None,
    static: Path = STATIC,
) -> FastAPI:
    """Make the application.

    Args:
        models: with distinct ids; the first one is the default.
        access: who may ask; by default programs and pages of this machine.
        limits: of requests.
        data: a dataset folder whose layouts are offered as examples.
        static: the editor's files.

    Raises:
        SemsynthError: ``data`` is no dataset folder, or none of the models has its classes.
    """
    # Its pages of documentation load scripts from elsewhere; docs/studio-api.md is instead of them.
    app = FastAPI(
        title="semsynth studio", version=__version__, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None
    )
    limits = limits or Limits()
    app.state.studio = Studio(models, limits)
    app.state.examples = ExampleLayouts(models, data)
    add_studio_handlers(app)
    app.include_router(router)
    app.mount("/", StaticFiles(directory=static, html=True))
    app.add_middleware(
        Guard, limits=limits, body=error_body, admit=Admission(access or Access()), headers=answer_headers
    )
    return app
