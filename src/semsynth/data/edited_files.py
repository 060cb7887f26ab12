"""A label map that is edited: where it is read from, and the files that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from semsynth.data.folder import INSTANCES, LABELS, named_classes
from semsynth.errors import SemsynthError, errors_of
from semsynth.images import save_png
from semsynth.layout import Layout
from semsynth.layout.edits.texts import edit_by_text, fill_by_text
from semsynth.layout.instances import instances_from_components

PREVIEW = "preview"
"""Sub-folder of the maps drawn in their classes' colours."""


@dataclass(frozen=True)
class EditedFiles:
    """The files of an edited label map, in a folder like a split of a dataset folder."""

    labels: Path
    instances: Path
    preview: Path

    @classmethod
    def named(cls, out: Path, path: Path, instances: Path | None = None) -> EditedFiles:
        """Name the files.

        Args:
            out: the folder for ``labels/``, ``instances/`` and ``preview/``.
            path: the label map that is read.
            instances: its instance map.

        Raises:
            SemsynthError: an input would be replaced.
        """
        name = f"{path.stem}.png"
        files = cls(out / LABELS / name, out / INSTANCES / name, out / PREVIEW / name)
        inputs = {file.resolve() for file in (path, instances) if file is not None}
        for output in (files.labels, files.instances, files.preview):
            if output.resolve() in inputs:
                raise SemsynthError(f"{output} is an input and would be replaced: choose another `out`")
        return files

    def write(self, layout: Layout) -> None:
        """Write a layout.

        Raises:
            SemsynthError: it cannot be written, or would lie beside the instances of another one.
        """
        if layout.instances is None and self.instances.exists():
            raise SemsynthError(
                f"{self.instances} would not fit the labels written without instances: choose another `out`"
            )
        layout.save(self.labels, None if layout.instances is None else self.instances)
        save_png(self.preview, layout.colors())


def edit_file(
    path: Path,
    edits: Sequence[tuple[str, str]],
    *,
    classes: str | None = None,
    instances: Path | None = None,
    components: bool = False,
    fill: str = "stuff",
) -> Layout:
    """Open a label map and edit it.

    Args:
        path: the label map.
        edits: verbs and texts, as :func:`semsynth.layout.edits.texts.edit_by_text` takes them, in their order.
        classes: the path of a ``classes.json`` or the name of a built-in class set; None: that of the dataset folder.
        instances: the instance map.
        components: take the connected components of each class as its objects.
        fill: what takes the place of a removed or moved object: ``stuff``, ``neighbours`` or a class.

    Raises:
        SemsynthError: unreadable, or an edit that cannot be made; the message says which.
    """
    if components and instances is not None:
        raise SemsynthError("`components` makes objects, `instances` reads them: leave one of them out")
    described = path.absolute().parent.parent.parent  # DIR/SPLIT/labels/NAME.png
    layout = Layout.open(path, named_classes(classes, described), instances)
    if components:
        layout = instances_from_components(layout)
    with errors_of(f"`fill={fill}`"):
        meant = fill_by_text(layout.classes, fill)
    for verb, text in edits:
        with errors_of(f"{path}, `{verb}={text}`"):
            layout = edit_by_text(layout, verb, text, meant)
    return layout
