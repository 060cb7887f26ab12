"""Folders that one process at a time may fill."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from semsynth.errors import SemsynthError
from semsynth.files import explained, make_folder

LOCK = ".lock"
"""The file whose lock a process holds while it fills the folder; only processes that are killed leave it behind."""

_held: weakref.WeakSet[FolderLock] = weakref.WeakSet()


class FolderLock:
    """The right to fill a folder, until it is released or the process ends, however it ends.

    Processes forked meanwhile do not hold it: what outlives a killed process for a moment, such as loaders of data,
    keeps nobody waiting.
    """

    def __init__(self, folder: Path, activity: str) -> None:
        """Take the lock.

        Args:
            folder: made if missing.
            activity: what the processes do, for the message: ``training in``.

        Raises:
            SemsynthError: another process has it, or the folder cannot be written.
        """
        self._path = make_folder(folder) / LOCK
        refusal = f"another process is {activity} {folder}: wait until it ends, or choose another folder"
        while True:
            with explained(self._path):
                self._file: IO[bytes] = self._path.open("ab")
            try:
                lock_file(self._file, refusal)
                if self._is_there():
                    break
            except BaseException:
                self._file.close()
                raise
            self._file.close()
        _held.add(self)

    def release(self) -> None:
        """Let others have it; a second time does nothing."""
        if self._file.closed:
            return
        with suppress(OSError):  # Windows removes no open files
            self._path.unlink()
        self.forget()

    def forget(self) -> None:
        """Hold it no longer, without letting others have it: what a forked process does."""
        _held.discard(self)
        self._file.close()

    def _is_there(self) -> bool:
        """Whether the locked file is the one in the folder, not one that its last holder has just removed."""
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        return False

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it."""
        self.release()


def lock_file(file: IO[bytes], refusal: str) -> None:
    """Lock an open file until it is closed, or the process ends; where there are no locks, nothing happens.

    Raises:
        SemsynthError: another process has locked it; ``refusal`` is the message.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SemsynthError(refusal) from None
    except OSError:  # a file system without locks
        pass


def _forget_all() -> None:
    for lock in list(_held):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
