"""One split of shards, as samples by number."""

from __future__ import annotations

import itertools
import logging
import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol

from semsynth.classes import NO_CLASSES, ClassSet
from semsynth.data.sample import CONDITION, IMAGE, INSTANCE, LABEL, Sample
from semsynth.data.shards.index import ShardEntry, ShardIndex, name_in_line, parse_idx_line
from semsynth.data.shards.tar import read_members
from semsynth.errors import SemsynthError, errors_of
from semsynth.images import open_image, to_rgb
from semsynth.layout import Condition, ConditionPicture, Layout

TRIES = 100
"""Samples in place of a damaged one that may be damaged as well."""

_log = logging.getLogger(__name__)


class ShardStore(Protocol):
    """Where shards lie."""

    location: str
    """A folder, or an address."""

    def idx(self, shard: ShardEntry) -> list[str]:
        """The lines of its ``.idx`` file, a sample each."""

    def read(self, shard: ShardEntry, start: int, end: int) -> bytes:
        """Bytes of its archive."""

    def check(self, shard: ShardEntry) -> None:
        """Raise a :class:`SemsynthError` where it is missing or has not its size, if that can be told at once."""

    def verify(self, shard: ShardEntry) -> None:
        """Raise a :class:`SemsynthError` where it has not its checksum."""


