"""``semsynth edit``: objects of a label map removed, relabelled, moved and duplicated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperCommand

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.classes import ClassSet
    from semsynth.layout import Layout
    from semsynth.layout.edits import Fill

PREVIEW = "preview"
"""Sub-folder of the maps drawn in their classes' colours."""

_ORDER = "semsynth.cli.edit.order"
_OFFSET = re.compile(r"(\d+):([+-]?\d+),([+-]?\d+)")


class OrderedCommand(TyperCommand):
    """A command that tells in which order its options were given, which is otherwise lost between two options."""

    def make_parser(self, ctx: Any) -> Any:
        """The parser, which leaves the options' names in ``ctx.meta``."""
        parser = super().make_parser(ctx)
        parse = parser.parse_args

        def remember(args: list[str]) -> Any:
            values, rest, order = parse(args)
            ctx.meta[_ORDER] = [parameter.name for parameter in order]
            return values, rest, order

        parser.parse_args = remember  # type: ignore[method-assign]
        return parser


def edit(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="LAYOUT.png", help="A label map.", show_default=False)],
    classes: Annotated[
        str | None,
        typer.Option(help="A classes.json or the name of a built-in class set; default that of the dataset folder."),
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
        list[str] | None, typer.Option(metavar="ID:DOWN,RIGHT", help="Put a copy so far from an object.")
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
    values = {name: iter(map(str, texts or ())) for name, texts in given.items()}
    steps = [(name, next(values[name])) for name in ctx.meta[_ORDER] if name in values]
    if out is None and (steps or not listed):
        raise SemsynthError("there is nowhere to write to: give --out DIR, or only --list to see the objects")
    if components and instances is not None:
        raise SemsynthError("--components makes objects, --instances reads them: leave one of them out")
    outputs = None if out is None else _outputs(out, path, instances)

    layout = _opened(path, classes, instances, components)
    meant = _fill(layout.classes, fill)
    for name, text in steps:
        layout = _edited(layout, name, text, meant, path)
    if outputs is not None:
        _write(layout, *outputs)
    if listed:
        _print_objects(layout)
    if outputs is not None:
        typer.echo(f"{outputs[0]}: {len(steps)} edit{'' if len(steps) == 1 else 's'}")


def _outputs(out: Path, path: Path, instances: Path | None) -> tuple[Path, Path, Path]:
    """Paths of the labels, the instances and the preview; none of them may be read."""
    from semsynth.data.folder import INSTANCES, LABELS

    name = f"{path.stem}.png"
    outputs = (out / LABELS / name, out / INSTANCES / name, out / PREVIEW / name)
    inputs = {file.resolve() for file in (path, instances) if file is not None}
    for output in outputs:
        if output.resolve() in inputs:
            raise SemsynthError(f"{output} is an input and would be replaced: choose another --out")
    return outputs


def _opened(path: Path, classes: str | None, instances: Path | None, components: bool) -> Layout:
    from semsynth.data.folder import named_classes
    from semsynth.layout import Layout
    from semsynth.layout.instances import instances_from_components

    described = path.absolute().parent.parent.parent  # DIR/SPLIT/labels/NAME.png
    layout = Layout.open(path, named_classes(classes, described), instances)
    return instances_from_components(layout) if components else layout


def _edited(layout: Layout, name: str, text: str, fill: Fill, path: Path) -> Layout:
    """One edit, as ``--name text`` says."""
    from semsynth.layout import edits

    option = f"--{name.replace('_', '-')}"
    try:
        if layout.instances is None and name in ("relabel", "move", "duplicate"):
            other = "; --relabel-class CLASS:CLASS relabels all of a class" if name == "relabel" else ""
            raise SemsynthError(f"objects are not told apart: give --instances INSTANCES.png or --components{other}")
        match name:
            case "remove":
                whole = layout.instances is None
                return edits.remove(layout, _class_id(layout.classes, text) if whole else _instance_id(text), fill)
            case "relabel" | "relabel_class":
                return _relabelled(layout, name, text)
            case "move":
                return edits.move(layout, *_id_and_offset(text), fill)
            case _:
                return edits.duplicate(layout, *_id_and_offset(text))
    except SemsynthError as error:
        raise SemsynthError(f"{path}, {option} {text}: {error}") from error


def _relabelled(layout: Layout, name: str, text: str) -> Layout:
    from semsynth.layout import edits

    first, colon, second = text.partition(":")
    if not colon:
        raise SemsynthError("expected two parts with a colon between them, for example 26003:27")
    to_id = _class_id(layout.classes, second)
    if name == "relabel_class":
        return edits.relabel_class(layout, _class_id(layout.classes, first), to_id)
    return edits.relabel(layout, _instance_id(first), to_id)


def _id_and_offset(text: str) -> tuple[int, tuple[int, int]]:
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise SemsynthError("expected ID:DOWN,RIGHT in pixels, for example 26003:10,-20")
    instance_id, down, right = map(int, match.groups())
    return instance_id, (down, right)


def _fill(classes: ClassSet, text: str) -> Fill:
    words: dict[str, Fill] = {"stuff": "stuff", "neighbours": "neighbours"}
    try:
        return words[text] if text in words else _class_id(classes, text)
    except SemsynthError as error:
        raise SemsynthError(f"--fill {text}: {error}") from error


def _instance_id(text: str) -> int:
    if not _is_number(text):
        raise SemsynthError(f"'{text}' is no instance id: --list prints them, --relabel-class takes classes")
    return int(text)


def _class_id(classes: ClassSet, text: str) -> int:
    from semsynth.classes import VOID, VOID_NAME

    if _is_number(text):
        return int(text)
    return VOID if text == VOID_NAME else classes[text].id


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _write(layout: Layout, labels: Path, instances: Path, preview: Path) -> None:
    from semsynth.images import save_png

    if layout.instances is None and instances.exists():
        raise SemsynthError(f"{instances} would not fit the labels written without instances: choose another --out")
    layout.save(labels, None if layout.instances is None else instances)
    save_png(preview, layout.colors())


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
