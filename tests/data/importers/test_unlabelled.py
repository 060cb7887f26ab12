"""Photographs without label maps become a dataset folder whose maps a segmenter makes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from flags import ColorSegmenter, draw

from semsynth.classes import VOID
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.pairs import import_listing
from semsynth.data.importers.unlabelled import list_unlabelled
from semsynth.evaluation.segmenters.photos import label_photo
from semsynth.images import save_png


def import_unlabelled(
    source: Path, out: Path, val_share: float | None = None, limit: int | None = None
) -> dict[str, int]:
    segmenter = ColorSegmenter()
    listing = list_unlabelled(source, segmenter.classes, partial(label_photo, segmenter), val_share=val_share)
    return import_listing(listing, out, limit=limit)


def test_unlabelled_photos_become_a_dataset_and_an_interrupted_import_goes_on(tmp_path: Path) -> None:
    for number in range(6):
        save_png(tmp_path / "photos" / f"{number}.png", draw(number)[1])
    counts = import_unlabelled(tmp_path / "photos", tmp_path / "out", val_share=0.3)
    assert sum(counts.values()) == 6
    assert counts["val"] >= 1
    train = DatasetFolder(tmp_path / "out", "train")
    number = int(train.names[0])
    known = draw(number)[0].labels != VOID
    assert (train[0].layout.labels == draw(number)[0].labels)[known].mean() > 0.9
    first = tmp_path / "out" / "train" / "labels" / f"{train.names[0]}.png"
    stamp = first.stat().st_mtime_ns
    missing = first.with_name(f"{train.names[1]}.png")
    missing.unlink()
    assert import_unlabelled(tmp_path / "photos", tmp_path / "out", val_share=0.3) == counts
    assert missing.exists()
    assert first.stat().st_mtime_ns == stamp


def test_the_first_unlabelled_photos_of_each_split_and_later_the_others(tmp_path: Path) -> None:
    for split, count in {"train": 3, "val": 2}.items():
        for number in range(count):
            save_png(tmp_path / "photos" / split / f"{number}.png", draw(number)[1])
    photos, out = tmp_path / "photos", tmp_path / "out"
    assert import_unlabelled(photos, out, limit=2) == {"train": 2, "val": 2}
    assert DatasetFolder(out, "train").names == ("0", "1")
    assert import_unlabelled(photos, out) == {"train": 3, "val": 2}
    assert DatasetFolder(out, "train").names == ("0", "1", "2")
