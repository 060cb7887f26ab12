"""A served model as clients see it."""

from __future__ import annotations

from semsynth.classes import VOID_8BIT
from semsynth.studio.options import PixelSize
from semsynth.studio.schemas import LabelClass, LabelClasses, ModelAbilities, ModelDescription, PhotoSizes
from semsynth.studio.served import ServedModel
from semsynth.studio.uploads import Limits


def describe(model: ServedModel, limits: Limits) -> ModelDescription:
    """Everything that a client has to know of a model."""
    synthesizer = model.synthesizer
    sizes = synthesizer.conditions.sizes
    return ModelDescription(
        id=model.id,
        name=synthesizer.card.name or model.id,
        hash=model.hash,
        reads="pictures" if synthesizer.conditions.reads_pictures else "labels",
        classes=_classes(model),
        sizes=PhotoSizes(
            default=_size(model.default_size),
            fixed=sizes.only is not None,
            multiple_of=_size(sizes.only or (sizes.step, sizes.step)),
            max_pixels=limits.layout_pixels,
        ),
        abilities=ModelAbilities(
            styles=synthesizer.has_styles,
            object_styles=synthesizer.has_object_styles or bool(model.modes),
            style_vector=model.style_length,
            reads_photos=synthesizer.reads_photos,
            needs_instances=synthesizer.needs_instances,
            uses_instances=synthesizer.uses_instances,
            images_per_layout=model.images_per_layout,
            segmenter=model.segment is not None,
        ),
        data=synthesizer.card.data,
        licence=synthesizer.card.licence,
        intended_use=synthesizer.card.intended_use,
    )


def _classes(model: ServedModel) -> LabelClasses:
    classes = model.synthesizer.classes
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
