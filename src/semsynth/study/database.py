"""Engines for the databases of studies: SQLite in WAL mode by default, PostgreSQL by its URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from semsynth.errors import SemsynthError
from semsynth.extras import require

DATABASE = "answers.sqlite"
"""Default file in the study's folder."""

_EXPECTED = "expected FILE.sqlite, sqlite:///FILE or postgresql://USER@HOST/NAME"
_SUFFIXES = (".sqlite", ".sqlite3", ".db")

BUSY_SECONDS = 2.0
"""For so long a write waits for a lock of another process before the participant is asked to try again."""


class UnavailableError(SemsynthError):
    """The database cannot be written or read now: trying again later helps, and nothing was stored."""


class Database:
    """Transactions on one database; those that write wait for one another where the database needs that."""

    def __init__(self, url: str) -> None:
        """Prepare the engine; connects at the first use.

        Raises:
            SemsynthError: no URL of a known kind, or its driver is not installed.
        """
        url = as_url(url)
        self._engine = _engine(url)
        self.name = make_url(url).render_as_string(hide_password=True)
        self.sqlite = self._engine.dialect.name == "sqlite"
        # SQLite makes writers wait by sleeping longer and longer; a lock hands over at once.
        self._turn: Any = Lock() if self.sqlite else nullcontext()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, committed at the end and rolled back on any error.

        Raises:
            UnavailableError: the database is locked, full or away; nothing was stored.
        """
        with self._turn, _explained(self.name), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that takes no lock for writing.

        Raises:
            UnavailableError: the database is away.
        """
        with _explained(self.name), self._engine.connect() as connection:
            yield connection.execution_options(reads=True)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def sqlite_url(path: Path) -> str:
    """URL of a SQLite file."""
    return f"sqlite:///{path.absolute()}"


def check_there(db: str | None) -> str | None:
    """``db``, for reading.

    Raises:
        SemsynthError: a SQLite file that is missing; opening it would make an empty one.
    """
    file = make_url(as_url(db)).database if db is not None and as_url(db).startswith("sqlite") else None
    if file is not None and not Path(file).is_file():
        raise SemsynthError(f"`db={db}`: there is no such file")
    return db


def as_url(db: str) -> str:
    """The address of a database; files with the suffix of SQLite's stand for themselves."""
    return sqlite_url(Path(db)) if "://" not in db and Path(db).suffix in _SUFFIXES else db


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":  # SQLAlchemy's own default is the older psycopg2
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise SemsynthError(f"`db={url}`: {_EXPECTED}")
        if parsed.get_backend_name() == "postgresql":
            require("postgres", f"`db={url}`: a PostgreSQL database", "psycopg")
            return create_engine(parsed, pool_size=8, max_overflow=24, pool_timeout=BUSY_SECONDS, pool_pre_ping=True)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS}, pool_size=8, max_overflow=40)
    except (ArgumentError, NoSuchModuleError) as error:
        raise SemsynthError(f"`db={url}`: {_EXPECTED}") from error
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # sqlite3 would begin transactions too late, see _begin_sqlite
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power cut, too
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # Taking the lock at the start cannot fail in the middle, as upgrading a lock can.
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise UnavailableError(f"the database {name} does not answer ({reason}): try again") from error
