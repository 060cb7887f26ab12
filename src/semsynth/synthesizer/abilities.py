"""What a model can do, as people and programs ask before they use it."""

from __future__ import annotations

from collections.abc import Mapping

from semsynth.errors import SemsynthError
from semsynth.models.generator import GeneratorConfig
from semsynth.styles.canvas import CanvasStyles
from semsynth.styles.choice import StyleReader
from semsynth.styles.noise import NoiseStyles
from semsynth.styles.object_styles import ObjectStyles
from semsynth.styles.seeds import picture_seed


class Abilities:
    """The part of a synthesiser that follows from its configuration and its styles."""

    config: GeneratorConfig
    _styles: StyleReader

    @property
    def has_styles(self) -> bool:
        """Whether one layout gives different photos."""
        return self._styles.varies

    @property
    def has_object_styles(self) -> bool:
        """Whether every object has a style of its own."""
        return isinstance(self._styles, ObjectStyles)

    @property
    def has_region_noise(self) -> bool:
        """Whether regions can have noise of their own."""
        return isinstance(self._styles, NoiseStyles)

    @property
    def has_pieces(self) -> bool:
        """Whether it pastes pieces of training photos, among which regions can choose."""
        return isinstance(self._styles, CanvasStyles)

    @property
    def style_modes(self) -> Mapping[int, int]:
        """Class id -> how many modes, or pieces, its objects can be given by number; empty where there are none."""
        if isinstance(self._styles, CanvasStyles):
            return self._styles.counts
        bank = self._styles.bank if isinstance(self._styles, ObjectStyles | NoiseStyles) else None
        return {} if bank is None else {class_id: bank.count(class_id) for class_id in bank.modes}

    def picture_seed(self, seed: int, name: str, number: int = 0) -> int:
        """The seed of one picture of many, see :func:`semsynth.styles.seeds.picture_seed`.

        Models that paste pieces of photos take ``seed + number`` for every layout: 0 stands for the best pieces.
        """
        return seed + number if self.has_pieces else picture_seed(seed, name, number)

    @property
    def reads_photos(self) -> bool:
        """Whether a photo can set the style."""
        return self._styles.reads_photos

    @property
    def needs_instances(self) -> bool:
        """Whether layouts need an instance map."""
        return self.config.encoding.edges

    @property
    def uses_instances(self) -> bool:
        """Whether an instance map changes the photo, where there is one."""
        return self.needs_instances or self.has_object_styles or self.has_region_noise or self.has_pieces

    def check_count(self, count: int) -> None:
        """Make sure that the model makes ``count`` different photos of a layout.

        Raises:
            SemsynthError: it makes another number of them, or only one.
        """
        together = self.config.images_per_layout
        if together > 1 and count != together:
            raise SemsynthError(f"this model makes {together} photos of a layout at once, not {count}: ask for those")
        if count > 1 and together == 1 and not self.has_styles:
            raise SemsynthError(f"this model makes one photo of a layout, not {count}: take one that has styles")
        if count < 1:
            raise SemsynthError(f"a count of {count} photos cannot be made: ask for 1 or more")
