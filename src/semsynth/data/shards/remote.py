"""Shards at an address, kept in a cache once they have been downloaded.

The cache is a folder that all processes of a machine share: ``SEMSYNTH_CACHE``, by default ``~/.cache/semsynth``.
Shards lie in it under their checksums. ``SEMSYNTH_CACHE_SIZE`` bounds it; what was read longest ago goes first.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from semsynth.config import validated
from semsynth.data.shards.index import INDEX_FILE, ShardEntry, ShardIndex, parse_size, read_idx
from semsynth.data.shards.reading import ShardSplit
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.extras import require
from semsynth.files import make_folder, read_part, sha256, write_atomically

CACHE, CACHE_SIZE = "SEMSYNTH_CACHE", "SEMSYNTH_CACHE_SIZE"
"""Environment variables."""
DEFAULT_CACHE_SIZE = "100GB"

SHUFFLED_TOGETHER = 8
"""Shards that are read at a time, in an order shuffled over all of them."""

PAUSES = (1.0, 4.0, 16.0)
"""Seconds before each new attempt to download."""
SILENCE = 60.0
"""Seconds without a byte after which an attempt has failed."""

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_FINAL = (FileNotFoundError, PermissionError, NotImplementedError)
"""What another attempt does not mend."""
_NO_CREDENTIALS = ("NoCredentialsError", "PartialCredentialsError")
"""Nor these of botocore, which need not be installed."""
_LATER = (408, 425, 429)
"""Answers of HTTP that it may mend, besides those of the server's own trouble (from 500)."""

_log = logging.getLogger(__name__)


class RemoteStore:
    """Shards at an address that fsspec can read: ``https://...``, ``s3://...`` and others."""

    def __init__(self, address: str) -> None:
        """Name the address; nothing is read yet.

        Raises:
            SemsynthError: ``SEMSYNTH_CACHE_SIZE`` is no size.
        """
        self.location = address.rstrip("/")
        given = os.environ.get(CACHE)
        self.cache = (Path(given) if given else Path.home() / ".cache" / "semsynth") / "shards"
        self.limit = parse_size(os.environ.get(CACHE_SIZE, DEFAULT_CACHE_SIZE))

    def index(self) -> ShardIndex:
        """Download ``index.json``.

        Raises:
            SemsynthError: it cannot be reached, or is malformed; or the cache is too small for the shards.
        """
        address = f"{self.location}/{INDEX_FILE}"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / INDEX_FILE
            fetch(address, path, read_json)
            index = validated(ShardIndex, read_json(path), address)
        self._check_limit(index)
        return index

    def idx(self, shard: ShardEntry) -> list[str]:
        """The lines of the shard's ``.idx`` file.

        Raises:
            SemsynthError: it cannot be reached, or is malformed.
        """
        path, address = self._path(shard, ".idx"), f"{self.location}/{shard.file.removesuffix('.tar')}.idx"
        if not path.exists():
            with self._lock(path):
                if not path.exists():
                    fetch(address, path, lambda partial: read_idx(partial, shard, address))
        return read_idx(path, shard, address)

    def read(self, shard: ShardEntry, start: int, end: int) -> bytes:
        """Bytes of the shard's archive, which is downloaded if it is not in the cache.

        Raises:
            SemsynthError: it cannot be reached, has another checksum, or the cache cannot be written.
        """
        path = self.fetched(shard)
        while True:
            try:
                return read_part(path, start, end)
            except SemsynthError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
                path = self.fetched(shard)  # another process needed the room

    def check(self, shard: ShardEntry) -> None:
        """Nothing that can be told at once."""

    def verify(self, shard: ShardEntry) -> None:
        """Download the shard, if it is not in the cache: that compares its checksum.

        Raises:
            SemsynthError: as :meth:`read`.
        """
        self.fetched(shard)

    def fetched(self, shard: ShardEntry) -> Path:
        """The shard in the cache; downloaded by one process while the others that want it wait.

        Raises:
            SemsynthError: as :meth:`read`.
        """
        path = self._path(shard, ".tar")
        with suppress(OSError):
            os.utime(path)  # read just now
            return path
        with self._lock(path):
            if not path.exists():
                fetch(f"{self.location}/{shard.file}", path, lambda partial: _check_whole(partial, shard))
                self._make_room(path)
        return path

    def ahead(self, shard: ShardEntry) -> None:
        """Download the shard beside what goes on."""
        if not self._path(shard, ".tar").exists():
            _downloader(os.getpid()).ask(self, shard)

    @contextmanager
    def _lock(self, path: Path) -> Iterator[None]:
        """Be the only process of the machine that downloads a file."""
        make_folder(self.cache)
        with FileLock(path.with_suffix(path.suffix + ".lock")):
            for stale in self.cache.glob(f".{path.name}.*.part"):  # of a process that was killed
                stale.unlink(missing_ok=True)
            yield

    def _path(self, shard: ShardEntry, suffix: str) -> Path:
        return self.cache / f"{shard.sha256}{suffix}"

    def _check_limit(self, index: ShardIndex) -> None:
        shards = [shard.bytes for split in index.splits.values() for shard in split.shards]
        needed = sum(sorted(shards)[-2 * SHUFFLED_TOGETHER :])
        if needed > self.limit:
            raise SemsynthError(
                f"{CACHE_SIZE} is {self.limit / 1e9:.1f} GB, but {min(len(shards), 2 * SHUFFLED_TOGETHER)} shards of "
                f"{self.location} are needed at a time, {needed / 1e9:.1f} GB: give more, or make smaller shards"
            )

    def _make_room(self, newest: Path) -> None:
        """Remove what was read longest ago until the cache keeps its size."""
        ages = {}
        for path in self.cache.glob("*.tar"):
            with suppress(OSError):
                status = path.stat()
                ages[path] = status.st_mtime, status.st_size
        excess = sum(size for _, size in ages.values()) - self.limit
        for path in sorted(ages, key=lambda path: ages[path]):
            if excess <= 0 or path == newest:
                break
            with suppress(OSError):
                path.unlink(missing_ok=True)
                excess -= ages[path][1]


