"""Parts of a bank that is being built: some photos each, written by any process, joined at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from semsynth.bank import masks
from semsynth.bank.index import BankFile, BankPhoto, segment_tensors
from semsynth.bank.order import count_in_front
from semsynth.bank.segments import SegmentRules, context_windows, find_segments
from semsynth.bank.tensors import Array, Pieces, map_tensors, write_tensors
from semsynth.classes import VOID, ClassSet
from semsynth.config import Config, dump_config, load_config
from semsynth.data.folder import DatasetFolder
from semsynth.data.sample import IMAGE, INSTANCE, LABEL
from semsynth.data.source import LabelledSamples
from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.images import resize_image
from semsynth.layout import Layout, Size
from semsynth.layout.label_files import stored_labels

BUILDING = ".building"
"""Folder, in that of the bank, of what goes when the bank is whole."""


class PartRecord(Config):
    """What a part holds; written last, so that a part with a record is whole."""

    photos: tuple[BankPhoto, ...]
    shard: BankFile
    segments: int
    thin_masks: int
    in_front: tuple[tuple[int, ...], ...]
    """[K,K] as :func:`semsynth.bank.order.count_in_front` counts."""


@dataclass(frozen=True)
class Part:
    """Where a part lies, and which photos are its own."""

    folder: Path
    """Of the bank."""
    number: int
    start: int
    """Its first photo."""
    end: int
    """The one after its last."""

    @property
    def record(self) -> Path:
        """The file of the :class:`PartRecord`."""
        return self.folder / BUILDING / f"{self.number:05d}.json"

    @property
    def segments(self) -> Path:
        """The file of the segments."""
        return self.folder / BUILDING / f"{self.number:05d}.safetensors"

    @property
    def shard(self) -> Path:
        """The file of the photos, which stays."""
        return self.folder / f"photos-{self.number:05d}.safetensors"


def write_part(part: Part, samples: LabelledSamples, rules: SegmentRules) -> PartRecord:
    """Cut the photos of a part into segments, and write them.

    Args:
        part: which one.
        samples: all of the dataset.
        rules: what counts as a segment.

    Raises:
        SemsynthError: a damaged sample, or a full disk.
    """
    classes = samples.classes
    in_front = np.zeros((classes.num_classes, classes.num_classes), np.int64)
    colours, layouts, tables, photos = [], [], [], []
    for image in range(part.start, part.end):
        sample = samples[image]
        if sample.image is None:
            raise SemsynthError(f"'{sample.name}' has no photo: a bank is made of pairs of photos and label maps")
        layout = sample.layout.resized(rules.size)
        colours.append(resize_image(sample.image, rules.size))
        layouts.append(stored_labels(layout.labels, classes))
        in_front += count_in_front(layout)
        tables.append(_table(layout, image, rules))
        photos.append(BankPhoto(name=sample.name, sha256=file_digests(samples, sample.name)))
    write_tensors(part.shard, {"colours": np.stack(colours)})
    table = _joined(tables)
    write_tensors(part.segments, table | {"layouts": np.stack(layouts)})
    record = PartRecord(
        photos=tuple(photos),
        shard=described(part.shard, len(photos)),
        segments=len(table["class_ids"]),
        thin_masks=len(table["thin_bits"]),
        in_front=tuple(map(tuple, in_front.tolist())),
    )
    dump_config(record, part.record)
    return record


def is_current(part: Part, samples: LabelledSamples) -> bool:
    """Whether a part is whole, and its photos and label maps are what they were when it was written."""
    if not part.record.exists():
        return False
    photos = load_config(PartRecord, part.record).photos
    if tuple(photo.name for photo in photos) != samples.names[part.start : part.end]:
        return False
    return all(file_digests(samples, photo.name) == photo.sha256 for photo in photos)


def _table(layout: Layout, image: int, rules: SegmentRules) -> dict[str, Array]:
    """The segments of one photo, as a file holds them; ``thin_rows`` counts from 0 in each photo."""
    segments = find_segments(layout.labels, rules, layout.instances)
    boxes = np.array([one.box for one in segments], np.int32).reshape(-1, 4)
    full = masks.place([one.mask for one in segments], boxes, rules.size)
    thin = np.array([one.has_thin for one in segments], np.bool_)
    with_thin = masks.place([one.thin_mask for one in segments if one.has_thin], boxes[thin], rules.size)
    known = layout.labels != VOID
    windows = context_windows(boxes, rules.size).tolist()
    context_areas = [np.count_nonzero(known[top:bottom, left:right]) for top, left, bottom, right in windows]
    return {
        "class_ids": np.array([one.class_id for one in segments], np.int32),
        "images": np.full(len(segments), image, np.int32),
        "boxes": boxes,
        "areas": full.sum((1, 2), dtype=np.int64),
        "context_areas": np.array(context_areas, np.int64),
        "coarse": masks.coarse_bits(full),
        "bits": masks.pack(full),
        "thin_rows": np.where(thin, np.cumsum(thin) - 1, -1).astype(np.int32),
        "thin_bits": masks.pack(with_thin),
    }


def _joined(tables: Sequence[dict[str, Array]]) -> dict[str, Array]:
    """The segments of several photos, sorted by class."""
    before = np.cumsum([0, *(len(one["thin_bits"]) for one in tables)])
    joined = {name: np.concatenate([one[name] for one in tables]) for name in tables[0]}
    starts = np.repeat(before[:-1], [len(one["thin_rows"]) for one in tables])
    rows = joined["thin_rows"]
    joined["thin_rows"] = np.where(rows >= 0, rows + starts, -1).astype(np.int32)
    order = np.argsort(joined["class_ids"], kind="stable")
    return {name: array if name == "thin_bits" else array[order] for name, array in joined.items()}


def join_segments(
    parts: Sequence[Part], records: Sequence[PartRecord], target: Path, size: Size, classes: ClassSet
) -> None:
    """Write the segments of all parts as one file, sorted by class, then by photo; one slice is in memory at a time.

    Raises:
        SemsynthError: a part is damaged, or a full disk.
    """
    counts = [(len(one.photos), one.segments, one.thin_masks) for one in records]
    shapes = [segment_tensors(size, classes, photos=p, segments=n, thin_masks=t) for p, n, t in counts]
    opened = [partial(map_tensors, part.segments, shape) for part, shape in zip(parts, shapes, strict=True)]
    class_ids = [np.array(one()["class_ids"]) for one in opened]

    def slices() -> Iterator[tuple[dict[str, Array], slice]]:
        for class_id in np.unique(np.concatenate(class_ids)).tolist():
            for ids, one in zip(class_ids, opened, strict=True):
                start, end = np.searchsorted(ids, (class_id, class_id + 1)).tolist()
                if start < end:
                    yield one(), slice(start, end)

    def pieces_of(name: str) -> Iterator[Array]:
        if name == "layouts":
            yield from (one()[name] for one in opened)
            return
        before = 0  # thin masks
        for tensors, place in slices():
            rows = tensors["thin_rows"][place]
            if name == "thin_bits":
                yield tensors[name][rows[rows >= 0]]
            elif name == "thin_rows":
                yield np.where(rows >= 0, before + np.cumsum(rows >= 0) - 1, -1)
                before += int(np.count_nonzero(rows >= 0))
            else:
                yield tensors[name][place]

    photos, segments, thin_masks = np.sum(counts, axis=0).tolist()
    whole = segment_tensors(size, classes, photos=photos, segments=segments, thin_masks=thin_masks)
    write_tensors(target, {name: Pieces(shape, dtype, pieces_of(name)) for name, (dtype, shape) in whole.items()})


def described(path: Path, entries: int) -> BankFile:
    """The entry of a file in ``bank.json``."""
    return BankFile(file=path.name, entries=entries, bytes=path.stat().st_size, sha256=sha256(path))


def file_digests(samples: LabelledSamples, name: str) -> dict[str, str]:
    """Kind -> checksum of the file of a sample; empty where samples are not files of a folder.

    Raises:
        SemsynthError: a file cannot be read.
    """
    if not isinstance(samples, DatasetFolder):
        return {}
    return {kind: sha256(files[name]) for kind, files in zip((LABEL, IMAGE, INSTANCE), samples.files, strict=False)}
