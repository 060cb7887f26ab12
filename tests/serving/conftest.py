"""Both servers on ports, as their commands start them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from drawn_studies import draw_folder
from fastapi import FastAPI
from serving.running import served
from studio_server import FakeSynthesizer, serve_fake

from semsynth.studio.app import create_app as studio_app
from semsynth.studio.problems import error_body as studio_error
from semsynth.studio.uploads import Limits
from semsynth.study.database import DATABASE, Database, sqlite_url
from semsynth.study.design import StudyDesign
from semsynth.study.planning import Sources, make_study
from semsynth.study.server.app import LIMITS
from semsynth.study.server.app import create_app as study_app
from semsynth.study.server.app import error_body as study_error
from semsynth.study.server.keys import Keys
from semsynth.study.store import Store

MakeApp = Callable[[], FastAPI]


@pytest.fixture(scope="package")
def make_studio() -> MakeApp:
    return lambda: studio_app([serve_fake(FakeSynthesizer(object_styles=True))])


@pytest.fixture(scope="package")
def make_study_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeApp]:
    root = tmp_path_factory.mktemp("served")
    names = [f"view_{number}" for number in range(4)]
    folders = {name: draw_folder(root / name, names, color) for name, color in (("a", (99, 0, 0)), ("b", (0, 99, 0)))}
    plan = make_study(Sources(folders, None), StudyDesign(batch=2, judgements=20), root / "study")[0]
    database = Database(sqlite_url(root / "study" / DATABASE))
    keys = Keys(operator="operator-token-0123", signing="s" * 32)
    yield lambda: study_app(root / "study", Store(database, plan, "plan"), keys)
    database.close()


@pytest.fixture(scope="package", params=["studio", "study"])
def port(request: pytest.FixtureRequest, make_studio: MakeApp, make_study_app: MakeApp) -> Iterator[int]:
    """Of either server."""
    made = make_studio(), Limits(), studio_error
    with served(*(made if request.param == "studio" else (make_study_app(), LIMITS, study_error))) as opened:
        yield opened


@pytest.fixture(scope="package")
def study_port(make_study_app: MakeApp) -> Iterator[int]:
    with served(make_study_app(), LIMITS, study_error) as opened:
        yield opened


@pytest.fixture(scope="package")
def studio_port(make_studio: MakeApp) -> Iterator[int]:
    with served(make_studio(), Limits(), studio_error) as opened:
        yield opened