class StreamedSplit(ShardSplit):
    """One split of shards at an address.

    Attributes:
        blocks: lengths of the runs of samples that lie together.
        together: how many of them are shuffled into one another.
    """

    _store: RemoteStore

    @property
    def blocks(self) -> tuple[int, ...]:
        """Samples of each shard."""
        return tuple(shard.samples for shard in self._shards)

    @property
    def together(self) -> int:
        """How many shards are read at a time."""
        return SHUFFLED_TOGETHER

    def ahead(self, index: int) -> None:
        """Sample ``index`` will be needed later: download its shard."""
        self._store.ahead(self._shards[self.shard_of(index)])


def fetch(address: str, target: Path, check: Callable[[Path], object] = lambda partial: None) -> None:
    """Download a file, whole or not at all; what fails is tried again after each of :data:`PAUSES`.

    Args:
        address: what fsspec can read.
        target: the file to write.
        check: given the whole file before it gets its name; raises a :class:`SemsynthError` if it is damaged.

    Raises:
        SemsynthError: there is no such file, it could not be reached, or was damaged, every time; a full disk; or the
            library for this kind of address is not installed.
    """
    if address.startswith("s3:"):
        require("s3", address, "s3fs")
    for pause in (*PAUSES, None):
        try:
            write_atomically(target, lambda partial: _download(address, partial, check))
            return
        except _FailedError as failed:
            if failed.final or pause is None:
                tried = "" if failed.final else f" ({len(PAUSES) + 1} attempts)"
                raise SemsynthError(f"cannot read {address}: {failed}{tried}; check address and network") from failed
            _log.info("%s: %s; next attempt in %g s", address, failed, pause)
            time.sleep(pause)


class _FailedError(Exception):
    """An attempt to download, with the reason."""

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


def _download(address: str, partial: Path, check: Callable[[Path], object]) -> None:
    import fsspec

    try:
        system, path = fsspec.url_to_fs(address, **_options(address))
    except (ImportError, ValueError) as error:
        raise _FailedError(str(error), final=True) from error
    try:
        system.get_file(path, str(partial))
        check(partial)
    except SemsynthError as error:
        raise _FailedError(str(error)) from error
    except Exception as error:  # of aiohttp, botocore or any other library: no common base
        if isinstance(error, OSError) and error.errno in _DISK:
            raise
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else " ".join(str(error).split())
        refused = 400 <= getattr(error, "status", 0) < 500 and getattr(error, "status", 0) not in _LATER
        final = refused or isinstance(error, _FINAL) or type(error).__name__ in _NO_CREDENTIALS
        raise _FailedError(reason or type(error).__name__, final) from error


def _options(address: str) -> dict[str, Any]:
    if not address.startswith(("http://", "https://")):
        return {}
    import aiohttp

    # aiohttp's own limit is five minutes for the whole file.
    return {"client_kwargs": {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=SILENCE, sock_read=SILENCE)}}


def _check_whole(path: Path, shard: ShardEntry) -> None:
    size = path.stat().st_size
    if size != shard.bytes:
        raise SemsynthError(f"it has {size} bytes, {INDEX_FILE} says {shard.bytes}")
    if sha256(path) != shard.sha256:
        raise SemsynthError(f"its checksum is not that of {INDEX_FILE}")


class _Downloader:
    """A thread that downloads shards before they are needed; what fails is tried again by whoever needs it."""

    def __init__(self) -> None:
        self._wanted: queue.SimpleQueue[tuple[RemoteStore, ShardEntry]] = queue.SimpleQueue()
        self._asked: set[str] = set()
        threading.Thread(target=self._work, daemon=True).start()

    def ask(self, store: RemoteStore, shard: ShardEntry) -> None:
        if shard.sha256 not in self._asked:
            self._asked.add(shard.sha256)
            self._wanted.put((store, shard))

    def _work(self) -> None:
        while True:
            store, shard = self._wanted.get()
            with suppress(SemsynthError):
                store.fetched(shard)
            self._asked.discard(shard.sha256)


@functools.lru_cache(maxsize=1)
def _downloader(process: int) -> _Downloader:
    """That of this process: threads do not survive a fork."""
    return _Downloader()
