"""A dataset folder as a source of samples."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from semsynth.classes import NO_CLASSES
from semsynth.data.check import DatasetReport, check_dataset
from semsynth.data.check_conditions import ConditionReport, check_conditions
from semsynth.data.condition_folder import ConditionFolder
from semsynth.data.folder import CONDITIONS, IMAGES, INSTANCES, LABELS, DatasetFolder, load_classes
from semsynth.data.folder import splits as folder_splits
from semsynth.data.progress import Progress, silent
from semsynth.data.sample import CONDITION, IMAGE, INSTANCE, LABEL
from semsynth.pixel_format import PixelFormat

FOLDERS = {IMAGE: IMAGES, LABEL: LABELS, CONDITION: CONDITIONS, INSTANCE: INSTANCES}
"""Members of a sample, in the order of a shard, and the folders of their files."""


class FolderSource:
    """A dataset folder."""

    def __init__(self, root: Path) -> None:
        """Look at the folder.

        Raises:
            SemsynthError: it is none.
        """
        self.root, self.location, self.classes = root, str(root), load_classes(root)
        self.fingerprint = None
        self.pixels = PixelFormat.of(root)
        self.splits = folder_splits(root, CONDITIONS if self.classes == NO_CLASSES else LABELS)

    def kinds(self, split: str) -> frozenset[str]:
        """By the sub-folders."""
        return frozenset(kind for kind, folder in FOLDERS.items() if (self.root / split / folder).is_dir())

    def report(self, progress: Progress = silent, thin: Collection[str] = ()) -> DatasetReport | ConditionReport:
        """Read every file; ``progress`` is called once per sample."""
        if self.classes == NO_CLASSES:
            return check_conditions(self.root, progress)
        return check_dataset(self.root, progress, thin)

    def open(self, split: str, *, images: bool = True, instances: bool = False) -> DatasetFolder | ConditionFolder:
        """Open a split.

        Raises:
            SemsynthError: there is none, or files do not pair.
        """
        if self.classes == NO_CLASSES:
            return ConditionFolder(self.root, split, images=images)
        return DatasetFolder(self.root, split, images=images, instances=instances)
