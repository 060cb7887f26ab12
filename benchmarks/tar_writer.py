"""The writer of shards beside the standard library's ``tarfile``: is a writer of its own worth keeping?

    python benchmarks/tar_writer.py [--bytes 100000000] [--rounds 7] [--json FILE]

Both write the same members in the same run, in turns, hash what they write, and end when it is on the disk. CPU seconds
count both sides' threads; they are what a busy machine does not disturb.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import resource
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from report import machine, print_table, write_report

from semsynth.data.shards.tar import TarWriter, header

SIZES = (1_500, 35_000, 164_000)
"""Bytes of a member: small label maps, and photos of 256x256 and of 512x512 pixels."""
MOST = 20_000
"""Members at most."""

Members = Sequence[tuple[str, bytes]]


class Hashed(io.FileIO):
    """A new file whose SHA-256 is taken as it is written."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "wb")
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write and hash."""
        self.digest.update(data)
        return super().write(data)


def own(path: Path, members: Members) -> str:
    """The package's writer."""
    writer = TarWriter(path)
    for name, data in members:
        writer.add(header(name, len(data)), data)
    return writer.finish()


def standard(path: Path, members: Members) -> str:
    """``tarfile``."""
    with Hashed(path) as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, copybufsize=2**20) as archive:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        os.fsync(file.fileno())
        return file.digest.hexdigest()


def timed(write: Callable[[Path, Members], str], path: Path, members: Members) -> tuple[float, float, str]:
    """Wall-clock seconds, CPU seconds and digest of one archive, which is removed."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    digest = write(path, members)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    path.unlink()
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, digest


def main() -> None:
    """Time both sides and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", type=int, default=100_000_000, help="size of an archive, about")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            count = min(MOST, arguments.bytes // size)
            members = [(f"scene_{number:06d}.image.jpg", os.urandom(1) * size) for number in range(count)]
            runs: dict[str, list[tuple[float, float, str]]] = {"own": [], "standard": []}
            for _ in range(arguments.rounds):
                for write in (own, standard):
                    runs[write.__name__].append(timed(write, Path(folder) / "a.tar", members))
            assert runs["own"][0][2] == runs["standard"][0][2], "the archives differ"
            wall, cpu = ({name: statistics.median(run[i] for run in of) for name, of in runs.items()} for i in (0, 1))
            rows.append(
                [
                    f"{count:,} of {size:,} bytes",
                    f"{wall['own']:.2f} / {wall['standard']:.2f} s",
                    f"{wall['own'] / wall['standard']:.2f}",
                    f"{cpu['own']:.2f} / {cpu['standard']:.2f} s",
                    f"{cpu['own'] / cpu['standard']:.2f}",
                ]
            )
            figures[str(size)] = {"wall": wall, "cpu": cpu}
    print(machine())
    print_table("Archives written", ["members", "time, own / tarfile", "ratio", "CPU, own / tarfile", "ratio"], rows)
    if arguments.json is not None:
        write_report(arguments.json, figures)


if __name__ == "__main__":
    main()
