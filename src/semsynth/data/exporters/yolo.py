"""YOLO segmentation: ``images/SPLIT``, ``labels/SPLIT`` with a line per object, and ``data.yaml``.

An object has one outline; its holes and further parts hang on lines without area, which Ultralytics, too, draws
between the parts of an object. Numbers of classes are their places in the class set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from semsynth.classes import ClassSet
from semsynth.data.annotations.outlines import joined
from semsynth.data.exporters.writing import Exported, Thing, notes_of, outline_of
from semsynth.files import write_bytes
from semsynth.layout import Size


def write_yolo(
    out: Path, classes: ClassSet, samples: Iterator[Exported], place: Callable[[Exported, Path], None]
) -> Sequence[str]:
    """Write samples for YOLO; as :data:`semsynth.data.exporters.writing.Writer`."""
    regions, splits = 0, dict[str, None]()
    for sample in samples:
        things = sample.things()
        regions += sum(not thing.single for thing in things)
        lines = [_line(thing, int(classes.index_of_id[thing.class_id]), sample.layout.size) for thing in things]
        write_bytes(out / "labels" / sample.split / f"{Path(sample.photo_name).stem}.txt", "".join(lines).encode())
        place(sample, out / "images" / sample.split)
        splits[sample.split] = None
    names = "".join(
        f"  {place}: {json.dumps(one.name, ensure_ascii=False)}\n" for place, one in enumerate(classes.classes)
    )
    paths = "".join(f"{split}: images/{split}\n" for split in splits)
    write_bytes(out / "data.yaml", f"path: .\n{paths}nc: {classes.num_classes}\nnames:\n{names}".encode())
    return notes_of(classes, numbered=True, regions=regions)


def _line(thing: Thing, number: int, size: Size) -> str:
    height, width = size
    points = joined(outline_of(thing))
    shares = (points / (width, height)).ravel()
    return f"{number} " + " ".join(f"{share:.8g}" for share in shares.tolist()) + "\n"
