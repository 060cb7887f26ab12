"""What an import made of which files: importing again makes anew what changed, and names what is gone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import quote, unquote

from semsynth.data.listing import counted, examples, is_picture, name_of_file
from semsynth.data.progress import Tell
from semsynth.errors import SemsynthError
from semsynth.files import explained, make_folder, read_bytes

RECORD_FILE = ".import"
"""In the dataset folder: a line per sample, with a digest of what it was made of."""
_RECORD_BYTES = 2**30
"""Budget of that file, some millions of samples."""


class SplitSample(Protocol):
    """A sample that belongs to a split, as a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def split(self) -> str:
        """For example ``train``."""

    @property
    def name(self) -> str:
        """Unique in the split."""


S = TypeVar("S", bound=SplitSample)


class ImportRecord:
    """The record of a dataset folder."""

    def __init__(self, out: Path, settings: str, kinds: Collection[str]) -> None:
        """Read what earlier imports left.

        Args:
            out: the dataset folder; may be missing.
            settings: what samples are made with besides their files; a change makes them anew.
            kinds: sub-folders of a split that hold a sample's files.

        Raises:
            SemsynthError: the folder cannot be read.
        """
        self.out = out
        self._settings, self._lock = settings, Lock()
        self._made = _read(out / RECORD_FILE)
        self._files = _files(out, kinds)

    def kept_in_place(self, samples: Sequence[S], tell: Tell) -> list[S]:
        """The samples, those that are here already in the split where they lie; ``tell`` is told their names."""
        kept = [replace(sample, split=next(self._others(sample), sample.split)) for sample in samples]
        moved = [new.name for old, new in zip(samples, kept, strict=True) if old.split != new.split]
        if moved:
            tell(
                f"{counted(len(moved), 'sample')} of {self.out} kept in the split where an earlier import put them: "
                f"{examples(moved)}; choose a new folder to divide all anew"
            )
        return kept

    def check_splits(self, samples: Sequence[SplitSample]) -> None:
        """Make sure that no sample is in another split as well, where it would be trained on and judged by.

        Raises:
            SemsynthError: one is, because the source or its division have changed.
        """
        known = {(sample.split, sample.name) for sample in samples}
        moved = [(there, one) for one in samples for there in self._others(one) if (there, one.name) not in known]
        if moved:
            there, sample = moved[0]
            raise SemsynthError(
                f"{self.out / there} has '{sample.name}' already, which goes to {sample.split} now (and "
                f"{len(moved) - 1} more), because the source or its division have changed: choose a new folder"
            )

    def is_current(self, sample: SplitSample, sources: Iterable[Path]) -> bool:
        """Whether the sample was made of these files, as they are, and with these settings."""
        return self._made.get(_key(sample)) == self._digest(sources)

    def remove(self, sample: SplitSample) -> None:
        """Remove the files of a sample that is made anew.

        Raises:
            SemsynthError: one cannot be removed.
        """
        for path in self._files.get(sample.split, {}).get(sample.name, ()):
            with explained(path, "cannot replace"):
                path.unlink(missing_ok=True)

    def add(self, sample: SplitSample, sources: Iterable[Path]) -> None:
        """The sample was made of these files.

        Raises:
            SemsynthError: the record cannot be written.
        """
        key, digest = _key(sample), self._digest(sources)
        with self._lock:
            if self._made.get(key) != digest:
                self._made[key] = digest
                path = make_folder(self.out) / RECORD_FILE
                with explained(path), path.open("ab") as file:
                    file.write(f"\n{digest} {quote(key, errors='surrogateescape')}".encode())

    def gone(self, samples: Sequence[SplitSample]) -> str | None:
        """What to say of samples that were imported before, are here still, and are not among ``samples``."""
        known = set(map(_key, samples))
        here = {f"{split}/{name}" for split, files in self._files.items() for name in files}
        gone = [key for key in self._made if key in here and key not in known]
        if not gone:
            return None
        are = "is" if len(gone) == 1 else "are"
        return (
            f"{self.out} holds {counted(len(gone), 'sample')} that {are} no longer in the source: {examples(gone)}; "
            "remove the files, or import into a new folder"
        )

    def _others(self, sample: SplitSample) -> Iterator[str]:
        """Other splits that hold a sample of this name."""
        return (split for split, files in self._files.items() if split != sample.split and sample.name in files)

    def _digest(self, sources: Iterable[Path]) -> str:
        digest = hashlib.blake2b(self._settings.encode(), digest_size=16)
        for path in sources:
            with explained(path, "cannot read"):
                state = path.stat()
            digest.update(f"\0{path.absolute()}\0{state.st_size} {state.st_mtime_ns}".encode(errors="surrogateescape"))
        return digest.hexdigest()


def check_sources(out: Path, sources: Iterable[Path]) -> None:
    """Make sure that nothing is imported from the folder that it goes to.

    Raises:
        SemsynthError: a file lies in ``out``, where it would be replaced by itself.
    """
    target = out.resolve()
    for folder in {path.parent for path in sources}:
        if folder.resolve().is_relative_to(target):
            raise SemsynthError(f"{folder} lies in {out}, which the import writes: choose another folder for it")


def _key(sample: SplitSample) -> str:
    return f"{sample.split}/{sample.name}"


def _read(path: Path) -> dict[str, str]:
    """Sample -> digest; what is no line of a record is skipped, such as the last one of an import that was killed."""
    if not path.exists():
        return {}
    lines = read_bytes(path, _RECORD_BYTES).decode(errors="replace").splitlines()
    parts = (line.partition(" ") for line in lines)
    return {unquote(sample, errors="surrogateescape"): digest for digest, _, sample in parts if sample}


def _files(out: Path, kinds: Collection[str]) -> dict[str, dict[str, list[Path]]]:
    """Split -> name -> files of the sample."""
    found: dict[str, dict[str, list[Path]]] = {}
    if out.is_dir():
        for split in (path for path in out.iterdir() if path.is_dir()):
            for folder in (split / kind for kind in kinds):
                with explained(folder, "cannot list"):
                    paths = [Path(entry.path) for entry in os.scandir(folder)] if folder.is_dir() else []
                for path in paths:
                    if is_picture(path.name):
                        found.setdefault(split.name, {}).setdefault(name_of_file(path), []).append(path)
    return found
