"""Whether a bank is whole, and whether the photos that it was made of are still the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from semsynth.bank.index import BankIndex, load_index
from semsynth.bank.memory import MemoryBank, check_size
from semsynth.bank.parts import file_digests
from semsynth.data.fingerprint import DataFingerprint
from semsynth.data.folder import DatasetFolder
from semsynth.data.listing import counted, examples
from semsynth.data.progress import Progress, silent
from semsynth.data.source import is_address, open_source
from semsynth.errors import SemsynthError
from semsynth.files import sha256


@dataclass(frozen=True)
class BankReport:
    """The result of :func:`check_bank`."""

    problems: tuple[str, ...]
    """What is wrong, one line each."""
    notes: tuple[str, ...]
    """What could not be compared."""


def check_bank(bank: str | Path, data: str | Path | None = None, progress: Progress = silent) -> BankReport:
    """Compare the checksums of a bank's files, and those of the photos and label maps that it was made of.

    Args:
        bank: the folder of the bank.
        data: where the dataset lies now; None: where it was when the bank was built.
        progress: called with (done, total) after every file of the bank and every photo.

    Raises:
        SemsynthError: ``bank`` is not a bank, its ``bank.json`` is damaged, or there is no dataset at ``data``.
    """
    folder = Path(bank)
    index = load_index(folder)
    total, problems = len(index.files) + len(index.photos), []
    for done, entry in enumerate(index.files, 1):
        try:
            check_size(folder, entry)
            if sha256(folder / entry.file) != entry.sha256:
                raise SemsynthError(
                    f"{folder / entry.file} was changed: its checksum is not that of bank.json: restore it, or build "
                    "the bank again"
                )
        except SemsynthError as error:
            problems.append(str(error))
        progress(done, total)
    if not problems:
        try:
            MemoryBank(folder, index)
        except SemsynthError as error:
            problems.append(str(error))
    place = index.data if data is None else data
    if data is None and not is_address(place) and not Path(place).is_dir():
        note = f"the photos are no longer at {place} and were not compared: say where the dataset lies now"
        return BankReport(tuple(problems), (note,))
    problems += _changes(index, place, progress)
    return BankReport(tuple(problems), ())


def _changes(index: BankIndex, place: str | Path, progress: Progress) -> Iterator[str]:
    """What differs between the dataset and what the bank was made of."""
    source = open_source(place)
    done, total = len(index.files), len(index.files) + len(index.photos)
    if source.classes.classes != index.classes.classes:
        yield f"{place} has other classes than the bank: build the bank again"
    if not isinstance(index.fingerprint, DataFingerprint):
        if source.fingerprint != index.fingerprint:
            yield f"{place} holds other samples than the bank was made of: build the bank again"
        progress(total, total)
        return
    samples = source.open(index.split, images=True, instances=index.instances)
    if not isinstance(samples, DatasetFolder):
        yield f"{place} is not the dataset folder that the bank was made of: give that folder"
        return
    known = {photo.name for photo in index.photos}
    gone, changed = [], []
    for photo in index.photos:
        if photo.name not in samples.names:
            gone.append(photo.name)
        elif file_digests(samples, photo.name) != photo.sha256:
            changed.append(photo.name)
        done += 1
        progress(done, total)
    new = [name for name in samples.names if name not in known]
    for names, what in ((changed, "changed"), (gone, "gone"), (new, "not in the bank")):
        if names:
            listed = f"{counted(len(names), 'photo')} {'is' if len(names) == 1 else 'are'} {what} ({examples(names)})"
            yield f"{place}, {index.split}: {listed}: build the bank again"
