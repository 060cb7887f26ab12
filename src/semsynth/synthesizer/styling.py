"""The part of a synthesizer that reads styles."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from semsynth.bank.index import BankPhoto
from semsynth.errors import SemsynthError
from semsynth.layout import Condition, Layout
from semsynth.styles.canvas import CanvasStyles
from semsynth.styles.choice import (
    CanvasChoice,
    ObjectChoice,
    ObjectStyle,
    Photo,
    RegionNoise,
    StyleChoice,
    Vector,
    photo_or_vector,
)
from semsynth.styles.noise import NoiseStyles
from semsynth.synthesizer.abilities import Abilities
from semsynth.synthesizer.old_keywords import renamed

Style = Photo | Vector | StyleChoice
"""The style of a whole photo: a photo, a vector, or what :meth:`Styling.style` made of one, of a seed or of
object styles."""


class Styling(Abilities):
    """From a user's words about styles to what a generator reads."""

    @renamed(objects="object_styles")
    def style(
        self,
        style: Style | None = None,
        seed: int | None = None,
        object_styles: Mapping[int, ObjectStyle] | None = None,
        region_seeds: Mapping[int | str, int] | None = None,
    ) -> StyleChoice | None:
        """Read a style once, for many layouts.

        The style of a photo is the mean of the encoder's distribution: the same every time.

        Args:
            style: as in :meth:`semsynth.Synthesizer.__call__`.
            seed: likewise.
            object_styles: likewise.
            region_seeds: likewise.

        Returns:
            A vector [z_dim] (SPADE, OASIS), or a choice for objects (pix2pixHD) or regions (OASIS); None for models
            that have no styles.

        Raises:
            SemsynthError: style and seed are both given, or one that this model cannot take.
        """
        if isinstance(style, ObjectChoice):
            if seed is not None or object_styles or not self.has_object_styles:
                raise SemsynthError("a choice for objects stands alone, and for models that have styles for objects")
            return style
        if isinstance(style, RegionNoise):
            if seed is not None or object_styles or region_seeds or not self.has_region_noise:
                raise SemsynthError("noise of regions stands alone, and for models that read noise")
            return style
        if isinstance(style, CanvasChoice):
            if seed is not None or object_styles or region_seeds or not isinstance(self._styles, CanvasStyles):
                raise SemsynthError("a choice of pieces stands alone, and for models with a memory bank")
            return style
        choice = self._styles.choose(photo_or_vector(style), seed, object_styles)
        if not region_seeds:
            return choice
        if not isinstance(self._styles, NoiseStyles) or not isinstance(choice, Tensor | RegionNoise):
            raise SemsynthError("this model has no noise for regions: use one of OASIS")
        return self._styles.choose_regions(choice, region_seeds)

    def check_style(self, layout: Condition, choice: StyleChoice | None) -> None:
        """Make sure that the layout has the objects that the choice speaks of, without making a photo.

        Raises:
            SemsynthError: it has not, or one is on several classes.
        """
        if isinstance(layout, Layout):
            self._styles.check(choice, layout)

    def sources(self, layout: Condition, choice: StyleChoice | None) -> list[BankPhoto]:
        """The training photos whose pixels a photo shows, as the model's memory bank lists them.

        Args:
            layout: as it goes into the network: :attr:`conditions` has opened and fitted it.
            choice: from :meth:`style`.

        Raises:
            SemsynthError: the model has no memory bank.
        """
        if not isinstance(self._styles, CanvasStyles) or not isinstance(layout, Layout):
            raise SemsynthError("this model pastes no pieces of photos, so there are no sources: use one of SIMS")
        return self._styles.sources(choice, layout)

    def _as_shown(self, choice: StyleChoice | None, condition: Condition) -> Condition:
        """What the network reads: pieces of photos may change a layout."""
        if isinstance(self._styles, CanvasStyles) and isinstance(condition, Layout):
            return self._styles.shown(choice, condition)
        return condition

    def _read_style(self, choice: StyleChoice | None, condition: Condition) -> Tensor | None:
        return self._styles.read(choice, condition) if isinstance(condition, Layout) else None