class ShardSplit:
    """One split of shards; samples are in the order in which they were written.

    Attributes:
        root: the folder or address.
        split: for example ``train``.
        classes: the class set of the label maps; ``NO_CLASSES`` where pictures are the conditions.
        kinds: what every sample consists of.
    """

    def __init__(
        self,
        store: ShardStore,
        index: ShardIndex,
        split: str,
        *,
        images: bool = True,
        instances: bool = False,
        skip_damaged: bool = False,
    ) -> None:
        """Open the split.

        Args:
            store: where the shards lie.
            index: of the shards.
            split: its name.
            images: whether every layout needs its photo; if not, photos are not read.
            instances: whether every layout needs its instance map; if not, they are not read.
            skip_damaged: whether another sample stands in for a damaged one, and a warning is logged. Which one is a
                function of the number: a run that is resumed reads what it would have read.

        Raises:
            SemsynthError: no such split, or members that are missing.
        """
        if split not in index.splits:
            known = ", ".join(index.splits) or "none"
            raise SemsynthError(f"{store.location} has no split '{split}' (found: {known}): name one of them")
        entry = index.splits[split]
        self.root, self.split, self.kinds = store.location, split, frozenset(entry.kinds)
        self.classes: ClassSet = NO_CLASSES if index.classes is None else index.classes
        self._store, self._shards, self._skip_damaged = store, entry.shards, skip_damaged
        self._condition = CONDITION if index.classes is None else LABEL
        wanted = {self._condition: True, IMAGE: images, INSTANCE: instances}
        self._wanted = [kind for kind, needed in wanted.items() if needed]
        missing = [kind for kind in self._wanted if kind not in self.kinds]
        if missing:
            raise SemsynthError(f"{self.root}: the shards of {split} hold no {' and no '.join(missing)} of each sample")
        self._starts = list(itertools.accumulate((shard.samples for shard in self._shards), initial=0))
        self._lines: dict[int, list[str]] = {}
        self._damaged: dict[int, str] = {}
        self._told: set[int] = set()

    def check(self) -> None:
        """See whether the shards are there at their full size, where that can be told at once.

        Raises:
            SemsynthError: one is missing or truncated.
        """
        for shard in self._shards:
            self._store.check(shard)

    def __len__(self) -> int:
        """Number of samples."""
        return self._starts[-1]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The samples' names; reads the ``.idx`` files of all shards.

        Raises:
            SemsynthError: one of them is missing or damaged.
        """
        tables = ((self._called(number), self._table(number)) for number in range(len(self._shards)))
        return tuple(name_in_line(line, called) for called, table in tables for line in table)

    def __getitem__(self, index: int) -> Sample:
        """Read sample ``index``.

        Raises:
            SemsynthError: it is damaged; the message names shard and member.
        """
        if not self._skip_damaged:
            return self._read(index)
        instead = random.Random(index)
        for _ in range(TRIES):
            try:
                return self._read(index)
            except SemsynthError as error:
                self._tell(index, str(error))
                index = instead.randrange(len(self))
        raise SemsynthError(f"{self.root}: {TRIES} samples of {self.split} in a row are damaged: restore the shards")

    def stored(self, index: int, kind: str) -> bytes:
        """The file of this kind (``image``, ``label`` ...) as it was before sharding.

        Raises:
            SemsynthError: its shard is damaged.
        """
        return self._members(index, [kind])[1][kind][1]

    def shard_of(self, index: int) -> int:
        """Number of the shard that holds sample ``index``."""
        return bisect_right(self._starts, index) - 1

    def samples_of(self, shard: int) -> range:
        """Numbers of the samples that a shard holds."""
        return range(self._starts[shard], self._starts[shard + 1])

    def _read(self, index: int) -> Sample:
        name, members = self._members(index, self._wanted)
        source, data = members[self._condition]
        condition: Condition
        if self._condition == CONDITION:
            condition = ConditionPicture(to_rgb(open_image(data, source), source))
        else:
            condition = Layout.decode(data, self.classes, source)
            if INSTANCE in members:
                source, data = members[INSTANCE]
                condition = condition.with_instances(data, source)
        image = None
        if IMAGE in members:
            source, data = members[IMAGE]
            image = to_rgb(open_image(data, source), source)
        with errors_of(self._called(self.shard_of(index))):
            return Sample(name, condition, image)

    def _members(self, index: int, kinds: Sequence[str]) -> tuple[str, dict[str, tuple[str, bytes]]]:
        """The sample's name; and by kind what messages call the member, and its bytes."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = self.shard_of(index)
        called = self._called(number)
        if number in self._damaged:
            raise SemsynthError(self._damaged[number])
        sample = parse_idx_line(self._table(number)[index - self._starts[number]], called)
        found = read_members(lambda start, end: self._bytes(number, start, end), sample, called)
        named = {member.kind: (f"{called}: {sample.name}.{member.suffix}", data) for member, data in found}
        missing = [kind for kind in kinds if kind not in named]
        if missing:
            raise SemsynthError(f"{called}: '{sample.name}' has no {' and no '.join(missing)}: make the shards again")
        return sample.name, {kind: named[kind] for kind in kinds}

    def _table(self, number: int) -> list[str]:
        """The lines of a shard's ``.idx`` file."""
        if number not in self._lines:
            shard = self._shards[number]
            with self._marking(number):
                self._lines[number] = self._store.idx(shard)
        return self._lines[number]

    def _bytes(self, number: int, start: int, end: int) -> bytes:
        with self._marking(number):
            return self._store.read(self._shards[number], start, end)

    @contextmanager
    def _marking(self, number: int) -> Iterator[None]:
        """What fails here is the whole shard's, and will not be tried again where it may be skipped."""
        try:
            yield
        except SemsynthError as error:
            if self._skip_damaged:
                self._damaged[number] = str(error)
            raise

    def _called(self, number: int) -> str:
        return f"{self.root.rstrip('/')}/{self._shards[number].file}"

    def _tell(self, index: int, reason: str) -> None:
        """Log what is skipped, a shard once."""
        number = self.shard_of(index)
        shard = self._shards[number]
        try:
            self._store.check(shard)
        except SemsynthError as error:
            self._damaged.setdefault(number, str(error))
        if number not in self._damaged:
            _log.warning("skipped: %s", reason)
        elif number not in self._told:
            self._told.add(number)
            _log.warning("skipped, with its %d samples: %s", shard.samples, self._damaged[number])
