"""What a model makes photographs of, from the many forms in which people hold it, at a size that the network makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, TypeVar

from PIL import Image

from semsynth.classes import NO_CLASSES, ClassSet
from semsynth.errors import SemsynthError
from semsynth.images import MAX_PIXELS
from semsynth.layout import Condition, ConditionPicture, Layout, Size, pixels
from semsynth.layout.arrays import Pixels
from semsynth.models.description import Sizes

LayoutSource: TypeAlias = "Layout | Path | str | Image.Image | Pixels"
"""A layout, a label map's path, or its pixels: ids, or RGB in the class set's colours."""
ConditionSource: TypeAlias = "LayoutSource | ConditionPicture"
"""The same for every model: of models whose condition is a picture, a picture, its path or its RGB or grey pixels."""
C = TypeVar("C", Layout, Condition)


@dataclass(frozen=True)
class ConditionReader:
    """Reads conditions for one model."""

    classes: ClassSet
    """Of the model."""
    reads_pictures: bool
    """Whether the condition is a picture where other models have a layout."""
    sizes: Sizes
    """The sizes that the network can make."""
    trained_size: Size | None
    """(height, width) at which the model was trained; None: unknown."""

    @property
    def default_size(self) -> Size:
        """(height, width) of layouts that are drawn for the model."""
        return self.sizes.default(self.trained_size)

    def open(self, source: ConditionSource, instances: Path | str | None = None) -> Condition:
        """Read what this model makes photos of: as :meth:`open_layout`, or a picture."""
        if isinstance(source, ConditionPicture):
            self.check_classes(NO_CLASSES, "the given picture")
            return source
        if isinstance(source, Layout) or not self.reads_pictures:
            return self.open_layout(source, instances)
        return ConditionPicture.open(source)

    def open_layout(self, source: LayoutSource, instances: Path | str | None = None) -> Layout:
        """Read a layout in the model's class set.

        Args:
            source: what to read.
            instances: the path of the instance map of a label map given as path.

        Raises:
            SemsynthError: unreadable, ids outside the class set, or a layout of another class set.
        """
        if self.reads_pictures:
            raise SemsynthError(
                "this model makes photos of pictures such as edge maps: give one, or choose another model"
            )
        if isinstance(source, str | Path):
            return Layout.open(source, self.classes, instances)
        if not isinstance(source, Layout):
            return Layout.of_pixels(source, self.classes)
        self.check_classes(source.classes)
        return source

    def check_classes(self, classes: ClassSet, source: str = "the layout") -> None:
        """Make sure that ids of ``classes`` mean to the model what they mean there.

        Raises:
            SemsynthError: an id has another name, or one set lacks it; ``source`` is who uses the classes.
                Or one has label maps and the other pictures as conditions (``NO_CLASSES``).
        """
        if self.reads_pictures != (classes == NO_CLASSES):
            given, read = ("label maps", "pictures") if self.reads_pictures else ("pictures", "label maps")
            raise SemsynthError(f"{source}: the conditions are {given}, but this model reads {read}: choose another")
        if self.reads_pictures:
            return
        if _meaning(classes) != _meaning(self.classes):
            raise SemsynthError(
                f"{source} is of the class set '{classes.name}', the model of '{self.classes.name}', whose ids mean "
                "other things: choose a model of these classes, or convert the label maps"
            )

    def fit(
        self, layout: C, size: Size | None = None, *, strict: bool = False, source: str = "the label map"
    ) -> tuple[C, str | None]:
        """Bring a layout, or a picture that is the condition, to a size that the network can make.

        Args:
            layout: of any size.
            size: (height, width) of the photo; None: the layout's own, or the nearest possible.
            strict: refuse the layout where its own size cannot be made.
            source: what messages call the layout.

        Returns:
            The layout, resized if need be, and a note on it if nobody asked for that.

        Raises:
            SemsynthError: ``size`` cannot be made, or the layout's own size cannot and ``strict`` is set.
        """
        chosen, note = self.fitting_size(layout.size, size, strict=strict, source=source)
        if chosen[0] * chosen[1] > MAX_PIXELS:
            raise SemsynthError(f"a photo of {pixels(chosen)} has more than {MAX_PIXELS:,} pixels: make a smaller one")
        return layout.resized(chosen), note

    def fitting_size(
        self, given: Size, size: Size | None = None, *, strict: bool = False, source: str = "the label map"
    ) -> tuple[Size, str | None]:
        """The size of the photo of a layout.

        Args:
            given: (height, width) of the layout.
            size: as in :meth:`fit`.
            strict: likewise.
            source: likewise.

        Returns:
            (height, width), and a note on it if nobody asked for that.

        Raises:
            SemsynthError: as :meth:`fit`.
        """
        wanted = size or given
        near = self.sizes.nearest(wanted)
        if near[0] != wanted and (size is not None or strict):
            what = "a photo of" if size is not None else f"{source} is"
            possible = " or ".join(map(pixels, near))
            raise SemsynthError(f"{what} {pixels(wanted)}, which this model cannot make; nearest: {possible}")
        if near[0] != wanted:
            note = f"{source} is {pixels(wanted)}, which this model cannot make: resized to {pixels(near[0])}"
            return near[0], note
        return wanted, self._far_from_training(wanted, source) if size is None else None

    def _far_from_training(self, size: Size, source: str) -> str | None:
        """A note on layouts much larger or smaller than those of training."""
        if self.trained_size is None or 0.6 < size[1] / self.trained_size[1] < 1.7:
            return None
        trained = pixels(self.trained_size)
        return f"{source} is {pixels(size)}, the model was trained at {trained}: sizes near that look best"


def _meaning(classes: ClassSet) -> list[tuple[int, str]]:
    return [(item.id, item.name) for item in classes.classes]
