"""The folder of a large picture that is being made: what a killed process left is used by the next one."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from semsynth.bulk.task import TileTask
from semsynth.config import dump_config, load_config
from semsynth.errors import SemsynthError
from semsynth.files import explained, sweep_partial_files
from semsynth.large.job import PIXELS, LargeJob
from semsynth.locks import LOCK, FolderLock

JOB, FINISHED = "job.json", "finished.txt"
"""Names of the files that hold the job, and a line with the number of every tile whose pixels are on the disk."""

_CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
"""What file systems answer that do not take room ahead."""


class TileFolder:
    """One process at a time fills it."""

    def __init__(self, root: Path, job: LargeJob, *, overwrite: bool = False) -> None:
        """Begin, or go on where an earlier process stopped.

        Args:
            root: new, empty, or a folder of the same job.
            job: what is made.
            overwrite: whether tiles of another job may be removed.

        Raises:
            SemsynthError: another process is at work, tiles of another job, or too little space on the disk.
        """
        self.root = root
        self._lock = FolderLock(root, "making tiles in")
        try:
            self._take_over(job, overwrite)
            self.finished = self._read()
            """Numbers of the tiles."""
            with explained(self.pixels):
                _reserve(self.pixels, 3 * job.size[0] * job.size[1])
        except BaseException:
            self._lock.release()
            raise

    @property
    def pixels(self) -> Path:
        """The picture's pixels [H,W,3] uint8, without a header."""
        return self.root / PIXELS

    def add(self, task: TileTask) -> None:
        """Note that a tile is on the disk."""
        with explained(self.root / FINISHED), (self.root / FINISHED).open("ab") as file:
            file.write(b"%d\n" % task.number)  # in one write: a line is there as a whole, or lacks its end
        self.finished.add(task.number)

    def remove(self) -> None:
        """The picture is finished, or cannot be made: nothing of the folder is needed any more."""
        self._lock.release()
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let others go on."""
        self._lock.release()

    def _take_over(self, job: LargeJob, overwrite: bool) -> None:
        path = self.root / JOB
        sweep_partial_files(self.root)
        if path.exists():
            before, now = load_config(LargeJob, path).model_dump(), job.model_dump()
            other = [f"{key} {before[key]}, not {value}" for key, value in now.items() if before[key] != value]
            if not other:
                return
            if not overwrite:
                raise SemsynthError(
                    f"{self.root} holds tiles of another picture ({'; '.join(other)}): choose another `out`, give "
                    "`overwrite`, or remove the folder"
                )
        elif any(one.name != LOCK for one in self.root.iterdir()):
            raise SemsynthError(f"{self.root} is not empty and holds no tiles: choose another `out`")
        for one in self.root.iterdir():
            if one.name != LOCK:
                with explained(one, "cannot remove"):
                    one.unlink()
        dump_config(job, path)

    def _read(self) -> set[int]:
        path = self.root / FINISHED
        with explained(path):
            text = path.read_bytes() if path.exists() else b""
            whole = text[: text.rfind(b"\n") + 1]
            if whole != text:
                os.truncate(path, len(whole))
        try:
            return {int(line) for line in whole.split()}
        except ValueError:
            raise SemsynthError(f"{path} is damaged: remove {self.root} and begin again") from None


def _reserve(path: Path, size: int) -> None:
    """Take the room for a file now: a full disk is told before the work, where the system can do that.

    Raises:
        OSError: there is too little.
    """
    with path.open("ab") as file:
        if os.fstat(file.fileno()).st_size == size:
            return
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError as error:
                if error.errno not in _CANNOT_RESERVE:
                    raise
        file.truncate(size)
