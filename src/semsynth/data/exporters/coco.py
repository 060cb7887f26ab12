"""COCO instances: ``annotations/instances_SPLIT.json``, and the photographs in ``SPLIT/``.

Objects without holes are polygons along the borders of pixels, others compressed runs. Regions of a class are crowds,
which detectors do not learn from. The file is written annotation by annotation, whatever the number of samples.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from scipy import ndimage

from semsynth.classes import ClassSet
from semsynth.data.annotations.runs import counts_of_mask, string_of_counts
from semsynth.data.exporters.writing import Exported, Thing, outline_of
from semsynth.files import explained, make_folder
from semsynth.layout import Size


def write_coco(
    out: Path, classes: ClassSet, samples: Iterator[Exported], place: Callable[[Exported, Path], None]
) -> Sequence[str]:
    """Write samples as COCO instances; as :data:`semsynth.data.exporters.writing.Writer`."""
    images: dict[str, list[dict[str, Any]]] = {}
    files: dict[str, IO[str]] = {}
    single, number = set[int](), 0
    folder = make_folder(out / "annotations")
    with explained(folder), ExitStack() as stack:
        for sample in samples:
            if sample.split not in files:
                path = folder / f"instances_{sample.split}.json"
                files[sample.split] = stack.enter_context(path.open("w", encoding="utf-8"))
                files[sample.split].write('{"annotations": [')
                images[sample.split] = []
            listed, file = images[sample.split], files[sample.split]
            height, width = sample.layout.size
            listed.append({"id": len(listed) + 1, "file_name": sample.photo_name, "height": height, "width": width})
            for thing in sample.things():
                number += 1
                single |= {thing.class_id} if thing.single else set()
                first = file.tell() == len('{"annotations": [')
                file.write(
                    ("\n" if first else ",\n") + json.dumps(_annotation(number, len(listed), thing, sample.layout.size))
                )
            place(sample, out / sample.split)
        categories = [
            {"id": one.id, "name": one.name, "supercategory": one.group or one.name, "isthing": int(one.id in single)}
            for one in classes.classes
        ]
        for split, file in files.items():
            rest = {
                "images": images[split],
                "categories": categories,
                "licenses": [],
                "info": {"description": classes.name},
            }
            file.write("\n], " + json.dumps(rest, ensure_ascii=False)[1:] + "\n")
    return []


def _annotation(number: int, image: int, thing: Thing, size: Size) -> dict[str, Any]:
    patch = thing.patch
    height, width = patch.mask.shape
    return {
        "id": number,
        "image_id": image,
        "category_id": thing.class_id,
        "segmentation": _segmentation(thing, size),
        "area": int(patch.mask.sum()),
        "bbox": [patch.left, patch.top, width, height],
        "iscrowd": int(not thing.single),
    }


def _segmentation(thing: Thing, size: Size) -> Any:
    patch = thing.patch
    outline = outline_of(thing)
    if thing.single and len(outline) == ndimage.label(patch.mask)[1]:
        return [one.astype(int).ravel().tolist() for one in outline]
    whole = np.zeros(size, np.bool_)
    whole[patch.box] = patch.mask
    return {"size": list(size), "counts": string_of_counts(counts_of_mask(whole, by_columns=True))}
