"""What generators of photographs from layouts have in common, whatever their architecture."""

from __future__ import annotations

import copy
import pkgutil
from abc import ABC, abstractmethod
from importlib import import_module
from typing import Any, ClassVar, TypeVar

import torch
from pydantic import ModelWrapValidatorHandler, SerializeAsAny, model_validator
from torch import Tensor, nn

import semsynth.models
from semsynth.config import Config
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding, Size, pixels
from semsynth.layout_ops.spade_layer import ModulationPath, choose_path, freeze_modulation
from semsynth.models.description import Sizes, StyleInput
from semsynth.models.local import LocalStage, check_local, run_part
from semsynth.ops.rectangle import Rectangle
from semsynth.ops.spectral_norm import fold_spectral_norm
from semsynth.pixel_format import PixelFormat

OLDEST_FAMILY = "pix2pixhd"
"""Of configurations that were written before they named their family."""


class GeneratorConfig(Config, ABC):
    """Base of the generators' configurations: how a generator is built, and everything that others ask about it.

    Validation of this class builds the configuration of the family that the values name, see :func:`register`.
    """

    encoding: LayoutEncoding
    """What the layout's channels mean."""
    family: str
    """Name of the architecture."""

    @classmethod
    def kind_of(cls, values: object) -> type[Config]:
        """The class of the family that ``values`` name.

        Raises:
            ValueError: there is no such family.
        """
        if cls is not GeneratorConfig or not isinstance(values, dict):
            return cls
        return family_config(str(values.get("family", OLDEST_FAMILY)))

    @model_validator(mode="wrap")
    @classmethod
    def _of_its_family(cls, values: Any, handler: ModelWrapValidatorHandler[GeneratorConfig]) -> GeneratorConfig:
        kind = cls.kind_of(values)
        return handler(values) if kind is cls else kind.model_validate(values)  # type: ignore[return-value]

    @abstractmethod
    def build(self) -> LayoutGenerator:
        """The generator, newly initialised."""

    @property
    @abstractmethod
    def sizes(self) -> Sizes:
        """The sizes that the generator makes."""

    @property
    def large_sizes(self) -> Sizes:
        """The sizes of pictures that are made in tiles: also those for which the generator was not trained."""
        return self.sizes

    @property
    def output_size(self) -> Size | None:
        """(height, width) of its pictures unless another one is asked for; None: always that of the layout."""
        return None

    @property
    def images_per_layout(self) -> int:
        """Pictures that one pass makes of one layout."""
        return 1

    @property
    def picture_channels(self) -> int:
        """Channels of the picture that the generator reads instead of a layout; 0: it reads layouts."""
        return 0

    @property
    def pixel_format(self) -> PixelFormat:
        """What its pictures hold: 8-bit RGB, but for families that say otherwise."""
        return PixelFormat()

    @property
    def style(self) -> StyleInput | None:
        """What it reads beside the condition; None: nothing, and one condition gives one result."""
        return None

    @property
    def reads_layouts_alone(self) -> bool:
        """Whether it needs neither a style nor a picture."""
        return self.style is None and not self.picture_channels

    @property
    def half_size(self) -> GeneratorConfig | None:
        """Of a generator with the same weights, whose pictures have half the size; None: there is no such generator."""
        return None

    @property
    def export_step(self) -> int:
        """What both sides of a layout are multiples of in an exported graph whose size is free."""
        return self.sizes.step

    def prepare(self, layout: LayoutBatch) -> LayoutBatch:
        """Compute what the generator will look up, for instance in a data-loader worker; returns ``layout``."""
        return layout


AnyGeneratorConfig = SerializeAsAny[GeneratorConfig]
"""The configuration of a generator of any family, as a field of others: written with all keys of its family."""

FAMILIES: dict[str, type[GeneratorConfig]] = {}
"""The registered families by name; :func:`family_config` finds those whose modules have not been imported, too."""

G = TypeVar("G", bound=GeneratorConfig)


def register(kind: type[G]) -> type[G]:
    """Class decorator: files may name this family, the default of the field ``family``.

    Modules of :mod:`semsynth.models` are found by themselves; others have to be imported before a file is read.

    Raises:
        ValueError: another class has this name.
    """
    name = kind.model_fields["family"].default
    if not isinstance(name, str) or FAMILIES.setdefault(name, kind) is not kind:
        raise ValueError(f"{kind.__name__}: the family '{name}' has another class, or is no name")
    return kind


