"""Assignments and answers in the database: nobody shares an assignment, and every answer is there exactly once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, func, insert, select, text, true, update

from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.study.answers import Answer, Choice
from semsynth.study.database import DATABASE, Database, sqlite_url
from semsynth.study.plan import PLAN, Assignment, StudyPlan, load_plan
from semsynth.study.records import TOO_FAST, Joined, NewAnswer, Received, RefusedError, StudyProgress
from semsynth.study.speed import is_too_fast
from semsynth.study.tables import ACTIVE, COMPLETE, EXPIRED, ROBOT, Base, Session, Setting, StoredAnswer

_JOINING = 0x73656D73
"""Number of PostgreSQL's advisory lock under which assignments are given out."""
FIRST_ANSWER_MINUTES = 10
"""How long an assignment waits for its first answer at most: people join right before the first pair."""


class Store:
    """The study's state. Every method is one transaction."""

    def __init__(
        self,
        database: Database,
        plan: StudyPlan,
        fingerprint: str,
        clock: Callable[[], float] = time.time,
        simulated: bool = False,
    ) -> None:
        """Make the tables, if they are not there.

        Args:
            database: where.
            plan: what is asked.
            fingerprint: of the plan's file.
            clock: seconds since 1970.
            simulated: whether a new database is one of robots' answers only. Else these are marked, and left out.

        Raises:
            SemsynthError: the database holds answers to another plan, or those of people where only robots' may be.
            UnavailableError: it cannot be reached.
        """
        self._database, self.plan, self._clock = database, plan, clock
        with database.writing() as connection:
            if not database.sqlite:  # two servers that start at once
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _JOINING})
            Base.metadata.create_all(connection)
            known = _setting(connection, "plan")
            if known is None:
                connection.execute(insert(Setting).values(name="plan", value=fingerprint))
                if simulated:
                    connection.execute(insert(Setting).values(name="simulated", value="yes"))
            self.simulated = _setting(connection, "simulated") == "yes"
        if known not in (None, fingerprint):
            raise SemsynthError(
                f"{database.name} holds answers to another plan: choose another `db`, or restore plan.json"
            )
        if simulated and not self.simulated:
            raise SemsynthError(
                f"{database.name} is for people's answers, not for simulated ones: choose another `db`, or remove it"
            )

    def join(self, worker: str) -> Joined:
        """Give a person an assignment, or the one that is theirs already.

        Raises:
            RefusedError: paused, no assignment left, or the person has done all they may.
            UnavailableError: try again.
        """
        now = self._clock()
        with self._database.writing() as connection:
            if not self._database.sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _JOINING})
            over = (Session.state == ACTIVE) & (Session.expires < now)
            connection.execute(update(Session).where(over).values(state=EXPIRED))
            mine = connection.execute(select(Session).where(Session.worker == worker).order_by(Session.started)).all()
            current = next((session for session in mine if session.state == ACTIVE), None)
            if current is None:
                current = self._begin(connection, worker, list(mine), now)
            answered = connection.scalars(select(StoredAnswer.trial).where(StoredAnswer.session == current.id))
            return Joined(current.id, current.assignment, frozenset(answered))

    def _begin(self, connection: Connection, worker: str, mine: list[Any], now: float) -> Any:
        """A new session, or the person's expired one if its assignment is still free."""
        if _setting(connection, "paused") == "yes":
            raise RefusedError("paused", "the study is paused: come back later")
        done = [session for session in mine if session.state == COMPLETE]
        if len(done) >= self.plan.design.batches_per_worker:
            raise RefusedError("done", "you have taken part already: thank you", done[-1].id)
        if any(self._was_too_fast(session) for session in mine):
            raise RefusedError("too_fast", TOO_FAST)
        taken = self._taken(connection, worker)
        patience = self.plan.design.expiry_minutes
        expires = now + 60 * min(patience, FIRST_ANSWER_MINUTES)
        for session in reversed(mine):
            if session.state == EXPIRED and session.assignment not in taken:
                _displace_robots(connection, session.assignment)
                until = now + 60 * patience if session.answered else expires
                again = update(Session).where(Session.id == session.id).values(state=ACTIVE, expires=until)
                connection.execute(again)
                return session
        known = {session.assignment for session in mine}
        rounds = {self.plan.assignments[number].round for number in known}
        for number, assignment in enumerate(self.plan.assignments):
            if number not in taken | known and (not rounds or assignment.round in rounds):
                _displace_robots(connection, number)
                values = {"id": secrets.token_hex(16), "worker": worker, "assignment": number, "state": ACTIVE}
                connection.execute(
                    insert(Session).values(**values, answered=0, started=now, expires=expires, screen="")
                )
                return connection.execute(select(Session).where(Session.id == values["id"])).one()
        if done:
            raise RefusedError("done", "you have taken part already: thank you", done[-1].id)
        raise RefusedError("full", "all places in this study are taken; thank you for coming")

    def _taken(self, connection: Connection, worker: str) -> set[int]:
        """Assignments that a person cannot have any more; robots keep none from people."""
        held = select(Session.assignment).where(Session.state != EXPIRED)
        return set(connection.scalars(held if worker.startswith(ROBOT) else held.where(~_of_robot())))

    def _was_too_fast(self, session: Any) -> bool:
        """Only what was answered too fast has all answers and has expired nevertheless."""
        return bool(
            session.state == EXPIRED
            and session.answered == len(self.plan.assignments[session.assignment].trials)
            and not session.worker.startswith(ROBOT)
        )

    def knows(self, worker: str) -> bool:
        """Whether somebody has taken part before, or has begun."""
        with self._database.reading() as connection:
            return connection.scalar(select(Session.id).where(Session.worker == worker).limit(1)) is not None

    def describe_screen(self, session: str, screen: str) -> None:
        """Keep what is known about a participant's screen, at most 256 characters."""
        with self._database.writing() as connection:
            connection.execute(update(Session).where(Session.id == session).values(screen=screen[:256]))

    def answer(self, session: str, answer: NewAnswer) -> Received:
        """Store an answer, or find that it is stored; either way it is there when this returns.

        Raises:
            RefusedError: unknown or expired session, an impossible answer, or another answer to the same trial.
            UnavailableError: nothing was stored; send it again with the same key.
        """
        now = self._clock()
        with self._database.writing() as connection:
            found = connection.execute(select(Session).where(Session.id == session).with_for_update()).one_or_none()
            if found is None:
                raise RefusedError("unknown", "there is no such session: open the study's link again")
            stored = connection.execute(select(StoredAnswer).where(StoredAnswer.key == answer.key)).one_or_none()
            if stored is not None:
                if (stored.session, stored.trial) != (session, answer.trial):
                    raise RefusedError("conflict", "this key belongs to another answer: draw one for every answer")
                too_fast = self._was_too_fast(found)
                return Received(bool(found.state == COMPLETE) or too_fast, too_fast)
            if found.state == EXPIRED or (found.state == ACTIVE and found.expires < now):
                raise RefusedError("expired", "the time for this assignment is over: open the study's link again")
            assignment = self.plan.assignments[found.assignment]
            self._check(assignment, answer)
            again = (StoredAnswer.session == session) & (StoredAnswer.trial == answer.trial)
            if connection.scalar(select(func.count()).select_from(StoredAnswer).where(again)):
                raise RefusedError("conflict", f"pair {answer.trial} is answered already")
            complete = bool(found.answered + 1 == len(assignment.trials))
            connection.execute(insert(StoredAnswer).values(session=session, received=now, **vars(answer)))
            too_fast = False
            if complete and not found.worker.startswith(ROBOT):
                mine = select(StoredAnswer.trial, StoredAnswer.response_seconds).where(StoredAnswer.session == session)
                given = {row.trial: row.response_seconds for row in connection.execute(mine)}
                too_fast = is_too_fast(assignment, self.plan.design.exclusions, given, now - found.started)
            connection.execute(
                update(Session)
                .where(Session.id == session)
                .values(
                    answered=found.answered + 1,
                    state=EXPIRED if too_fast else COMPLETE if complete else ACTIVE,
                    expires=now + 60 * self.plan.design.expiry_minutes,
                )
            )
            return Received(complete, too_fast)

    def _check(self, assignment: Assignment, answer: NewAnswer) -> None:
        if not 0 <= answer.trial < len(assignment.trials):
            raise RefusedError("invalid", f"pair {answer.trial} does not exist: there are {len(assignment.trials)}")
        if answer.choice == "tie" and not self.plan.design.ties:
            raise RefusedError("invalid", "'tie' is no answer in this study: choose left or right")
        if (assignment.trials[answer.trial].exposure is None) != (answer.shown_seconds is None):
            raise RefusedError("invalid", "a measured exposure belongs to answers of a timed study, and to no others")

    def pause(self, paused: bool) -> None:
        """Stop or resume giving out assignments; those given out can be finished."""
        with self._database.writing() as connection:
            if _setting(connection, "paused") is None:
                connection.execute(insert(Setting).values(name="paused", value="no"))
            connection.execute(update(Setting).where(Setting.name == "paused").values(value="yes" if paused else "no"))

    def progress(self) -> StudyProgress:
        """How far the study is."""
        with self._database.reading() as connection:
            people = self._counted()
            live = (Session.state == ACTIVE) & (Session.expires >= self._clock())
            active = connection.scalar(select(func.count()).select_from(Session).where(live & people)) or 0
            done = Session.state == COMPLETE
            complete = connection.scalar(select(func.count()).select_from(Session).where(done & people)) or 0
            given = select(func.count()).select_from(StoredAnswer).join(Session, StoredAnswer.session == Session.id)
            answers = connection.scalar(given.where(people)) or 0
            robots = connection.scalar(given.where(_of_robot())) or 0
            paused = _setting(connection, "paused") == "yes"
        total = len(self.plan.assignments)
        return StudyProgress(total, total - active - complete, active, complete, answers, robots, paused)

    def _counted(self) -> ColumnElement[bool]:
        """Sessions of people; in a database of simulated answers, all."""
        return true() if self.simulated else ~_of_robot()

    def answers(self) -> list[Answer]:
        """People's answers, in the order of sessions and trials; in a database of simulated answers, all."""
        kept = (Session.worker, Session.assignment, Session.state, Session.answered)
        joined = select(StoredAnswer, *kept).join(Session, StoredAnswer.session == Session.id).where(self._counted())
        with self._database.reading() as connection:
            rows = connection.execute(joined.order_by(Session.started, Session.id, StoredAnswer.trial)).all()
        return [
            Answer(
                worker=row.worker,
                assignment=row.assignment,
                trial=row.trial,
                choice=cast(Choice, row.choice),
                response_seconds=row.response_seconds,
                shown_seconds=row.shown_seconds,
                dropped_frames=row.dropped_frames,
                complete=row.state == COMPLETE,
                too_fast=self._was_too_fast(row),
            )
            for row in rows
        ]

    def workers(self) -> dict[str, str]:
        """Per pseudonym the state of their last session; ``too_fast`` is one of them."""
        with self._database.reading() as connection:
            rows = connection.execute(select(Session).where(self._counted()).order_by(Session.started)).all()
        return {row.worker: "too_fast" if self._was_too_fast(row) else row.state for row in rows}


def _setting(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(Setting.value).where(Setting.name == name))


def _of_robot() -> ColumnElement[bool]:
    return Session.worker.startswith(ROBOT)


def _displace_robots(connection: Connection, assignment: int) -> None:
    """An assignment that a robot has goes to a person; the robot's answers stay, marked."""
    held = (Session.assignment == assignment) & (Session.state != EXPIRED) & _of_robot()
    connection.execute(update(Session).where(held).values(state=EXPIRED))


def open_store(study: Path, db: str | None = None, *, simulated: bool = False) -> Store:
    """The answers of a study.

    Args:
        study: its folder.
        db: a SQLite file, or the address of a database. None: a SQLite file in the folder.
        simulated: as in :class:`Store`.

    Raises:
        SemsynthError: no such study, or a database with answers to another plan.
    """
    planned = load_plan(study)
    database = Database(db or sqlite_url(study / DATABASE))
    return Store(database, planned, sha256(study / PLAN), simulated=simulated)
