from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semsynth.errors import SemsynthError
from semsynth.files import (
    make_folder,
    partial_path,
    read_bytes,
    sha256,
    sweep_partial_files,
    write_atomically,
    write_bytes,
)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.bin"
    write_bytes(path, b"content")
    assert path.read_bytes() == b"content"
    assert [p.name for p in path.parent.iterdir()] == ["c.bin"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(partial: Path) -> None:
        partial.write_bytes(b"half of the n")
        raise ValueError("interrupted")

    with pytest.raises(ValueError, match="interrupted"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_readers_never_see_a_part(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = {bytes([value]) * 300_000 for value in (1, 2, 3)}
    write_bytes(path, next(iter(contents)))
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for content in contents:
                write_bytes(path, content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(path.read_bytes() in contents for _ in range(200))
    finally:
        stop.set()
        writer.join()


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    code = f"""
import os, signal
from pathlib import Path
from semsynth.files import write_atomically
def half(partial):
    partial.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
write_atomically(Path({str(path)!r}), half)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode != 0
    assert path.read_bytes() == b"old"


def test_a_full_disk_is_said_and_leaves_nothing(tiny_disk: Path) -> None:
    path = tiny_disk / "big.bin"
    with pytest.raises(SemsynthError, match=r"cannot write .*big\.bin: the disk is full: free some space"):
        write_bytes(path, bytes(1_000_000))
    assert list(tiny_disk.iterdir()) == []
    write_bytes(path, bytes(1000))  # what was written of the big one has been given back
    assert path.stat().st_size == 1000


def test_a_read_only_disk_is_said(tiny_disk: Path) -> None:
    write_bytes(tiny_disk / "file", b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    with pytest.raises(SemsynthError, match="the folder is read-only: choose another one"):
        write_bytes(tiny_disk / "file", b"new")
    assert (tiny_disk / "file").read_bytes() == b"old"
    with pytest.raises(SemsynthError, match=r"cannot create the folder .* the folder is read-only"):
        make_folder(tiny_disk / "folder")


def test_a_full_device_is_said(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")

    def write(partial: Path) -> None:
        with full.open("wb") as file:
            file.write(b"x")

    with pytest.raises(SemsynthError, match="the disk is full"):
        write_atomically(tmp_path / "file", write)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EROFS, "read-only"),
        (errno.EACCES, "no permission"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_every_reason_is_said_in_words(tmp_path: Path, number: int, words: str) -> None:
    def fail(partial: Path) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(SemsynthError, match=words) as caught:
        write_atomically(tmp_path / "file", fail)
    assert str(tmp_path / "file") in str(caught.value)


def test_a_read_only_folder_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(SemsynthError, match="no permission to write there"):
        write_bytes(folder / "file", b"x")


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SemsynthError, match="cannot create the folder"):
        make_folder(tmp_path / "file" / "folder")
    with pytest.raises(SemsynthError, match="cannot create the folder"):
        write_bytes(tmp_path / "file" / "other", b"x")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"cannot read .*nothing\.bin"):
        read_bytes(tmp_path / "nothing.bin", 10)
    with pytest.raises(SemsynthError, match="cannot read"):
        sha256(tmp_path / "nothing.json")


@pytest.mark.parametrize("read", [lambda path: read_bytes(path, 1000), sha256])
def test_only_regular_files_are_read(read: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(SemsynthError, match=f"{path} is a device or a pipe: give a regular file"):
            read(path)
    with pytest.raises(SemsynthError, match="cannot read"):
        read(tmp_path)
    with pytest.raises(SemsynthError, match="null"):
        read(Path("a\0b"))


def test_a_budget_is_kept_to_the_byte(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path / "a", 5) == b"12345"
    with pytest.raises(SemsynthError, match="a has 5 bytes: files of this kind have 4 at most"):
        read_bytes(tmp_path / "a", 4)


def test_sha256_of_a_known_text(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")  # the example of FIPS 180-2
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "big").write_bytes(bytes(1_000_000))
    assert sha256(tmp_path / "big") == hashlib.sha256(bytes(1_000_000)).hexdigest()


def test_only_files_of_dead_processes_are_swept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    living, dead, own = os.getppid(), ended.pid, os.getpid()
    inner = tmp_path / "state"
    inner.mkdir()
    names = [".a.pt.{}.part", "state/.b.pt.{}.part", ".{}.part"]
    for name in names:
        for pid in (living, dead, own):
            (tmp_path / name.format(pid)).write_text("x")
    staging = tmp_path / f".model.{dead}.part"
    staging.mkdir()
    (staging / "generator.safetensors").write_text("x")
    others = [tmp_path / name for name in ("a.part", ".part", ".x.part", ".y.-1.part", ".z.²3.part", f"c.{dead}.part")]
    for path in others:
        path.write_text("x")
    sweep_partial_files(tmp_path)
    assert (inner / f".b.pt.{dead}.part").exists()
    sweep_partial_files(tmp_path, recursive=True)
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*others, *(tmp_path / name.format(living) for name in names)}
    assert not staging.exists()
    sweep_partial_files(tmp_path / "missing", recursive=True)


@pytest.mark.parametrize("name", ["a" * 255, "ä" * 127, "a" * 251 + ".png", "b.png"])
def test_every_name_that_fits_the_file_system_can_be_written(tmp_path: Path, name: str) -> None:
    write_bytes(tmp_path / name, b"content")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, b"content")]


@pytest.mark.parametrize("name", ["a" * 256, "a" * 5000, "d/" * 3000])
def test_names_that_do_not_fit_are_one_short_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(SemsynthError, match="name is too long for the file system") as caught:
        write_bytes(tmp_path / name, b"content")
    assert len(str(caught.value)) < 800
    assert not list(tmp_path.iterdir())


def test_part_files_of_long_names_are_swept(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    part = partial_path(tmp_path / ("a" * 255))
    assert part != partial_path(tmp_path / ("a" * 254))
    left = part.with_name(part.name.replace(f".{os.getpid()}.", f".{dead.pid}."))
    left.write_bytes(b"")
    sweep_partial_files(tmp_path)
    assert not list(tmp_path.iterdir())
