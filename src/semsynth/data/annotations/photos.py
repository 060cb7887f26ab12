"""The photographs that annotation files name: one matching rule, which says why it failed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from semsynth.data.listing import counted, examples, picture_files
from semsynth.data.splitting import SPLITS, split_named
from semsynth.errors import SemsynthError, shortened

_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""
_GENERIC = frozenset(
    ("images", "image", "img", "imgs", "photos", "jpegimages", "data", "default", "datasets", "obj_train_data")
)
"""Names of folders that say nothing about what lies in them."""
_YEAR = re.compile(r"[_-]?\d{4}$")
_WORDS = re.compile(r"[^a-zA-Z]+")


class Photos:
    """The photographs of a source, by the names that annotation files give them.

    A name fits the files of the same name, else those of the same name with another suffix; case and the spelling of
    accents do not matter. Of several, the one that shares most of the named folders is taken.
    """

    def __init__(self, folder: Path, leave_out: Iterable[Path] = ()) -> None:
        """List the pictures in ``folder`` and its sub-folders, except those in the folders ``leave_out``.

        Raises:
            SemsynthError: no such folder, or one that cannot be read.
        """
        self.folder = folder
        others = tuple(leave_out)
        self._files = [
            path for path in picture_files(folder) if not any(path.is_relative_to(other) for other in others)
        ]
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for path in self._files:
            self._by_name.setdefault(_key(path.name), []).append(path)
            self._by_stem.setdefault(_key(path.stem), []).append(path)

    def find(self, named: str, beside: Path) -> Path:
        """The photograph that an annotation file means.

        Args:
            named: a file's name, a path or an address.
            beside: the annotation file.

        Raises:
            SemsynthError: there is none, or several fit equally well.
        """
        parts = _parts(named)
        found = self._candidates(parts[-1]) if parts else []
        if not found:
            listed = examples([path.name for path in self._files])
            raise SemsynthError(
                f"its photo '{shortened(named)}' is not in {self.folder}, which holds "
                f"{counted(len(self._files), 'picture')}{': ' if listed else ''}{listed}; name the folder that has it "
                "with `photos`"
            )
        split = split_in((beside.stem, beside.parent.name))
        scores = [
            (_shared(parts, path), path.parent == beside.parent, self.split(path) == split, path.suffix != ".png")
            for path in found
        ]
        best = [path for path, score in zip(found, scores, strict=True) if score == max(scores)]
        if len(best) > 1:
            raise SemsynthError(
                f"its photo '{shortened(named)}' could be {best[0]} or {best[1]}: keep one of them, or name the folder "
                "that has it with `photos`"
            )
        return best[0]

    def name(self, photo: Path) -> str:
        """What the sample of ``photo`` is called: its folders and name, without folders that say nothing."""
        *folders, _ = photo.relative_to(self.folder).parts
        kept = [one for one in folders if one.casefold() not in _GENERIC and split_in((one,)) is None]
        return unicodedata.normalize("NFC", "_".join((*kept, photo.stem)))

    def split(self, photo: Path) -> str | None:
        """The split that the folders of ``photo`` name, if they name one."""
        return split_in(photo.relative_to(self.folder).parts[:-1])

    def _candidates(self, name: str) -> list[Path]:
        stem = Path(name).stem
        shorter = _UPLOAD.sub("", name, count=1)
        tries = [self._by_name.get(_key(name)), self._by_stem.get(_key(stem)), self._by_stem.get(_key(name))]
        if shorter != name:
            tries += [self._by_name.get(_key(shorter)), self._by_stem.get(_key(Path(shorter).stem))]
        return next((found for found in tries if found), [])


def split_in(names: Iterable[str]) -> str | None:
    """The split that one of some folders or files is called after: ``train2017``, ``instances_val``, ``valid``."""
    for name in names:
        for word in _WORDS.split(_YEAR.sub("", name)):
            if (split := split_named(word.lower())) in SPLITS:
                return split
    return None


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _parts(named: str) -> list[str]:
    """Folders and name of a path with either slash, or of an address."""
    if re.match(r"[a-z0-9+.-]+://|/data/", named):
        try:
            address = urlsplit(named)
            named = unquote(parse_qs(address.query).get("d", [address.path])[0])  # /data/local-files/?d=PATH
        except ValueError:
            pass
    return [part for part in re.split(r"[/\\]+", named) if part not in ("", ".", "..")]


def _shared(parts: list[str], path: Path) -> int:
    """How many of the last folders two paths have in common."""
    same = 0
    for mine, theirs in zip(reversed(parts[:-1]), reversed(path.parts[:-1]), strict=False):
        if _key(mine) != _key(theirs):
            break
        same += 1
    return same
