"""What the studio's routes read and answer; docs/studio-api.md is the same for people."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from semsynth.config import Config
from semsynth.edits import Fill

MAX_COUNT = 16
"""Photos of one request at most."""
MAX_EDITS = 100
"""Edits of one request at most."""

ClassId = Annotated[int, Field(ge=0, le=65535)]
InstanceId = Annotated[int, Field(ge=0, lt=2**31)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Side = Annotated[int, Field(ge=1, le=2**20)]
Offset = Annotated[int, Field(ge=-(2**20), le=2**20)]
Vector = Annotated[list[FiniteFloat], Field(max_length=65536)]


class Answer(BaseModel):
    """Base of what the server answers."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class PixelSize(Config):
    """A size in pixels."""

    width: Side
    height: Side


# What the server tells.


class Problem(Answer):
    """Every answer whose status is 400 or more."""

    code: str
    """A word for programs: see docs/studio-api.md."""
    message: str
    """One line for people."""


class Health(Answer):
    """Whether the server lives, and how busy it is."""

    status: Literal["ok"] = "ok"
    waiting: int
    """Requests that wait for a model."""


class Version(Answer):
    """What runs here."""

    semsynth: str
    """Version of the package."""
    api: int
    """Version of this interface: it changes when a client would have to."""


class LabelClass(Answer):
    """One semantic class."""

    id: int
    """The number in label maps."""
    name: str
    color: tuple[int, int, int]
    """RGB, 0..255."""
    group: str
    """Super-category; empty where the class set has none."""
    modes: int
    """Styles that an object of the class can be given by number; 0 where it has none."""


class LabelClasses(Answer):
    """The classes of a model."""

    name: str
    """Of the class set: layouts can go from one model to another where it is the same."""
    void: int = 65535
    """The id of "no class" in 16-bit PNGs."""
    void_8bit: int | None
    """The id of "no class" in 8-bit PNGs; null where the class set's ids do not fit 8 bits."""
    classes: list[LabelClass]


class Sizes(Answer):
    """Which photos a model can make."""

    default: PixelSize
    """What it was trained at, or the nearest that it makes to that."""
    fixed: bool
    """Whether ``default`` is the only size."""
    multiple_of: PixelSize
    """Width and height of a photo are multiples of these; of no meaning where ``fixed``."""
    max_pixels: int
    """Larger photos and layouts are refused (413)."""


class Abilities(Answer):
    """What a model can be asked."""

    styles: bool
    """One layout gives different photos: ``seed`` and ``count`` have an effect."""
    object_styles: bool
    """Every object has a style of its own: ``objects`` and ``style-choices``."""
    style_vector: int
    """Length of ``vector``; 0 where styles are no vectors."""
    reads_photos: bool
    """A photo can set the style."""
    needs_instances: bool
    """Layouts need an instance map."""
    uses_instances: bool
    """An instance map changes the photo."""
    images_per_layout: int
    """Photos that the model always makes together; then ``count`` must be this."""
    segmenter: bool
    """Photos can be turned into layouts here."""


class Model(Answer):
    """A model that is served."""

    id: str
    """In addresses."""
    name: str
    hash: str
    """Changes with the model's weights."""
    reads: Literal["labels", "pictures"]
    """What stands in the part ``label``: a label map, or a picture such as an edge map."""
    classes: LabelClasses
    sizes: Sizes
    abilities: Abilities
    data: str
    """What it was trained on."""
    licence: str
    intended_use: str


class Models(Answer):
    """All models that are served; the first one is the default."""

    models: list[Model]


class Example(Answer):
    """A layout to begin with."""

    name: str
    """In addresses."""
    class_set: str
    """The class set's name."""
    models: list[str]
    """Ids of the models that can take it."""
    instances: bool
    """Whether it has an instance map."""
    photo: bool
    """Whether there is a photograph of it."""


class Examples(Answer):
    """All examples."""

    examples: list[Example]


class StyleVector(Answer):
    """A photo's style."""

    vector: list[float]


class LayoutObject(Answer):
    """An object of a layout."""

    instance_id: int
    class_id: int
    pixels: int
    box: tuple[int, int, int, int]
    """Top, left, bottom, right in pixels; the last two lie one past the object."""


class EditedLayout(Answer):
    """A layout after edits."""

    width: int
    height: int
    label: str
    """Base64 of a PNG, 16-bit ids, void 65535."""
    instances: str | None
    """Base64 of a PNG, 16-bit instance ids; null where objects are not told apart."""
    objects: list[LayoutObject]
    """By ascending instance id; whole classes where objects are not told apart."""
    created: list[int]
    """Instance ids that were not there before."""


# What is asked of the server: the part ``options``.


class ObjectPhoto(Config):
    """A style taken from a photograph that shows such an object and little else."""

    photo: Annotated[int, Field(ge=0, lt=32)]
    """Which of the parts ``object_photos``, counted from 0."""


ObjectStyle = Annotated[int, Field(ge=0)] | Vector | ObjectPhoto
"""An object's mode, its vector, or its photograph."""


class Turn(Config):
    """Whose request it is: what a newer one of the same client overtakes is not computed."""

    client: Annotated[str, Field(pattern=r"^[\w-]{1,64}$")] | None = None
    """Any name that no other tab or program has, for example ``crypto.randomUUID()``; without one nothing overtakes."""
    stroke: Annotated[int, Field(ge=0, lt=2**53)] = 0
    """Counts up with every stroke. Requests of one stroke (two models, say) do not overtake one another."""


class SynthesisOptions(Turn):
    """How to make photos of a layout."""

    seed: Seed | None = None
    """Draws the style; 0 where nothing else gives it. Not together with a style photo or ``vector``."""
    vector: Vector | None = None
    """The style of the whole picture, as ``style`` answers it."""
    objects: dict[InstanceId, ObjectStyle] = Field(default_factory=dict)
    """Single objects' styles by instance id."""
    count: Annotated[int, Field(ge=1, le=MAX_COUNT)] = 1
    """Photos: of ``seed``, ``seed`` + 1, ..."""
    size: PixelSize | None = None
    """Of the photo; null: the layout's own, or the nearest that the model makes."""
    format: Literal["webp", "png"] = "webp"
    """``webp`` is quick and slightly lossy (quality 90), ``png`` exact."""
    pack: Literal["sheet", "zip"] = "sheet"
    """How several photos come: as one picture, side by side in rows, or as a zip of pictures."""


class StyleChoiceOptions(Turn):
    """Which object's styles to show."""

    object: InstanceId
    """Its instance id."""
    seed: Seed = 0
    """Draws the other objects' styles."""
    objects: dict[InstanceId, ObjectStyle] = Field(default_factory=dict)
    """The other objects' styles."""
    crop: bool = True
    """Show the object with its surroundings; otherwise the whole photo."""
    format: Literal["webp", "png"] = "webp"


class SegmentOptions(Turn):
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
