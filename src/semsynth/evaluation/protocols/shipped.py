"""The protocols that ship with the package.

CRN (Chen and Koltun 2017) has none: section 4 reports that automatic measures "can all be fooled by augmenting any
baseline to also optimize for the evaluated measure" and relies on perceptual studies.
"""

from __future__ import annotations

from typing import Any

from semsynth.classes import ClassSet, builtin
from semsynth.config import validated
from semsynth.errors import SemsynthError
from semsynth.evaluation.protocols.definition import Protocol, Resampling
from semsynth.layout import Size

_CITYSCAPES: dict[str, Any] = {
    "class_set": "cityscapes",
    "num_images": 500,
    "evaluated_classes": "cityscapes_19",
    "mean_over": "union",
}
_ADE20K: dict[str, Any] = {
    "class_set": "ade20k_spade",
    "num_images": 2000,
    "evaluated_classes": "ade20k",
    "segmenter": "UperNet-101",
    "mean_over": "union",
}
_COCO: dict[str, Any] = {
    "class_set": "coco_stuff",
    "num_images": 5000,
    "evaluated_classes": "coco_stuff",
    "segmenter": "DeepLabV2-ResNet-101",
    "mean_over": "union",
}
_FULL: Size = (1024, 2048)

_PIX2PIXHD = (
    "pix2pixHD (Wang et al. 2018), section 4.1 and table 1: PSPNet on synthesised Cityscapes, pixel accuracy and mean "
    "IoU. Own reading: the 500 validation images, the benchmark's 19 classes, pictures and labels at 2048x1024; the "
    "paper states neither and reports no FID."
)
_SPADE = (
    "SPADE (Park et al. 2019), section 4 and table 2; segmenters as the authors name them (NVlabs/SPADE issue 39), "
    "pytorch-fid (issue 14). {more} Real set: the validation photos at the same size, bicubic; its split is not stated."
)
_SPADE_CITY = (
    "Pictures are 512x256. The published mean IoU is reproduced by users when pictures are enlarged to 2048x1024 for "
    "DRN-D-105 (boschresearch/OASIS issue 18); the filter, bilinear here, is not known."
)
_SQUARE = "Pictures and label maps (nearest) are 256x256, whatever the photo's shape."
_OASIS = (
    "OASIS (Schönfeld et al. 2021) and its code: FID against the validation photos (utils/fid_scores.py), bicubic "
    "resizing; {more}"
)
_OASIS_CITY = "DRN-D-105 sees 512x256 and is compared with nearest-resized labels there (boschresearch/OASIS issue 5)."
_SEMSYNTH = (
    "This package's recommendation for any dataset folder: photos antialiased to {size} and rounded to 8 bits, labels "
    "nearest, classes and void as the dataset has them, a mean over the classes that occur in the truth, and the "
    "segmenter's own features instead of Inception, which knows ImageNet only."
)


def _protocol(name: str, source: str, size: Size, **values: Any) -> Protocol:
    given = {
        "picture_size": None,
        "segmenter_size": None,
        "label_size": None,
        "synthesis_size": size,
        "segmenter": None,
        "features": "inception",
        "distance_replicates": 20,  # a replicate with 2,048 features takes many seconds
    }
    return validated(Protocol, {"name": name, "source": source, **given, **values}, f"protocol {name}")


def semsynth_2026(size: Size = (256, 256)) -> Protocol:
    """The recommended protocol; another size than 256x256 is part of its name."""
    height, width = size
    name = "semsynth-2026" if size == (256, 256) else f"semsynth-2026-{width}x{height}"
    return _protocol(
        name,
        _SEMSYNTH.format(size=f"{width}x{height}"),
        size,
        class_set=None,
        num_images=None,
        evaluated_classes=None,
        features="segmenter",
        diversity_features="segmenter",
        distance_replicates=100,
    )


def shipped() -> dict[str, dict[str | None, Protocol]]:
    """Protocol name -> class set of the dataset (None: any) -> protocol."""
    bilinear = Resampling(filter="bilinear", antialias=False, quantised=False)
    pix2pixhd = _protocol("pix2pixhd-2018", _PIX2PIXHD, _FULL, **_CITYSCAPES, segmenter="PSPNet", features=None)
    spade = [
        _protocol(
            "spade-2019/cityscapes",
            _SPADE.format(more=_SPADE_CITY),
            (256, 512),
            **_CITYSCAPES,
            segmenter="DRN-D-105",
            segmenter_size=_FULL,
            segmenter_resampling=bilinear,
            label_size=_FULL,
        ),
        _protocol("spade-2019/ade20k", _SPADE.format(more=_SQUARE), (256, 256), **_ADE20K),
        _protocol("spade-2019/coco_stuff", _SPADE.format(more=_SQUARE), (256, 256), **_COCO),
    ]
    oasis = [
        _protocol(
            "oasis-2021/cityscapes",
            _OASIS.format(more=_OASIS_CITY),
            (256, 512),
            **_CITYSCAPES,
            segmenter="DRN-D-105",
        ),
        _protocol("oasis-2021/ade20k", _OASIS.format(more=_SQUARE), (256, 256), **_ADE20K),
        _protocol("oasis-2021/coco_stuff", _OASIS.format(more=_SQUARE), (256, 256), **_COCO),
    ]
    recommended = semsynth_2026()
    return {
        "pix2pixhd-2018": {pix2pixhd.class_set: pix2pixhd},
        "spade-2019": {one.class_set: one for one in spade},
        "oasis-2021": {one.class_set: one for one in oasis},
        "semsynth-2026": {None: recommended},
    }


def find_protocol(name: str, classes: ClassSet) -> Protocol:
    """The protocol called ``name`` for a dataset of ``classes``.

    Args:
        name: ``semsynth-2026``, also as ``semsynth-2026-512x256``, or a paper's, with or without ``/dataset``.
        classes: of the dataset folder.

    Raises:
        SemsynthError: there is none of this name, or it is for other classes.
    """
    family, _, dataset = name.partition("/")
    known = shipped()
    size = _size_in(name)
    if size is not None:
        return semsynth_2026(size)
    if family not in known:
        raise SemsynthError(f"there is no protocol '{name}': choose {', '.join(known)}")
    variants = known[family]
    matching = [one for key, one in variants.items() if key is None or _same_classes(key, classes)]
    if not matching or (dataset and matching[0].name != name):
        needed = ", ".join(str(key) for key in variants)
        raise SemsynthError(
            f"protocol '{name}' is for the classes of {needed}; the dataset has '{classes.name}' "
            f"({classes.num_classes} classes): use semsynth-2026, or a dataset of those classes"
        )
    return matching[0]


def _size_in(name: str) -> Size | None:
    head, _, tail = name.rpartition("-")
    width, _, height = tail.partition("x")
    if head != "semsynth-2026" or not (width.isdecimal() and height.isdecimal()):
        return None
    if not (32 <= int(width) <= 8192 and 32 <= int(height) <= 8192):
        raise SemsynthError(f"protocol '{name}': both sides must be between 32 and 8192 pixels")
    return int(height), int(width)


def _same_classes(name: str, classes: ClassSet) -> bool:
    """Whether all classes of a dataset are of a built-in set, by their names; samples of a dataset lack some."""
    known = {item.name for item in builtin(name).classes}
    return all(item.name in known for item in classes.classes)
