from __future__ import annotations

import random
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from semsynth.data import zipped
from semsynth.data.zipped import opened_source
from semsynth.errors import SemsynthError


def zip_of(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def entry(path: Path, change: Callable[[zipfile.ZipInfo], None], data: bytes = b"x") -> Path:
    """A zip file of one unusual entry."""
    info = zipfile.ZipInfo("a.txt")
    change(info)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, data)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(path: Path) -> dict[str, bytes]:
    """What a zip file is read as; nothing stays behind."""
    out = path.parent / "work/out"
    out.parent.mkdir(exist_ok=True)
    with opened_source(path, out) as source:
        found = contents(source.folder)
        assert [one.name for one in out.parent.iterdir()] == [".out.unpacked"]
    assert list(out.parent.iterdir()) == []
    return found


def refused(path: Path) -> str:
    with pytest.raises(SemsynthError) as error:
        read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert list((path.parent / "work").iterdir()) == []
    return str(error.value)


def test_a_folder_is_itself(tmp_path: Path) -> None:
    with opened_source(tmp_path, tmp_path / "out") as source:
        assert source.folder == tmp_path
        assert source.shown("as it is") == "as it is"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_what_a_zip_file_holds(tmp_path: Path, method: int) -> None:
    files = {"annotations.xml": b"<a/>" * 99, "images/b c.jpg": b"photo", "images/ü.jpg": b""}
    clutter = {"__MACOSX/._annotations.xml": b"", ".DS_Store": b"", "images/.hidden/c": b""}
    assert read(zip_of(tmp_path / "a.zip", files | clutter, method)) == files


def test_a_single_folder_at_the_top_is_left_out_unless_it_is_a_split(tmp_path: Path) -> None:
    assert read(zip_of(tmp_path / "a.zip", {"set/": b"", "set/a": b"1", "set/sub/b": b"2"})) == {
        "a": b"1",
        "sub/b": b"2",
    }
    assert read(zip_of(tmp_path / "b.zip", {"valid/a.json": b""})) == {"valid/a.json": b""}


def test_names_of_windows_and_of_macos(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"set#a.txt": b"1", "set#ue__.txt": b"2"})
    path.write_bytes(path.read_bytes().replace(b"#", b"\\").replace(b"ue__", "üß".encode()))  # without the UTF-8 flag
    assert read(path) == {"a.txt": b"1", "üß.txt": b"2"}


def test_files_have_the_date_of_the_zip_file(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"a": b"1"})
    with opened_source(path, tmp_path / "out") as source:
        assert (source.folder / "a").stat().st_mtime_ns == path.stat().st_mtime_ns


def test_errors_name_the_zip_file(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"set/a.json": b"1"})
    with pytest.raises(SemsynthError) as error, opened_source(path, tmp_path / "out") as source:
        raise SemsynthError(f"{source.folder / 'a.json'} is wrong")
    assert str(error.value) == f"{path}/set/a.json is wrong"


def test_what_a_killed_import_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "work/.out.unpacked/files/old.txt"
    left.parent.mkdir(parents=True)
    left.write_text("old")
    assert read(zip_of(tmp_path / "a.zip", {"a": b"1"})) == {"a": b"1"}


@pytest.mark.parametrize("name", ["../a", "b/../../a", "/etc/a", "C:/a", "C:a", "..\\a", "\\\\server\\a", "images/.."])
def test_entries_outside_are_refused(tmp_path: Path, name: str) -> None:
    assert "it lies outside the zip file's own folder" in refused(zip_of(tmp_path / "a.zip", {"b": b"", name: b"1"}))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    path = entry(tmp_path / "a.zip", lambda info: setattr(info, "external_attr", (kind | 0o777) << 16), b"/etc/passwd")
    assert refused(path).endswith("'a.txt': it is a link or a device, not a file: unpack it yourself if you trust it")


def test_encrypted_entries_are_refused(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", {"a.txt": b"1"})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert refused(path).endswith("'a.txt': it is encrypted: unpack it yourself with its password")


@pytest.mark.parametrize(("one", "other", "message"), [
    ("a", "./a", "holds 'a' twice"), ("a", "a/", "holds 'a' twice"), ("a", "a/b/c", "'a' as a file and as a folder"),
])  # fmt: skip
def test_names_that_meet_are_refused(tmp_path: Path, one: str, other: str, message: str) -> None:
    assert message in refused(zip_of(tmp_path / "a.zip", {one: b"1", other: b"2" * (other[-1] != "/")}))
    assert message in refused(zip_of(tmp_path / "a.zip", {other: b"2" * (other[-1] != "/"), one: b"1"}))


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    assert "holds 'a' twice" in refused(path)


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "FREE_BYTES", 1000)
    bomb = zip_of(tmp_path / "a.zip", {"a": bytes(200_000)})
    size = bomb.stat().st_size
    assert size < 4000
    assert f"{bomb} unpacks to 200,000 bytes: at most {50 * size:,} are allowed for its size" in refused(bomb)
    assert len(read(zip_of(tmp_path / "b.zip", {"a": bytes(20 * size)}, zipfile.ZIP_STORED))["a"]) == 20 * size
    monkeypatch.setattr(zipped, "MOST_ENTRIES", 2)
    many = zip_of(tmp_path / "c.zip", {str(n): b"" for n in range(3)})
    assert f"{many} holds 3 files: at most 2 are unpacked" in refused(many)


def test_an_entry_that_is_larger_than_it_says_is_damaged(tmp_path: Path) -> None:
    """The table of contents is believed, and no byte more than it says is unpacked."""
    path = zip_of(tmp_path / "a.zip", {"a": bytes(5000)})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<L", 5000), struct.pack("<L", 10)))
    assert "is cut off or damaged" in refused(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(b"not a zip file")
    assert refused(path) == f"{path} is neither a folder nor a zip file: unpack it, or give the folder"


def test_cut_and_changed_files_are_one_line(tmp_path: Path) -> None:
    whole = zip_of(tmp_path / "a.zip", {"a/b.txt": b"text" * 50, "c": b"x"}).read_bytes()
    path, draw, failed = tmp_path / "b.zip", random.Random(0), 0
    for number in range(300):
        data = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        path.write_bytes(data[: draw.randrange(len(data))] if number % 3 == 0 else data)
        try:
            read(path)
        except SemsynthError as error:
            failed += "\n" not in str(error)
    assert failed > 100
