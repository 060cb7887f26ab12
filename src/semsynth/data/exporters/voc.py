"""Pascal VOC's folders, with ``labelmap.txt`` as in CVAT's "Segmentation mask 1.1"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.class_files import voc_color
from semsynth.classes import VOID, VOID_8BIT, ClassSet
from semsynth.data.exporters.writing import Exported, notes_of
from semsynth.errors import SemsynthError
from semsynth.files import write_bytes
from semsynth.images import save_png

_BORDER = (224, 224, 192)
Color = tuple[int, int, int]


def write_voc(
    out: Path, classes: ClassSet, samples: Iterator[Exported], place: Callable[[Exported, Path], None]
) -> Sequence[str]:
    """Write samples in VOC's folders; as :data:`semsynth.data.exporters.writing.Writer`.

    Raises:
        SemsynthError: more classes than a palette holds, or samples of one name in two splits.
    """
    if classes.num_classes > VOID_8BIT:
        raise SemsynthError(f"VOC's palettes hold {VOID_8BIT} classes, and '{classes.name}' has {classes.num_classes}")
    colors = _colors(classes)
    lists: dict[str, list[str]] = defaultdict(list)
    owner: dict[str, str] = {}
    for sample in samples:
        name = Path(sample.photo_name).stem
        if owner.setdefault(name, sample.split) != sample.split:
            raise SemsynthError(
                f"{owner[name]} and {sample.split} both have a sample '{name}', and VOC has one folder: rename one"
            )
        indices = classes.index_of_id[sample.layout.labels]
        void = sample.layout.labels == VOID
        _save(out / "SegmentationClass" / f"{name}.png", np.where(void, VOID_8BIT, indices), colors)
        _save_objects(out / "SegmentationObject" / f"{name}.png", sample, void)
        place(sample, out / "JPEGImages")
        lists[sample.split].append(name)
    for split, names in lists.items():
        write_bytes(
            out / "ImageSets" / "Segmentation" / f"{split}.txt", "".join(f"{name}\n" for name in names).encode()
        )
    lines = [f"{one.name}:{','.join(map(str, color))}::\n" for one, color in zip(classes.classes, colors, strict=True)]
    write_bytes(out / "labelmap.txt", "".join(["# label:color_rgb:parts:actions\n", *lines]).encode())
    same = colors == [one.color for one in classes.classes]
    other = [] if same else ["classes got the colours of VOC, as some share a colour or have that of borders"]
    return [*notes_of(classes, numbered=True, regions=0), *other]


def _colors(classes: ClassSet) -> list[Color]:
    """The class set's colours if they tell classes apart, else VOC's."""
    own = [one.color for one in classes.classes]
    return own if len({*own, _BORDER}) > len(own) else [voc_color(place) for place in range(len(own))]


def _save(path: Path, indices: NDArray[np.integer], colors: Sequence[Color]) -> None:
    """A palette PNG."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(colors)], table[VOID_8BIT] = colors, _BORDER
    image = Image.frombytes("P", (indices.shape[1], indices.shape[0]), indices.astype(np.uint8).tobytes())
    image.putpalette(table.ravel().tolist())
    buffer = BytesIO()
    image.save(buffer, "PNG")
    write_bytes(path, buffer.getvalue())


def _save_objects(path: Path, sample: Exported, void: NDArray[np.bool_]) -> None:
    """Objects from 1 on and regions as 0; more than a palette holds become colours."""
    numbers = np.zeros(sample.layout.size, np.int32)
    singles = [thing for thing in sample.things() if thing.single]
    for number, thing in enumerate(singles, 1):
        numbers[thing.patch.box][thing.patch.mask] = number
    if len(singles) < VOID_8BIT:
        _save(path, np.where(void, VOID_8BIT, numbers), [voc_color(number) for number in range(VOID_8BIT)])
    else:
        channels = np.stack([numbers & 255, numbers >> 8 & 255, numbers >> 16], 2)  # [H,W,3]
        save_png(path, channels.astype(np.uint8))
