"""Locks of folders: one process at a time, and nobody keeps one by accident."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from semsynth.errors import SemsynthError
from semsynth.locks import LOCK, FolderLock

HOLD = """
import os, sys, time
from pathlib import Path
from semsynth.locks import FolderLock
lock = FolderLock(Path(sys.argv[1]), "training in")
if os.fork() == 0:
    print(os.getpid(), flush=True)  # by now the child has let go
time.sleep(60)
"""


def test_a_second_holder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "run", "training in"):
        with pytest.raises(SemsynthError, match=f"another process is training in {tmp_path / 'run'}: wait"):
            FolderLock(tmp_path / "run", "training in")
        FolderLock(tmp_path / "other", "training in").release()
    with FolderLock(tmp_path / "run", "training in"):
        assert (tmp_path / "run" / LOCK).exists()
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_process_holds_nothing_though_its_child_lives(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        try:
            with pytest.raises(SemsynthError, match="another process"):
                FolderLock(tmp_path, "training in")
            holder.kill()
            holder.wait()
            os.kill(child, 0)  # it lives
            FolderLock(tmp_path, "training in").release()
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SemsynthError, match="cannot create the folder"):
        FolderLock(tmp_path / "file" / "run", "training in")


def test_one_at_a_time_however_often_it_changes_hands(tmp_path: Path) -> None:
    """Holders remove the file: those that have opened it meanwhile must not count as holders."""
    (tmp_path / "counter").write_text("0")
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from semsynth.errors import SemsynthError\n"
        "from semsynth.locks import FolderLock\n"
        "folder, done = Path(sys.argv[1]), 0\n"
        "while done < 80:\n"
        "    try:\n"
        "        with FolderLock(folder / 'locked', 'counting in'):\n"
        "            (folder / 'counter').write_text(str(int((folder / 'counter').read_text()) + 1))\n"
        "            done += 1\n"
        "    except SemsynthError:\n"
        "        pass\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert (tmp_path / "counter").read_text() == "240"
