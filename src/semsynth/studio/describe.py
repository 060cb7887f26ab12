"""A served model as clients see it."""

from __future__ import annotations

from semsynth.classes import VOID_8BIT
from semsynth.studio.engine import ServedModel
from semsynth.studio.options import PixelSize
from semsynth.studio.schemas import Abilities, LabelClass, LabelClasses, Model, Sizes
from semsynth.studio.uploads import Limits


def describe(model: ServedModel, limits: Limits) -> Model:
    """Everything that a client has to know of a model."""
    engine = model.engine
    sizes = engine.conditions.sizes
    return Model(
        id=model.id,
        name=engine.card.name or model.id,
        hash=model.hash,
        reads="pictures" if engine.conditions.reads_pictures else "labels",
        classes=_classes(model),
        sizes=Sizes(
            default=_size(model.default_size),
            fixed=sizes.only is not None,
            multiple_of=_size(sizes.only or (sizes.step, sizes.step)),
            max_pixels=limits.layout_pixels,
        ),
        abilities=Abilities(
            styles=engine.has_styles,
            object_styles=engine.has_object_styles or bool(model.modes),
            style_vector=model.style_length,
            reads_photos=engine.reads_photos,
            needs_instances=engine.needs_instances,
            uses_instances=engine.uses_instances,
            images_per_layout=model.images_per_layout,
            segmenter=model.segment is not None,
        ),
        data=engine.card.data,
        licence=engine.card.licence,
        intended_use=engine.card.intended_use,
    )


def _classes(model: ServedModel) -> LabelClasses:
    classes = model.engine.classes
    return LabelClasses(
        name=classes.name,
        void_8bit=VOID_8BIT if classes.fits_8bit else None,
        classes=[
            LabelClass(
                id=item.id, name=item.name, color=item.color, group=item.group, modes=model.modes.get(item.id, 0)
            )
            for item in classes.classes
        ],
    )


def _size(size: tuple[int, int]) -> PixelSize:
    return PixelSize(height=size[0], width=size[1])
