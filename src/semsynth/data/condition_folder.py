"""A dataset folder whose conditions are pictures: ``SPLIT/conditions``, ``SPLIT/images``, and no classes."""

from __future__ import annotations

from pathlib import Path

from semsynth.classes import NO_CLASSES
from semsynth.data.folder import CONDITIONS, IMAGES, splits
from semsynth.data.listing import list_pictures, pairing_problems
from semsynth.data.sample import Sample
from semsynth.errors import SemsynthError, errors_of
from semsynth.images import decode_image
from semsynth.layout import ConditionPicture

CONDITION = "condition"
"""What messages call one."""


class ConditionFolder:
    """One split of such a folder; files pair by their name without suffix, in natural order.

    Attributes:
        root: the dataset folder.
        split: for example ``train``.
        classes: there are none.
        names: the samples' names.
    """

    classes = NO_CLASSES

    def __init__(self, root: Path, split: str, *, images: bool = True) -> None:
        """List the split.

        Args:
            root: the dataset folder.
            split: its sub-folder.
            images: whether every condition needs its photo; if not, photos are not read.

        Raises:
            SemsynthError: a folder is missing, or names do not pair.
        """
        self.root, self.split = root, split
        if not (root / split / CONDITIONS).is_dir():
            known = ", ".join(splits(root, CONDITIONS)) or "none"
            raise SemsynthError(f"{root} has no split '{split}' (found: {known}): name one of them or add the folder")
        self._conditions = list_pictures(root / split / CONDITIONS)
        self._images = list_pictures(root / split / IMAGES) if images else None
        self.names = tuple(self._conditions)
        if self._images is not None:
            problems = pairing_problems(self._conditions, self._images, IMAGES, CONDITION)
            if problems:
                raise SemsynthError(f"{root / split}: {'; '.join(problems)}")

    @property
    def files(self) -> tuple[dict[str, Path], ...]:
        """What is read, kind by kind: the file of each name."""
        return tuple(kind for kind in (self._conditions, self._images) if kind is not None)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Read sample ``index``.

        Raises:
            SemsynthError: a file is damaged, or condition and photo differ in size; the message names it.
        """
        name = self.names[index]
        condition = ConditionPicture.open(self._conditions[name])
        image = decode_image(self._images[name]) if self._images else None
        with errors_of(self.root / self.split):
            return Sample(name, condition, image)
