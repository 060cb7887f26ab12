"""The command line in the process of the tests."""

from __future__ import annotations

from collections.abc import Iterable

from typer.testing import CliRunner, Result

from semsynth.cli.main import app


def invoke(*arguments: object) -> tuple[int, str]:
    """``semsynth ARGUMENTS``: exit code and everything printed; an exception that no command expects is raised."""
    result = CliRunner().invoke(app, list(map(str, arguments)))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def train(*arguments: object) -> tuple[int, str]:
    """``semsynth train ARGUMENTS``."""
    return invoke("train", *arguments)


def sets(settings: Iterable[str]) -> list[str]:
    """``--set KEY=VALUE`` for each setting."""
    return [part for setting in settings for part in ("--set", setting)]


def refused(result: Result, *parts: object) -> None:
    """The command must have ended with code 2 and one line on stderr that holds every one of ``parts``."""
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    for part in ("error: ", *parts):
        assert str(part) in lines[0], lines[0]
