"""CVAT for images 1.1: ``annotations.xml`` with a mask per object, and ``images/``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from semsynth.classes import ClassSet
from semsynth.data.annotations.runs import counts_of_mask
from semsynth.data.exporters.writing import Exported, Thing, class_table, notes_of
from semsynth.files import explained, make_folder


def write_cvat(
    out: Path, classes: ClassSet, samples: Iterator[Exported], place: Callable[[Exported, Path], None]
) -> Sequence[str]:
    """Write samples for CVAT; as :data:`semsynth.data.exporters.writing.Writer`."""
    names, regions = class_table(classes), 0
    path = make_folder(out) / "annotations.xml"
    with explained(path), path.open("w", encoding="utf-8") as file:
        file.write(
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n'
        )
        file.write(f"      <name>{escape(classes.name)}</name>\n      <mode>annotation</mode>\n      <labels>\n")
        for one in classes.classes:
            color = "#{:02x}{:02x}{:02x}".format(*one.color)
            file.write(
                f"        <label><name>{escape(one.name)}</name><color>{color}</color><type>any</type></label>\n"
            )
        file.write("      </labels>\n    </task>\n  </meta>\n")
        for number, sample in enumerate(samples):
            height, width = sample.layout.size
            name, subset = quoteattr(f"{sample.split}/{sample.photo_name}"), quoteattr(sample.split)
            size = f'width="{width}" height="{height}"'
            file.write(f'  <image id="{number}" name={name} subset={subset} {size}>\n')
            things = sample.things()
            regions += sum(not thing.single for thing in things)
            for thing in things:
                file.write(_mask(thing, names[thing.class_id]))
            file.write("  </image>\n")
            place(sample, out / "images" / sample.split)
        file.write("</annotations>\n")
    return notes_of(classes, numbered=False, regions=regions)


def _mask(thing: Thing, name: str) -> str:
    height, width = thing.patch.mask.shape
    runs = ", ".join(map(str, counts_of_mask(thing.patch.mask, by_columns=False).tolist()))
    return (
        f'    <mask label={quoteattr(name)} source="semsynth" occluded="0" rle="{runs}" left="{thing.patch.left}" '
        f'top="{thing.patch.top}" width="{width}" height="{height}" z_order="{int(thing.single)}">\n    </mask>\n'
    )
