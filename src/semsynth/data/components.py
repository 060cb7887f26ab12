"""Instance maps for datasets that have none: connected components of the classes."""

from __future__ import annotations

from pathlib import Path

from semsynth.data.folder import INSTANCES, LABELS, load_classes, splits
from semsynth.data.listing import list_pictures
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError
from semsynth.files import explained
from semsynth.layout import Layout
from semsynth.layout.instances import MAX_STORED, instances_from_components

PARTIAL = f".{INSTANCES}.part"
"""Where the maps of a split lie until all of them are there."""


def write_components(root: Path, progress: Progress = silent) -> dict[str, int]:
    """Write ``SPLIT/instances`` for every split of a dataset folder that has no such folder.

    The folder appears when all of its maps are written. An interrupted job, started again, goes on where it stopped.

    Args:
        root: the dataset folder.
        progress: called once per label map.

    Returns:
        Split -> number of instance maps, of those splits that had none.

    Raises:
        SemsynthError: no dataset folder or none with label maps, or a label map that cannot be read or has more
            components than 16 bits can count.
    """
    classes = load_classes(root)
    names = splits(root)
    if not names:
        raise SemsynthError(f"{root} has no split: a sub-folder such as train/ with {LABELS}/ in it")
    listed = {name: list_pictures(root / name / LABELS) for name in names if not (root / name / INSTANCES).is_dir()}
    done, total = 0, sum(map(len, listed.values()))
    for name, maps in listed.items():
        partial = root / name / PARTIAL
        for stem, path in maps.items():
            target = partial / f"{stem}.png"
            if not target.exists():
                layout = instances_from_components(Layout.open(path, classes))
                if layout.instances is not None and layout.instances.max() > MAX_STORED:
                    raise SemsynthError(
                        f"{path} has {layout.instances.max()} connected components, more than a 16-bit instance map "
                        "can number: it looks like noise, export the label map again"
                    )
                layout.save_instances(target)
            done += 1
            progress(done, total)
        with explained(root / name / INSTANCES):
            partial.rename(root / name / INSTANCES)
    return {name: len(maps) for name, maps in listed.items()}
