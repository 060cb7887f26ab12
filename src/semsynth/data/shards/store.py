"""Where shards lie: a folder, or an address whose shards are kept in a cache."""

from __future__ import annotations

from pathlib import Path

from semsynth.config import load_config
from semsynth.data.shards.index import INDEX_FILE, PARTIAL_INDEX_FILE, ShardEntry, ShardIndex, read_idx
from semsynth.errors import SemsynthError
from semsynth.files import read_part, sha256


class FolderStore:
    """A folder of shards."""

    def __init__(self, root: Path) -> None:
        self.root, self.location = root, str(root)

    def index(self) -> ShardIndex:
        """Read ``index.json``.

        Raises:
            SemsynthError: missing or malformed.
        """
        return load_config(ShardIndex, self.root / INDEX_FILE)

    def idx(self, shard: ShardEntry) -> list[str]:
        """The lines of the shard's ``.idx`` file.

        Raises:
            SemsynthError: missing or malformed.
        """
        return read_idx((self.root / shard.file).with_suffix(".idx"), shard)

    def read(self, shard: ShardEntry, start: int, end: int) -> bytes:
        """Bytes of the shard's archive; fewer where it ends before.

        Raises:
            SemsynthError: it is missing or cannot be read.
        """
        return read_part(self.root / shard.file, start, end)

    def check(self, shard: ShardEntry) -> None:
        """See whether the shard is there at its full size.

        Raises:
            SemsynthError: it is not.
        """
        path = self.root / shard.file
        if not path.is_file():
            raise SemsynthError(f"{path} is missing: restore it")
        size = path.stat().st_size
        if size != shard.bytes:
            state = "truncated" if size < shard.bytes else "too long"
            raise SemsynthError(f"{path} is {state}: {size} bytes, {INDEX_FILE} says {shard.bytes}: restore it")

    def verify(self, shard: ShardEntry) -> None:
        """Read the whole shard and compare its checksum.

        Raises:
            SemsynthError: it is missing, has another size or another checksum.
        """
        self.check(shard)
        if sha256(self.root / shard.file) != shard.sha256:
            raise SemsynthError(f"{self.root / shard.file}: its checksum is not that of {INDEX_FILE}: restore it")


def is_shard_folder(root: Path) -> bool:
    """Whether ``root`` is a folder of shards.

    Raises:
        SemsynthError: it is one whose writing was interrupted.
    """
    if (root / INDEX_FILE).is_file():
        return True
    if (root / PARTIAL_INDEX_FILE).is_file():
        raise SemsynthError(f"{root} holds shards that are not complete: start the command that writes them again")
    return False
