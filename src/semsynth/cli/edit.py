"""``semsynth edit``: objects of a label map removed, relabelled, moved and duplicated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from semsynth.cli.ordered import in_order
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.layout import Layout


def edit(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="LAYOUT.png", help="A label map.", show_default=False)],
    classes: Annotated[
        str | None,
        typer.Option(help="A classes.json or the name of a built-in class set (default: that of the dataset folder)."),
    ] = None,
    instances: Annotated[Path | None, typer.Option(help="The instance map of the label map.")] = None,
    components: Annotated[
        bool, typer.Option("--components", help="Take the connected components of each class as its objects.")
    ] = False,
    remove: Annotated[list[str] | None, typer.Option(metavar="ID", help="Remove an object.")] = None,
    relabel: Annotated[list[str] | None, typer.Option(metavar="ID:CLASS", help="Give an object another class.")] = None,
    relabel_class: Annotated[
        list[str] | None, typer.Option(metavar="CLASS:CLASS", help="Give a whole class another one.")
    ] = None,
    move: Annotated[
        list[str] | None, typer.Option(metavar="ID:DOWN,RIGHT", help="Move an object by pixels; - is up or left.")
    ] = None,
    duplicate: Annotated[
        list[str] | None, typer.Option(metavar="ID:DOWN,RIGHT", help="Copy an object, offset by pixels.")
    ] = None,
    fill: Annotated[
        str,
        typer.Option(
            metavar="stuff|neighbours|CLASS",
            help="What takes the place of a removed or moved object: the nearest stuff, anything nearest, or a class.",
        ),
    ] = "stuff",
    listed: Annotated[bool, typer.Option("--list", help="Print the objects, as they are after the edits.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for labels/, instances/ and preview/; made if missing.")
    ] = None,
) -> None:
    """Edit the objects of a label map.

    Edits can be repeated and are made in the order in which they are given. ID is an instance id, as --list prints
    them; without an instance map --remove takes a CLASS. CLASS is a class id, a name, or void.
    """
    given = {"remove": remove, "relabel": relabel, "relabel_class": relabel_class, "move": move, "duplicate": duplicate}
    edits = in_order(ctx, given)
    if out is None and (edits or not listed):
        raise SemsynthError("there is nowhere to write to: give --out DIR, or only --list to see the objects")
    from semsynth.data.edited_files import EditedFiles, edit_file

    files = None if out is None else EditedFiles.named(out, path, instances)
    layout = edit_file(path, edits, classes=classes, instances=instances, components=components, fill=fill)
    if files is not None:
        files.write(layout)
    if listed:
        _print_objects(layout)
    if files is not None:
        typer.echo(f"{files.labels}: {len(edits)} edit{'' if len(edits) == 1 else 's'}")


def _print_objects(layout: Layout) -> None:
    from semsynth.layout.instances import objects

    names: dict[int, str] = {item.id: item.name for item in layout.classes.classes}
    table = Table("instance", "class", "name", "pixels", "row", "column", "width x height")
    found = objects(layout)
    columns = (found.instance_ids, found.class_ids, found.pixels, found.boxes)
    for instance_id, class_id, pixels, (top, left, bottom, right) in zip(*(c.tolist() for c in columns), strict=True):
        size = f"{right - left}x{bottom - top}"
        table.add_row(*map(str, (instance_id, class_id, names[class_id], pixels, top, left, size)))
    Console(soft_wrap=True, highlight=False, markup=False).print(table)
