"""What ends a command beyond its own errors: Ctrl-C, the system's refusals, and mistakes of this package."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from semsynth.errors import shortened
from semsynth.files import way_out
from semsynth.version import __version__

UNEXPECTED = 70
"""Exit code of a mistake in this package (EX_SOFTWARE of sysexits.h)."""


@contextmanager
def interruptible(how: str) -> Iterator[None]:
    """Say on Ctrl-C inside ``how`` to go on, and exit with 130."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"stopped: {how}", err=True)
        raise typer.Exit(130) from None


@contextmanager
def last_net() -> Iterator[None]:
    """Turn whatever comes out of a command into one line on stderr and an exit code.

    What the system refuses (files, memory) exits with 2, like every other problem of the user's. Anything else is a
    mistake of this package: the line names the version and the file of the full trace, and the exit code is 70.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):  # names of files need not be text
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        yield
    except BrokenPipeError:  # whoever reads the output has seen enough
        sys.exit(1)
    except Exception as error:
        refused = _refused(error)
        _say(refused or _mistake(error))
        sys.exit(2 if refused else UNEXPECTED)


def _refused(error: Exception) -> str | None:
    """The line about what the system refuses; None: it is something else."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate" in str(error):
        return "error: there is not enough memory: use smaller pictures or batches, or a machine with more of it"
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        return f"error: {shortened(error.filename)}: {way_out(error)}"
    return None


def _mistake(error: Exception) -> str:
    kind, reason = type(error).__name__, shortened(error)
    what = f"error: unexpected {kind} in semsynth {__version__}{f' ({reason})' if reason else ''}"
    trace = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="semsynth-error-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(f"{_environment()}\n{trace}")
    except OSError:
        typer.echo(trace, err=True)
        return f"{what}: please report it on the project's issue page, with the trace above"
    path = Path(file.name)
    return f"{what}: please report it on the project's issue page, with the full trace, which is in {path}"


def _environment() -> str:
    torch = getattr(sys.modules.get("torch"), "__version__", "not loaded")
    return (
        f"semsynth {__version__}, Python {platform.python_version()}, torch {torch}, {platform.platform()}\n"
        f"command: {' '.join(sys.argv[1:])}"
    )


def _say(line: str) -> None:
    with suppress(OSError):
        typer.echo(" ".join(line.split()), err=True)
