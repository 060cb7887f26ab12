"""What the database of a study holds."""

from __future__ import annotations

from sqlalchemy import Float, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ACTIVE, COMPLETE, EXPIRED = "active", "complete", "expired"
"""States of a session."""
ROBOT = "robot-"
"""Begins the names of those who are no people; people's are hexadecimal digits."""


class Base(DeclarativeBase):
    """Base of all tables."""


class Setting(Base):
    """Facts about the study as a whole: the plan's fingerprint, and whether it is paused."""

    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[str] = mapped_column(String(128))


class Session(Base):
    """One person at one assignment.

    The two partial indices are the promise that no assignment belongs to two people, and that nobody has two
    assignments at once; whatever the servers do, the database keeps it.
    """

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    worker: Mapped[str] = mapped_column(String(64), index=True)
    """Pseudonym."""
    assignment: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(8))
    answered: Mapped[int] = mapped_column(Integer, default=0)
    started: Mapped[float] = mapped_column(Float)
    """Seconds since 1970, as all times here."""
    expires: Mapped[float] = mapped_column(Float)
    screen: Mapped[str] = mapped_column(String(256), default="")
    """JSON of the window's size, its pixel ratio and the frame rate."""

    __table_args__ = (
        Index(
            "one_person_per_assignment",
            "assignment",
            unique=True,
            sqlite_where=text(f"state != '{EXPIRED}'"),
            postgresql_where=text(f"state != '{EXPIRED}'"),
        ),
        Index(
            "one_assignment_at_once",
            "worker",
            unique=True,
            sqlite_where=text(f"state = '{ACTIVE}'"),
            postgresql_where=text(f"state = '{ACTIVE}'"),
        ),
    )


class StoredAnswer(Base):
    """One answer; its key makes sending it again harmless."""

    __tablename__ = "answers"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    session: Mapped[str] = mapped_column(ForeignKey("sessions.id"))
    trial: Mapped[int] = mapped_column(Integer)
    choice: Mapped[str] = mapped_column(String(5))
    response_seconds: Mapped[float] = mapped_column(Float)
    shown_seconds: Mapped[float | None] = mapped_column(Float)
    dropped_frames: Mapped[int] = mapped_column(Integer)
    received: Mapped[float] = mapped_column(Float)

    __table_args__ = (UniqueConstraint("session", "trial"),)
