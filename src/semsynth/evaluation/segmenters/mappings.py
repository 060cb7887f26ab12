"""Which class every output of a segmentation network stands for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from semsynth.classes import ClassInfo, ClassSet, builtin
from semsynth.config import Config, load_config
from semsynth.errors import SemsynthError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

_COCO_WITHOUT = (11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90)
"""Ids of COCO-Stuff that no picture holds (street sign, hat, ...): models of 171 classes leave them out."""


class OutputMapping(Config):
    """The mapping file of a segmenter, ``segmenter.json``: what its outputs mean and how it wants its photographs."""

    classes: tuple[ClassInfo, ...] = Field(min_length=1)
    """The classes that can be predicted."""
    class_set: str
    """Their set's name."""
    outputs: tuple[int | None, ...] = Field(min_length=1)
    """Output channel -> class id; None where a channel means none of them."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    """Subtracted from RGB in 0..1."""
    std: tuple[float, float, float] = IMAGENET_STD
    """And what it is divided by."""
    sha256: str = ""
    """Checksum of ``model.safetensors``; empty where nobody wrote one down."""

    @model_validator(mode="after")
    def _ids_are_classes(self) -> Self:
        known = {item.id for item in self.classes}
        wrong = [output for output in self.outputs if output is not None and output not in known]
        if wrong:
            raise ValueError(f"outputs name the ids {wrong[:5]}, which are no classes")
        return self

    def predicted(self) -> ClassSet:
        """The classes as a set, in the order of the ids' first output channel, those without output left out."""
        by_id = {item.id: item for item in self.classes}
        ids = dict.fromkeys(output for output in self.outputs if output is not None)
        return ClassSet(name=self.class_set, classes=tuple(by_id[i] for i in ids))


def mapping_of(class_set: ClassSet, outputs: tuple[int | None, ...] | None = None) -> OutputMapping:
    """A mapping onto a class set; by default its classes in their order."""
    ids = tuple(item.id for item in class_set.classes) if outputs is None else outputs
    return OutputMapping(classes=class_set.classes, class_set=class_set.name, outputs=ids)


def ready_mappings() -> dict[str, OutputMapping]:
    """Mappings of published models, by name.

    ``cityscapes_19``: the 19 train ids in their order. ``ade20k``: the 150 classes in their order.
    ``coco_stuff``: the 182 ids (DeepLab), ``coco_stuff_171``: those that occur, in order (164k models).
    """
    coco = builtin("coco_stuff")
    occurring = tuple(item.id for item in coco.classes if item.id not in _COCO_WITHOUT)
    return {
        "cityscapes_19": mapping_of(builtin("cityscapes_19")),
        "ade20k": mapping_of(builtin("ade20k")),
        "coco_stuff": mapping_of(coco),
        "coco_stuff_171": mapping_of(coco, occurring),
    }


def find_mapping(given: str | None, folder: Path, names: Mapping[int, str]) -> OutputMapping:
    """The mapping that ``given`` stands for, else the one in the segmenter's folder, else the ready one that fits.

    Args:
        given: a ready mapping's name or a mapping file; None: look for one.
        folder: of the segmenter.
        names: the network's own names of its outputs (``id2label``).

    Raises:
        SemsynthError: none is given and none fits, or it has another number of outputs.
    """
    ready, count = ready_mappings(), len(names)
    stored = folder / "segmenter.json"
    if given is not None:
        mapping = ready[given] if given in ready else load_config(OutputMapping, Path(given))
    elif stored.is_file():
        mapping = load_config(OutputMapping, stored)
    else:
        fitting = [one for one in ready.values() if len(one.outputs) == count and _agrees(one, names)]
        if not fitting:
            raise SemsynthError(
                f"the segmenter {folder} has no mapping: nothing says which classes its {count} outputs are; give a "
                f"mapping file as `mapping`, or a ready one ({', '.join(ready)})"
            )
        mapping = fitting[0]
    if len(mapping.outputs) != count:
        raise SemsynthError(
            f"the segmenter {folder} has {count} outputs, its mapping {given or stored} {len(mapping.outputs)}: "
            "give the mapping of this model"
        )
    return mapping


def _agrees(mapping: OutputMapping, names: Mapping[int, str]) -> bool:
    """Whether the network calls most outputs as the mapping does; unnamed outputs ("LABEL_7") agree with nothing."""
    called = {item.id: item.name for item in mapping.classes}
    same = sum(_same(called[o], names.get(i, "")) for i, o in enumerate(mapping.outputs) if o is not None)
    return same > len(names) / 2


def _same(one: str, other: str) -> bool:
    first, second = (
        {word.strip().replace("-other", "").replace("-", " ") for word in name.lower().split(",")}
        for name in (one, other.replace(";", ","))
    )
    return bool(first & second)
