"""What the studio's routes answer; docs/studio-api.md is the same for people."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from semsynth.studio.options import PixelSize


class ResponseSchema(BaseModel):
    """Base of what the server answers."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Problem(ResponseSchema):
    """Every answer whose status is 400 or more."""

    code: str
    """A word for programs: see docs/studio-api.md."""
    message: str
    """One line for people."""


class Health(ResponseSchema):
    """Whether the server lives, and how busy it is."""

    status: Literal["ok"] = "ok"
    waiting: int
    """Requests that wait for a model."""


class Version(ResponseSchema):
    """What runs here."""

    semsynth: str
    """Version of the package."""
    api: int
    """Version of this interface: it changes when a client would have to."""


class LabelClass(ResponseSchema):
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


class LabelClasses(ResponseSchema):
    """The classes of a model."""

    name: str
    """Of the class set: layouts can go from one model to another where it is the same."""
    void: int = 65535
    """The id of "no class" in 16-bit PNGs."""
    void_8bit: int | None
    """The id of "no class" in 8-bit PNGs; null where the class set's ids do not fit 8 bits."""
    classes: list[LabelClass]


class PhotoSizes(ResponseSchema):
    """Which photos a model can make."""

    default: PixelSize
    """What it was trained at, or the nearest that it makes to that."""
    fixed: bool
    """Whether ``default`` is the only size."""
    multiple_of: PixelSize
    """Width and height of a photo are multiples of these; of no meaning where ``fixed``."""
    max_pixels: int
    """Larger photos and layouts are refused (413)."""


class ModelAbilities(ResponseSchema):
    """What a model can be asked."""

    styles: bool
    """One layout gives different photos: ``seed`` and ``count`` have an effect."""
    object_styles: bool
    """Objects can have styles of their own: ``object_styles`` and ``style-choices``."""
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


class ModelDescription(ResponseSchema):
    """A model that is served."""

    id: str
    """In addresses."""
    name: str
    hash: str
    """Changes with the model's weights."""
    reads: Literal["labels", "pictures"]
    """What stands in the part ``label``: a label map, or a picture such as an edge map."""
    classes: LabelClasses
    sizes: PhotoSizes
    abilities: ModelAbilities
    data: str
    """What it was trained on."""
    licence: str
    intended_use: str


class ModelList(ResponseSchema):
    """All models that are served; the first one is the default."""

    models: list[ModelDescription]


class Example(ResponseSchema):
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


class Examples(ResponseSchema):
    """All examples."""

    examples: list[Example]


class StyleVector(ResponseSchema):
    """A photo's style."""

    vector: list[float]


class LayoutObject(ResponseSchema):
    """An object of a layout."""

    instance_id: int
    class_id: int
    pixels: int
    box: tuple[int, int, int, int]
    """Top, left, bottom, right in pixels; the last two lie one past the object."""


class EditedLayout(ResponseSchema):
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
