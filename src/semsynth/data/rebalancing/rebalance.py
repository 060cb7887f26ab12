"""``semsynth data rebalance``: a split's layouts with more objects of rare classes."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from semsynth.classes import ClassSet
from semsynth.data.folder import INSTANCES, LABELS, DatasetFolder
from semsynth.data.progress import Progress, silent
from semsynth.data.rebalancing.pasting import scene_of, with_object
from semsynth.data.rebalancing.report import ClassShare, Rebalanced, Tally, write_report
from semsynth.data.rebalancing.standing import Stock, standing_objects
from semsynth.errors import SemsynthError
from semsynth.files import make_folder, partial_path, sweep_partial_files
from semsynth.layout import Layout
from semsynth.layout.instances import THING_GROUPS, instances_from_components

KEPT = 1000
"""Objects of a class that are kept in memory, an even sample of all."""
MOST = 12
"""New objects of a class in a layout."""
_FAILURES = 12
"""Objects without a place after which a layout gets no more of a class."""


def rebalance_dataset(
    root: str | Path,
    out: str | Path,
    goals: Mapping[str, float],
    *,
    split: str = "train",
    keep: Sequence[str] = (),
    max_overlap: float = 0.2,
    seed: int = 0,
    progress: Progress = silent,
) -> Rebalanced:
    """Make new layouts by pasting objects of rare classes where such objects stand in the data.

    An object has the shape of one object of its class and the place and size of another. It stands on the same class
    as that one, at the same height of the picture, is hidden by what stands nearer, and hides little of what is behind
    it. Only whole objects are taken, which touch no border of their picture.

    Args:
        root: a dataset folder. Without instance maps, every connected component of a class is an object.
        out: the dataset folder to make, all at once, with label and instance maps of the split and without photos; it
            must not exist, or be empty. ``rebalance.html`` and ``rebalance.json`` in it compare before and after.
        goals: class name -> share of the labelled pixels that it shall have, 0 to 1.
        split: which split is rebalanced.
        keep: classes whose objects must not be hidden either, besides those of ``goals`` and the class set's humans
            and vehicles.
        max_overlap: how much of an object another one may hide, 0 to 1.
        seed: of the choices; the same seed makes the same layouts.
        progress: called with (done, total); every layout counts twice.

    Returns:
        The shares before and after, and how many objects were pasted.

    Raises:
        SemsynthError: no such data set, split or class, a class without a whole object, or ``out`` holds something or
            cannot be written.
    """
    source, target = Path(root), Path(out)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise SemsynthError(f"{target} exists already: choose a new folder, or remove it")
    has_instances = (source / split / INSTANCES).is_dir()
    folder = DatasetFolder(source, split, images=False, instances=has_instances)
    wanted = {_class_id(folder.classes, name): share for name, share in goals.items()}
    if not wanted or not all(0 < share < 1 for share in wanted.values()):
        raise SemsynthError("`goals` are shares between 0 and 1 of at least one class: for example bicycle=5%")
    kept = {*wanted, *(_class_id(folder.classes, name) for name in keep)}
    kept |= {item.id for item in folder.classes.classes if item.group in THING_GROUPS}
    before, stocks = _observed(folder, wanted, seed, progress)
    sweep_partial_files(make_folder(target.parent))
    partial = partial_path(target)
    try:
        after, pasted = Tally(folder.classes), dict.fromkeys(wanted, 0)
        rebalanced = _rebalanced(folder, _missing(before, wanted), stocks, kept, max_overlap, seed)
        for done, (name, layout, added) in enumerate(rebalanced, 1):
            layout.save(partial / split / LABELS / f"{name}.png", partial / split / INSTANCES / f"{name}.png")
            after.add(layout)
            for class_id, count in added.items():
                pasted[class_id] += count
            progress(len(folder) + done, 2 * len(folder))
        folder.classes.save(partial / "classes.json")
        result = Rebalanced(layouts=len(folder), classes=tuple(
            ClassShare.of(item, before, after, wanted.get(item.id), pasted.get(item.id, 0))
            for item in folder.classes.classes
        ))  # fmt: skip
        write_report(partial, result)
        if target.exists():
            target.rmdir()
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return result


def _class_id(classes: ClassSet, name: str) -> int:
    found = [item.id for item in classes.classes if item.name == name]
    if not found:
        known = ", ".join(item.name for item in classes.classes)
        raise SemsynthError(f"the class set '{classes.name}' has no class '{name}': it has {known}")
    return found[0]


def _observed(
    folder: DatasetFolder, wanted: Collection[int], seed: int, progress: Progress
) -> tuple[Tally, dict[int, Stock]]:
    """What the data hold, and their objects of the wanted classes."""
    tally = Tally(folder.classes)
    stocks = {class_id: Stock(KEPT, np.random.default_rng([seed, class_id])) for class_id in wanted}
    for done, (_, layout) in enumerate(_layouts(folder), 1):
        tally.add(layout)
        for one in standing_objects(layout, wanted):
            stocks[one.class_id].offer(one)
        progress(done, 2 * len(folder))
    for class_id in wanted:
        stocks[class_id].close()
        if not stocks[class_id].objects:
            name = next(item.name for item in folder.classes.classes if item.id == class_id)
            raise SemsynthError(
                f"{folder.root / folder.split} has no whole object of '{name}', one that touches no border of its "
                "picture and stands on another class: leave the class out"
            )
    return tally, stocks


def _missing(before: Tally, wanted: Mapping[int, float]) -> dict[int, float]:
    """Class id -> pixels that it lacks in the mean layout."""
    return {
        class_id: max(0.0, share * before.known - before.pixels_of(class_id)) / before.layouts
        for class_id, share in wanted.items()
    }


def _rebalanced(
    folder: DatasetFolder,
    missing: Mapping[int, float],
    stocks: Mapping[int, Stock],
    kept: Collection[int],
    max_overlap: float,
    seed: int,
) -> Iterator[tuple[str, Layout, dict[int, int]]]:
    """Every layout with its new objects, and how many of each class these are.

    What finds no place in one layout is made up for in the next ones.
    """
    owed = dict.fromkeys(missing, 0.0)
    for index, (name, layout) in enumerate(_layouts(folder)):
        rng = np.random.default_rng([seed, index])
        scene, added = scene_of(layout, kept), dict.fromkeys(missing, 0)
        for class_id, pixels in missing.items():
            owed[class_id] += pixels
            failures = 0
            while owed[class_id] > 0 and added[class_id] < MOST and failures < _FAILURES:
                shape, like = stocks[class_id].draw(rng)
                found = with_object(scene, shape, like, rng, max_overlap)
                if found is None:
                    failures += 1
                    continue
                scene, size = found
                owed[class_id] -= size
                added[class_id] += 1
        yield name, scene.layout, added


def _layouts(folder: DatasetFolder) -> Iterator[tuple[str, Layout]]:
    """Every layout with its name, with instances."""
    labels, instances = folder.files_of(LABELS), folder.files_of(INSTANCES)
    for name, path in labels.items():
        layout = Layout.open(path, folder.classes, instances.get(name))
        yield name, layout if instances else instances_from_components(layout)
