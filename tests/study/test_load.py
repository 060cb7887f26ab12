"""Many people at once, and a server that is killed: what was acknowledged is there, exactly once."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ports import free_port
from sqlalchemy import create_engine, text
from study.serving import ServerProcess, served, wait_until

from semsynth.study.database import DATABASE, sqlite_url
from semsynth.study.participants import Visit, visit
from semsynth.study.plan import StudyPlan
from semsynth.study.server.keys import load_keys
from semsynth.study.simulation import Population

PEOPLE = 200

NEUTRAL = Population({"ours": 0.5, "crn": 0.0}, careless=0, biased=0)


def rows(db: str, query: str) -> list[tuple[object, ...]]:
    engine = create_engine(db.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def check_nothing_lost(db: str, plan: StudyPlan, met: Visit) -> None:
    """Every acknowledged answer once, every assignment done by one person, and nothing besides."""
    keys = [key for (key,) in rows(db, "SELECT key FROM answers")]
    assert len(set(met.acknowledged)) == len(met.acknowledged) == plan.num_judgements
    assert sorted(keys) == sorted(met.acknowledged)
    assert met.finished == len(plan.assignments)
    counts = rows(
        db,
        "SELECT s.assignment, s.state, s.answered, COUNT(*), COUNT(DISTINCT a.trial) FROM sessions s "
        "JOIN answers a ON a.session = s.id GROUP BY s.id, s.assignment, s.state, s.answered ORDER BY s.assignment",
    )
    trials = [len(assignment.trials) for assignment in plan.assignments]
    assert counts == [(number, "complete", count, count, count) for number, count in enumerate(trials)]


def visit_with_kills(study: Path, plan: StudyPlan, db: str, kills: int, pace: float) -> Visit:
    """All people at once, while the server dies and comes back."""
    server = ServerProcess(study, db)
    server.start()
    results: list[Visit] = []
    patience = 600  # nobody gives up because a busy machine takes long to start a server
    operator = load_keys(study).operator
    visitors = threading.Thread(
        target=lambda: results.append(visit(server.url, plan, operator, NEUTRAL, PEOPLE, pace, patience=patience))
    )
    visitors.start()
    try:
        for kill in range(kills):
            # At evenly spaced numbers of answers, so in the thick of it on a fast machine and on a slow one.
            wanted = (kill + 1) * plan.num_judgements // (kills + 2)
            wait_until(lambda wanted=wanted: rows(db, "SELECT COUNT(*) FROM answers")[0][0] >= wanted, 240)
            server.kill()
            server.start()
        visitors.join()
    finally:
        server.kill()
    (met,) = results
    assert met.retries > 0 or kills == 0
    return met


@pytest.fixture
def crowd(make: Callable[..., StudyPlan], tmp_path: Path) -> tuple[Path, StudyPlan]:
    """A study of 200 assignments with 6 pairs each."""
    return tmp_path / "s", make(tmp_path / "s", batch=6, judgements=PEOPLE // 2)


@pytest.mark.slow
def test_200_people_and_a_server_killed_three_times(crowd: tuple[Path, StudyPlan]):
    study, plan = crowd
    db = sqlite_url(study / DATABASE)
    check_nothing_lost(db, plan, visit_with_kills(study, plan, db, kills=3, pace=1.0))


@pytest.mark.slow
def test_20_kills_on_sqlite(crowd: tuple[Path, StudyPlan]):
    study, plan = crowd
    db = sqlite_url(study / DATABASE)
    check_nothing_lost(db, plan, visit_with_kills(study, plan, db, kills=20, pace=4.0))


def postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    known = shutil.which("initdb")
    return found[-1].parent if found else Path(known).parent if known else None


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL of our own on a free port of the loopback."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    user = "postgres" if os.geteuid() == 0 else None  # its server refuses to run as root
    folder = Path("/tmp") / f"semsynth-postgres-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        if user is not None:
            shutil.chown(folder, user)
        port = free_port()
        options = {"user": user, "capture_output": True, "text": True, "cwd": "/"}
        made = subprocess.run([programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "study"], **options)
        if made.returncode:
            pytest.skip(f"PostgreSQL cannot be set up here: {made.stderr.strip().splitlines()[-1]}")
        settings = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c max_connections=60"
        started = subprocess.run(
            [programs / "pg_ctl", "-D", folder / "data", "-o", settings, "-w", "-l", folder / "log", "start"], **options
        )
        if started.returncode:
            pytest.skip(f"PostgreSQL cannot be started here: {started.stdout.strip().splitlines()[-1]}")
        yield f"postgresql://study@127.0.0.1:{port}"
        subprocess.run([programs / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"], **options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(postgres: str, name: str) -> str:
    engine = create_engine(f"{postgres}/postgres".replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{postgres}/{name}"


@pytest.mark.slow
@pytest.mark.parametrize("kills", [0, 20])
def test_200_people_on_postgresql(crowd: tuple[Path, StudyPlan], postgres: str, kills: int):
    study, plan = crowd
    db = new_database(postgres, f"kills_{kills}")
    check_nothing_lost(db, plan, visit_with_kills(study, plan, db, kills=kills, pace=4.0 if kills else 1.0))


@pytest.mark.slow
def test_two_servers_share_a_postgresql(crowd: tuple[Path, StudyPlan], postgres: str):
    """People at two servers never get the same assignment."""
    study, plan = crowd
    db = new_database(postgres, "shared")
    with served(study, db) as one, served(study, db) as other:
        results: list[Visit] = []

        def half(server: ServerProcess, seed: int) -> None:
            results.append(visit(server.url, plan, load_keys(study).operator, NEUTRAL, PEOPLE // 2, 0.5, seed))

        threads = [threading.Thread(target=half, args=(server, seed)) for seed, server in enumerate((one, other))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    both = Visit(
        sum(met.finished for met in results), acknowledged=[key for met in results for key in met.acknowledged]
    )
    check_nothing_lost(db, plan, both)