def family_config(name: str) -> type[GeneratorConfig]:
    """The configuration of a family.

    Raises:
        ValueError: there is no such family; for validators of configurations.
    """
    if name not in FAMILIES:
        for module in pkgutil.iter_modules(semsynth.models.__path__, "semsynth.models."):
            import_module(module.name)
    if name not in FAMILIES:
        raise ValueError(f"unknown family '{name}': this release builds {', '.join(sorted(FAMILIES))}")
    return FAMILIES[name]


class LayoutGenerator(nn.Module, ABC):
    """A network from layouts to photographs."""

    config: GeneratorConfig
    is_local: ClassVar[bool] = False
    """Whether it says with :meth:`local_stages` what it does."""

    @abstractmethod
    def forward(self, layout: LayoutBatch, style: Tensor | None = None) -> Tensor:
        """Synthesise.

        Generators with a ``config.output_size`` take the (height, width) of the pictures as a third argument, None for
        their own.

        Args:
            layout: N layouts of H x W, a size that the generator makes.
            style: as ``config.style`` says; None where the generator reads none.

        Returns:
            [N*k,3,H,W] for values in [-1,1], k = ``config.images_per_layout``, the k pictures of a layout together.
        """

    def synthesize(self, condition: LayoutBatch | Tensor, style: Tensor | None, size: Size) -> Tensor:
        """:meth:`forward` of layouts, or of pictures where these are the condition, at (height, width) ``size``."""
        images: Tensor = self(condition, style, *(() if self.config.output_size is None else (size,)))
        return images

    def local_stages(self, layout: LayoutBatch, style: Tensor | None, size: Size | None) -> list[LocalStage]:
        """What :meth:`forward` does, as stages that can make a part of the picture.

        Args:
            layout: as :meth:`forward` takes it.
            style: likewise.
            size: (height, width) of the whole picture; None: as :meth:`forward` chooses it.

        Raises:
            SemsynthError: pixels of this generator depend on all others.
        """
        raise SemsynthError(
            f"a {self.config.family} generator has no local form: each pixel depends on the whole picture"
        )

    @torch.no_grad()
    def region(self, layout: LayoutBatch, style: Tensor | None, box: Rectangle, size: Size | None = None) -> Tensor:
        """A rectangle of the picture, at the cost of little more than its own pixels.

        Args:
            layout: N layouts.
            style: as ``config.style`` says; None where the generator reads none.
            box: the rectangle, in pixels of the picture.
            size: (height, width) of the whole picture; None: the generator's own, else the layout's.

        Returns:
            [N,3,h,w], equal to that part of :meth:`forward`'s picture up to float rounding.

        Raises:
            SemsynthError: a generator without a local form, or whose statistics are those of the whole picture; a
                ``box`` that is not inside.
        """
        size = size or self.config.output_size or layout.size
        check_local(self)
        return run_part(self.local_stages(layout, style, size), box, size)

    @property
    def style_layer(self) -> nn.Linear | None:
        """The layer that a style vector enters, where nothing else reads the vector; None: there is no such layer."""
        return None

    def at_half_size(self) -> LayoutGenerator:
        """This generator as one of ``config.half_size``: an object of its own that shares every parameter.

        Raises:
            ValueError: there is no such generator.
        """
        if self.config.half_size is None:
            raise ValueError(f"no generator of half the size has the weights of this one: {self.config}")
        view = copy.copy(self)
        view.config = self.config.half_size
        return view

    def extended(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """What to load of a trained, perhaps smaller network of this family.

        Args:
            state: of that network.

        Returns:
            ``state``, with this network's own tensors for the parts that the smaller one lacks.
        """
        return state

    def use(self, path: ModulationPath) -> None:
        """Choose how SPADE layers modulate, where there are any; the result is the same up to rounding."""
        choose_path(self, path)

    def freeze(self, dtype: torch.dtype | None = None) -> None:
        """Fold everything that depends neither on layout nor on features: for inference, on its device already.

        Args:
            dtype: arithmetic from now on, for example bfloat16; what is folded is computed before the cast.
        """
        dtype = dtype or next(self.parameters()).dtype
        fold_spectral_norm(self)
        freeze_modulation(self, dtype)
        self.to(dtype)


def check_size(config: GeneratorConfig, size: Size) -> None:
    """Make sure that the generator makes pictures of ``size``.

    Raises:
        SemsynthError: it does not; the message names sizes that it makes.
    """
    possible = config.large_sizes.nearest(size)
    if size not in possible:
        others = " or ".join(pixels(one) for one in possible)
        raise SemsynthError(
            f"the generator cannot make {pixels(size)}, but {others}: set data.mode, data.load_size and data.crop_size"
        )
