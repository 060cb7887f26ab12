"""Every command of README and docs runs, in the order of its document, in a scratch folder."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from command_line import invoke
from documented_commands import (
    DOCUMENTS,
    NOT_RUN,
    commands_of,
    make_ready,
    make_room,
    make_trainings_small,
    reason_to_leave_out,
    shortened,
    write_files,
)

RUN = {document: [one for one in commands_of(document) if not reason_to_leave_out(one)] for document in DOCUMENTS}


def test_what_is_left_out_is_documented() -> None:
    given = {reason_to_leave_out(arguments) for document in DOCUMENTS for arguments in commands_of(document)}
    assert set(NOT_RUN.values()) <= given


@pytest.mark.slow
@pytest.mark.parametrize("document", [one for one, commands in RUN.items() if commands], ids=lambda path: path.stem)
def test_commands_run_in_order(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    make_trainings_small(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    failed = []
    for arguments in RUN[document]:
        make_room(arguments, tmp_path)
        make_ready(arguments, tmp_path)
        code, text = invoke(*shortened(arguments))
        if code != 0:
            failed.append(f"semsynth {shlex.join(arguments)}\n    exit {code}: {text[-400:]}")
    assert not failed, "\n".join(failed)
