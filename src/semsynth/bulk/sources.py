"""The layouts of a folder, as tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from semsynth.bulk.task import BulkTask, Piece
from semsynth.classes import NO_CLASSES, ClassSet
from semsynth.config import load_config
from semsynth.data.folder import CLASSES_FILE, CONDITIONS, INSTANCES, LABELS, holds_conditions, load_classes, splits
from semsynth.data.listing import list_pictures
from semsynth.data.sample import CONDITION, INSTANCE, LABEL
from semsynth.data.shards.index import INDEX_FILE, ShardIndex, parse_idx_line, read_idx
from semsynth.errors import SemsynthError

DEFAULT_SPLIT = "train"
"""Where the pictures of a folder without splits go."""


class LayoutFolder:
    """A dataset folder, one split of it, or a folder of nothing but label maps (or of pictures as conditions)."""

    def __init__(self, path: Path, *, pictures: bool = False, instances: Path | None = None) -> None:
        """Find out what the folder is.

        Args:
            path: the folder.
            pictures: whether conditions are pictures, not label maps.
            instances: folder of instance maps named like the label maps; None: those of the dataset, where there are.

        Raises:
            SemsynthError: no such folder, or no layouts in it.
        """
        if not path.is_dir():
            raise SemsynthError(f"there is no folder {path}: bulk synthesis takes a folder of label maps or a dataset")
        if instances is not None and not instances.is_dir():
            raise SemsynthError(f"`instances={instances}`: there is no such folder")
        kind = CONDITIONS if pictures else LABELS
        self.path, self._instances = path, instances
        self._folders: dict[str, Path] = {}
        if (path / kind).is_dir():
            self.root, self._folders = path.parent, {path.name: path / kind}
        elif found := splits(path, kind):
            self.root, self._folders = path, {split: path / split / kind for split in found}
        else:
            self.root, self._folders = path.parent.parent, {DEFAULT_SPLIT: path}
        if instances is not None and len(self._folders) > 1:
            raise SemsynthError(f"`instances={instances}`: {path} has several splits; give one of them")

    @property
    def classes(self) -> ClassSet | None:
        """What the ids mean, as far as the folder says."""
        described = (self.root / CLASSES_FILE).is_file() or holds_conditions(self.root)
        return load_classes(self.root) if described else None

    def tasks(self, numbers: tuple[int, ...], instances: bool) -> Iterator[BulkTask]:
        """One for each layout, in natural order.

        Args:
            numbers: of the pictures of each.
            instances: whether every layout of a split needs its instance map, where some have one; if not, those of
                a split are left out unless they are complete.

        Raises:
            SemsynthError: an empty folder, or a label map without the instance map that it needs.
        """
        for split, folder in self._folders.items():
            layouts = _pieces(folder)
            beside = self._instance_maps(folder)
            lacking = [name for name in layouts if beside and name not in beside]
            if lacking and not instances:
                beside = {}
            elif lacking:
                raise SemsynthError(f"{layouts[lacking[0]]} has no instance map ({len(lacking)} label maps have none)")
            for name, layout in layouts.items():
                yield BulkTask(split, name, layout, beside.get(name), numbers)

    @property
    def has_instances(self) -> bool:
        """Whether label maps have instance maps."""
        return any(self._instance_maps(folder) for folder in self._folders.values())

    def _instance_maps(self, folder: Path) -> dict[str, Piece]:
        found = self._instances or (folder.with_name(INSTANCES) if folder.name == LABELS else None)
        return {} if found is None or not found.is_dir() else _pieces(found)


def _pieces(folder: Path) -> dict[str, Piece]:
    """Pictures by name, in natural order."""
    return {name: Piece(str(path.absolute())) for name, path in list_pictures(folder).items()}


class LayoutShards:
    """A folder of shards, whose layouts are read where they lie."""

    def __init__(self, path: Path) -> None:
        """Read the index.

        Raises:
            SemsynthError: it is damaged.
        """
        self.path = path
        self._index = load_config(ShardIndex, path / INDEX_FILE)

    @property
    def classes(self) -> ClassSet | None:
        """What the ids mean."""
        return NO_CLASSES if self._index.classes is None else self._index.classes

    @property
    def has_instances(self) -> bool:
        """Whether label maps have instance maps."""
        return any(INSTANCE in split.kinds for split in self._index.splits.values())

    def tasks(self, numbers: tuple[int, ...], instances: bool) -> Iterator[BulkTask]:
        """As :meth:`LayoutFolder.tasks`, in the order of the shards.

        Raises:
            SemsynthError: a damaged index, or samples without layouts.
        """
        kind = LABEL if self._index.classes is not None else CONDITION
        for split, entry in self._index.splits.items():
            if kind not in entry.kinds:
                raise SemsynthError(f"{self.path}: the samples of {split} hold no {kind}")
            for shard in entry.shards:
                path = (self.path / shard.file).absolute()
                idx = path.with_suffix(".idx")
                for sample in (parse_idx_line(line, idx) for line in read_idx(idx, shard)):
                    pieces = {one.kind: Piece(str(path), one.offset, one.size) for one in sample.members}
                    if kind not in pieces:
                        raise SemsynthError(f"{idx}: '{sample.name}' has no {kind}: make the shards again")
                    name = sample.name.replace("/", "%2F")
                    yield BulkTask(split, name, pieces[kind], pieces.get(INSTANCE), numbers)


def open_layouts(path: Path, *, pictures: bool, instances: Path | None) -> LayoutFolder | LayoutShards:
    """The layouts of a folder, whatever its kind; arguments as of :class:`LayoutFolder`.

    Raises:
        SemsynthError: no such folder, or a damaged one.
    """
    if not (path / INDEX_FILE).is_file():
        return LayoutFolder(path, pictures=pictures, instances=instances)
    if instances is not None:
        raise SemsynthError(f"`instances={instances}`: shards hold their instance maps themselves; leave it out")
    return LayoutShards(path)
