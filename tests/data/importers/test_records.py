from __future__ import annotations

import json
import resource
import time
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import scipy.io
from annotated import coco_tree, labelme_tree
from annotated_tools import (
    cvat_tree,
    cvat_xml,
    label_studio_tasks,
    label_studio_tree,
    region,
    supervisely_object,
    supervisely_tree,
    vistas_tree,
    voc_tree,
    yolo_tree,
)
from official_trees import SKY_AND_CAR, halves, photo, save_jpeg

from semsynth.api.importers import IMPORTERS
from semsynth.data.importers.cvat import list_cvat
from semsynth.data.importers.label_studio import list_label_studio
from semsynth.data.importers.pairs import Listing, import_listing
from semsynth.data.importers.supervisely import list_supervisely
from semsynth.data.importers.yolo import list_yolo
from semsynth.errors import SemsynthError
from semsynth.images import save_png

SKIPS: list[tuple[Callable[..., Path], Callable[..., Listing], Any]] = [
    (cvat_tree, list_cvat, cvat_xml('<polygon label="car" points="1,1;2,2"/>')),
    (label_studio_tree, list_label_studio, label_studio_tasks([region("brushlabels", "a", {"rle": [1]})])),
    (supervisely_tree, list_supervisely, [supervisely_object("bitmap", "bike")]),
    (yolo_tree, list_yolo, "0 0.5 0.5 0.2 0.2"),
]


@pytest.mark.parametrize(("tree", "list_format", "broken"), SKIPS)
def test_nothing_is_written_of_broken_records(
    tmp_path: Path, tree: Callable[..., Path], list_format: Callable[..., Listing], broken: Any
) -> None:
    source = tree(tmp_path / "in", broken)
    with pytest.raises(SemsynthError, match="every record is broken; the first: "):
        import_listing(list_format(source, skip_broken=True), tmp_path / "out")
    assert not list((tmp_path / "out").glob("*/*/*"))


def array_tree(root: Path) -> Path:
    SKY_AND_CAR.save(root / "classes.json")
    for name in ("a", "b", "c"):
        save_jpeg(root / f"{name}.jpg", photo())
    np.save(root / "a.npy", halves(1, 2))
    np.savez_compressed(root / "b.npz", labels=halves(1, 2))
    scipy.io.savemat(root / "c.mat", {"labels": halves(1, 2)}, do_compression=True)
    return root


def mask_tree(root: Path) -> Path:
    save_jpeg(root / "images/a.jpg", photo())
    for name in ("sky", "car"):
        save_png(root / f"masks/{name}/a.png", halves(0, 255))
    return root


ANNOTATED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "coco": (coco_tree, "*.json"),
    "labelme": (labelme_tree, "*.json"),
    "cvat": (cvat_tree, "*.xml"),
    "label-studio": (label_studio_tree, "*.json"),
    "supervisely": (supervisely_tree, "*.json"),
    "yolo": (yolo_tree, "*.[ty]*"),
    "voc": (voc_tree, "*.[pt][nx][gt]"),
    "vistas": (vistas_tree, "*.[pj][ns][go]*"),
    "arrays": (array_tree, "*.[nm]*"),
    "binary-masks": (mask_tree, "*.png"),
}
"""Format -> what makes a small data set, and the files that are changed."""
BYTES = (
    *(
        b"\x00",
        b"\xff",
        b"[",
        b"{",
        b'"',
        b"9",
        b"-",
        b"<",
        b">",
        b"&amp;",
        b"\r\n",
        b"../",
        b"\\ud800",
        b"NaN",
        b"1e999",
    ),
    *(b"null", b"9" * 400, b"[" * 400, b"<!DOCTYPE a>", b"true", b"1e308", b",", b";"),
)
VALUES = (None, True, -1, 0, 2**40, 2**70, 1e308, -1e308, 0.5, "", "x", "../../a.jpg", [], {}, [[]], [1, 2], {"a": 1})


def changed(data: bytes, random: Random) -> bytes:
    """A file with a few bytes or values changed, inserted, cut off or repeated."""
    if data[:1] in b"[{" and random.random() < 0.7:
        value = json.loads(data)
        for _ in range(random.randint(1, 2)):
            change_value(value, random)
        return json.dumps(value).encode()
    for _ in range(random.randint(1, 4)):
        start = random.randrange(len(data) + 1)
        end = min(len(data), start + random.choice((0, 0, 1, 2, 9, 99)))
        middle = random.choice((random.choice(BYTES), random.randbytes(2), data[start:end] * 2, b""))
        data = data[:start] + middle + data[end:]
    return data


def change_value(value: Any, random: Random) -> None:
    """Replace, remove or exchange one value somewhere in lists and mappings."""
    while value:
        key = random.choice(list(value)) if isinstance(value, dict) else random.randrange(len(value))
        if isinstance(value[key], dict | list) and value[key] and random.random() < 0.85:
            value = value[key]
            continue
        if random.random() < 0.2:
            del value[key]
        else:
            value[key] = random.choice(VALUES)
        return


def import_changed(root: Path, count: int, seed: int) -> Counter[str]:
    """Change files of every format and read all that they hold.

    Returns:
        How many were read, and how many refused.
    """
    random, results = Random(seed), Counter[str]()
    sources = {name: tree(root / name) for name, (tree, _) in ANNOTATED.items()}
    files = {name: sorted(path for path in sources[name].rglob(ANNOTATED[name][1])) for name in ANNOTATED}
    for number in range(count):
        name = list(ANNOTATED)[number % len(ANNOTATED)]
        path = random.choice(files[name])
        before = path.read_bytes()
        path.write_bytes(changed(before, random))
        module, _, function = IMPORTERS[name].listing.partition(":")
        started = time.monotonic()
        try:
            for pair in getattr(import_module(module), function)(sources[name]).pairs:
                layout = pair.label if isinstance(pair.label, Path) else pair.label()
                assert not isinstance(layout, Path)
            results["read"] += 1
        except SemsynthError as error:
            results["refused" if "\n" not in str(error) else "more than a line"] += 1
        except Exception as error:
            kept = path.read_bytes()
            raise AssertionError(f"{name}, {number}: {path.name} {kept[:3000]!r}") from error
        finally:
            path.write_bytes(before)
        assert time.monotonic() - started < 20
    return results


def test_changed_files_are_read_or_refused(tmp_path: Path) -> None:
    results = import_changed(tmp_path, 60, seed=1)
    assert results.total() == 60
    assert results["refused"] > 10
    assert results["more than a line"] == 0


@pytest.mark.slow
def test_ten_thousand_changed_files_are_read_or_refused_in_bounded_memory(tmp_path: Path) -> None:
    import_changed(tmp_path, 100, seed=3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results = import_changed(tmp_path / "more", 10_000, seed=2)
    assert results.total() == 10_000
    assert results["read"] > 1000
    assert results["more than a line"] == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024  # KiB
