"""Files that are either written whole or not at all, and read within a budget of bytes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Any

from semsynth.errors import SemsynthError, shortened

_WAY_OUT = {
    errno.ENOSPC: "the disk is full: free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up: free some space or choose another folder",
    errno.EROFS: "the folder is read-only: choose another one",
    errno.EACCES: "no permission to write there: choose another folder",
    errno.ENOTDIR: "a part of that path is a file, not a folder: choose another one",
    errno.ENAMETOOLONG: "the name is too long for the file system: use a shorter one",
}

_LONGEST_PATH = 500
"""Characters of a path that messages repeat."""
_LONGEST_NAME = 100
"""Bytes of a name that a temporary file's name repeats."""


@contextmanager
def explained(path: Path, action: str = "cannot write") -> Iterator[None]:
    """Turn an ``OSError`` raised inside into a :class:`SemsynthError` that names ``path`` and the way out."""
    try:
        yield
    except OSError as error:
        shown = path if len(str(path)) <= _LONGEST_PATH else shortened(path)
        raise SemsynthError(f"{action} {shown}: {way_out(error)}") from error


def way_out(error: OSError) -> str:
    """What the system refuses, and where there is one, the way out."""
    return _WAY_OUT.get(error.errno or 0, error.strerror or str(error))


def make_folder(path: Path) -> Path:
    """Create ``path`` and its parents; return it."""
    with explained(path, "cannot create the folder"):
        path.mkdir(parents=True, exist_ok=True)
    return path


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Call ``write`` with a temporary path beside ``path``, then rename it into place.

    Readers see the old file or the whole new one, whatever happens in between; a failed write
    leaves nothing behind.
    """
    make_folder(path.parent)
    partial = partial_path(path)
    try:
        with explained(path):
            write(partial)
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(path)
    finally:
        with suppress(OSError):  # on a read-only disk even this fails, and the first error is the one to tell
            partial.unlink(missing_ok=True)


def partial_path(path: Path) -> Path:
    """Where this process writes what will be ``path``: a hidden file or folder beside it.

    Long names are replaced by their digest, so that this one fits the file system where ``path`` does.
    """
    name = os.fsencode(path.name)
    called = path.name if len(name) <= _LONGEST_NAME else hashlib.blake2b(name, digest_size=16).hexdigest()
    return path.with_name(f".{called}.{os.getpid()}.part")


def sweep_partial_files(folder: Path, recursive: bool = False) -> None:
    """Remove what processes that were killed left half-written in ``folder``.

    Files of processes that run on this machine stay; those of this one's number go, because in a container every
    process has the same.

    Args:
        folder: may be missing; this process must not be writing in it.
        recursive: whether to look into its folders, too.
    """
    for path in folder.rglob(".*.part") if recursive else folder.glob(".*.part"):
        pid = path.name.removesuffix(".part").rpartition(".")[2]
        if pid.isascii() and pid.isdigit() and not _is_running(int(pid)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink()


def _is_running(pid: int) -> bool:
    """Whether another process has that number; always where asking would end it (Windows)."""
    if pid == os.getpid():
        return False
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically."""
    write_atomically(path, lambda partial: _write_all(partial, data))


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """The regular file at ``path``, open to be read.

    Raises:
        SemsynthError: it is missing or cannot be read, or is a device, a pipe or a folder, which may never end.
    """
    with explained(path, "cannot read"):
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except ValueError as error:  # a null byte in the name
            raise SemsynthError(f"cannot read {path}: {error}") from error
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SemsynthError(f"{path} is a device or a pipe: give a regular file, for example a copy of it")
            yield file


def read_bytes(path: Path, limit: int) -> bytes:
    """The bytes of a regular file.

    Args:
        path: the file.
        limit: its budget, in bytes.

    Raises:
        SemsynthError: as :func:`opened`, or the file is larger than ``limit``.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(limit + 1) if size <= limit else b""
    if size > limit or len(data) > limit:
        raise SemsynthError(f"{path} has {size:,} bytes: files of this kind have {limit:,} at most")
    return data


def read_part(path: Path, start: int, end: int) -> bytes:
    """Bytes of a regular file; fewer where it ends before.

    Args:
        path: the file.
        start: of the first byte.
        end: of the byte after the last.

    Raises:
        SemsynthError: as :func:`opened`.
    """
    with opened(path) as file:
        end = min(end, os.fstat(file.fileno()).st_size)  # memory is reserved for what is asked for
        if not 0 <= start < end:
            return b""
        file.seek(start)
        return file.read(end - start)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of the file at ``path``."""
    with opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_all(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def machine_memory() -> int | None:
    """Bytes of memory of this machine; None where it does not tell."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
