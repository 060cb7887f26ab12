"""What is asked of the studio's routes, the part ``options``; docs/studio-api.md is the same for people."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AliasChoices, Field, FiniteFloat

from semsynth.config import Config
from semsynth.layout.edits import Fill

MAX_COUNT = 16
"""Photos of one request at most."""
MAX_EDITS = 100
"""Edits of one request at most."""

ClassId = Annotated[int, Field(ge=0, le=65535)]
InstanceId = Annotated[int, Field(ge=0, lt=2**31)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
PixelSide = Annotated[int, Field(ge=1, le=2**20)]
Offset = Annotated[int, Field(ge=-(2**20), le=2**20)]
Vector = Annotated[list[FiniteFloat], Field(max_length=65536)]


class PixelSize(Config):
    """A size in pixels."""

    width: PixelSide
    height: PixelSide


class ObjectPhoto(Config):
    """A style taken from a photograph that shows such an object and little else."""

    photo: Annotated[int, Field(ge=0, lt=32)]
    """Which of the parts ``object_photos``, counted from 0."""


ObjectStyleOption = Annotated[int, Field(ge=0)] | Vector | ObjectPhoto
"""An object's mode, its vector, or its photograph."""

ObjectStylesOption = Annotated[
    dict[InstanceId, ObjectStyleOption],
    Field(validation_alias=AliasChoices("object_styles", "objects")),
]
"""By instance id; ``objects`` is the name of earlier releases."""


class StrokeOptions(Config):
    """Whose request it is: what a newer one of the same client overtakes is not computed."""

    client: Annotated[str, Field(pattern=r"^[\w-]{1,64}$")] | None = None
    """Any name that no other tab or program has, for example ``crypto.randomUUID()``; without one nothing overtakes."""
    stroke: Annotated[int, Field(ge=0, lt=2**53)] = 0
    """Counts up with every stroke. Requests of one stroke (two models, say) do not overtake one another."""


class SynthesisOptions(StrokeOptions):
    """How to make photos of a layout."""

    seed: Seed | None = None
    """Draws the style; 0 where nothing else gives it. Not together with a style photo or ``vector``."""
    vector: Vector | None = None
    """The style of the whole picture, as ``style`` answers it."""
    object_styles: ObjectStylesOption = Field(default_factory=dict)
    """Styles of single objects by instance id."""
    count: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    """Photos: of ``seed``, ``seed`` + 1, ..."""
    size: PixelSize | None = None
    """Of the photo; null: the layout's own, or the nearest that the model makes."""
    format: Literal["webp", "png"] = "webp"
    """``webp`` is quick and slightly lossy (quality 90), ``png`` exact."""
    pack: Literal["sheet", "zip"] = "sheet"
    """How several photos come: as one picture, side by side in rows, or as a zip of pictures."""


class StyleChoiceOptions(StrokeOptions):
    """Which object's styles to show."""

    object: InstanceId
    """Its instance id."""
    seed: Seed = 0
    """Draws the other objects' styles."""
    object_styles: ObjectStylesOption = Field(default_factory=dict)
    """The other objects' styles."""
    crop: bool = True
    """Show the object with its surroundings; otherwise the whole photo."""
    format: Literal["webp", "png"] = "webp"


class SegmentOptions(StrokeOptions):
    """How to turn a photo into a layout."""

    size: PixelSize | None = None
    """Of the layout; null: that of the photo."""


class Remove(Config):
    """Remove an object: a class id where objects are not told apart."""

    verb: Literal["remove"]
    id: InstanceId
    fill: Fill = "stuff"
    """A class id, ``stuff`` (the nearest that goes on behind objects) or ``neighbours`` (whatever is nearest)."""


class Relabel(Config):
    """Give an object another class."""

    verb: Literal["relabel"]
    id: InstanceId
    class_id: ClassId


class RelabelClass(Config):
    """Give all objects of a class another one."""

    verb: Literal["relabel_class"]
    from_id: ClassId
    to_id: ClassId


class Move(Config):
    """Move an object."""

    verb: Literal["move"]
    id: InstanceId
    down: Offset
    right: Offset
    fill: Fill = "stuff"


class Duplicate(Config):
    """Put a copy of an object beside it."""

    verb: Literal["duplicate"]
    id: InstanceId
    down: Offset
    right: Offset


class Add(Config):
    """Paint the part ``mask`` as an object."""

    verb: Literal["add"]
    class_id: ClassId
    id: InstanceId | None = None
    """Extends that object; null: a new one, or the class's region for stuff."""


class BringForward(Config):
    """Paint an object's whole shape, the part ``mask``, over what covers it."""

    verb: Literal["bring_forward"]
    id: InstanceId


Edit = Annotated[Remove | Relabel | RelabelClass | Move | Duplicate | Add | BringForward, Field(discriminator="verb")]


class EditOptions(Config):
    """Edits, made in their order."""

    edits: Annotated[list[Edit], Field(max_length=MAX_EDITS)] = Field(default_factory=list)
    """May be empty: then the layout is only read, checked and answered in 16 bits with its objects."""
    components: bool = False
    """First make every connected component of a class an object; an instance map is not read."""
