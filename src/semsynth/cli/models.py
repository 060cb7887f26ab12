"""``semsynth models``: the models that are at hand: bundled, local, and those of the hub's cache."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from rich.table import Table

    from semsynth.checkpoint import ModelConfig

Place = Literal["bundled", "local", "hub"]

_LICENCE = 48
"""Characters of a licence in the table."""
_WIDTH = 200
"""Of the table in files and pipes, in characters."""


@dataclass(frozen=True)
class Entry:
    """One model."""

    model: str
    """What ``--model`` takes."""
    place: Place
    path: str
    """The model folder."""
    problem: str | None = None
    """Why nothing else is known."""
    system: str = ""
    class_set: str = ""
    """Name of the class set; empty where pictures are the conditions."""
    num_classes: int = 0
    width: int | None = None
    """Of the photos that training made, in pixels; None: no size of its own."""
    height: int | None = None
    parameters: int = 0
    """Of the networks that inference needs."""
    file_bytes: int = 0
    """Of everything in the folder."""
    data: str = ""
    licence: str = ""
    steps: int = 0
    created: str = ""


def models(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER...]", help="Where to look for local ones; default here and in runs/."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything that is known, for programs.")] = False,
) -> None:
    """List the models at hand: bundled, local, and those of the Hugging Face cache.

    Reads configurations and cards, not weights.
    """
    for folder in folders or ():
        if not folder.is_dir():
            raise SemsynthError(f"there is no folder {folder}: give folders that hold models or runs")
    found = [*_bundled(), *_local(folders or [Path(), Path("runs")]), *_of_hub()]
    if as_json:
        typer.echo(json.dumps([asdict(entry) for entry in found], indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(_table(found))
    for entry in found:
        if entry.problem is not None:
            typer.echo(f"note: {entry.problem}", err=True)


def _bundled() -> Iterator[Entry]:
    from semsynth.checkpoint import BUNDLED

    for folder in _folders_in(BUNDLED):
        if _describes_model(folder):
            yield _entry(folder.name, "bundled", folder)


def _local(roots: Sequence[Path]) -> Iterator[Entry]:
    """Models in ``roots`` and in their folders; of a run the exported one and the best one."""
    seen: set[Path] = set()
    for root in roots:
        for outer in (root, *_folders_in(root)):
            for folder in (outer, outer / "model", outer / "best"):
                if folder.resolve() not in seen and _describes_model(folder):
                    seen.add(folder.resolve())
                    yield _entry(str(outer if folder.name == "model" else folder), "local", folder)


def _of_hub() -> Iterator[Entry]:
    """The newest revision of every model in the cache; nothing is asked of the network."""
    from huggingface_hub.constants import HF_HUB_CACHE

    for repository in _folders_in(Path(HF_HUB_CACHE)):
        kind, _, name = repository.name.partition("--")
        snapshots = [folder for folder in _folders_in(repository / "snapshots") if _describes_model(folder)]
        if kind == "models" and snapshots:
            newest = max(snapshots, key=lambda folder: folder.stat().st_mtime)
            yield _entry(name.replace("--", "/"), "hub", newest)


def _folders_in(root: Path) -> list[Path]:
    """In order of their names, hidden ones left out; none where there is no such folder or it cannot be read."""
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _describes_model(folder: Path) -> bool:
    """Whether there is a configuration that says of itself that it is one of ours."""
    from semsynth.checkpoint import CONFIG, is_model_folder
    from semsynth.files import read_json

    try:
        values = read_json(folder / CONFIG) if is_model_folder(folder) else None
    except (SemsynthError, OSError):
        return False
    return isinstance(values, dict) and "system" in values and "format" in values


def _entry(model: str, place: Place, folder: Path) -> Entry:
    from semsynth.checkpoint import CARD, CLASSES, Card, read_config
    from semsynth.classes import ClassSet
    from semsynth.config import load_config

    try:
        config, classes = read_config(folder), ClassSet.load(folder / CLASSES)
        card = load_config(Card, folder / CARD) if (folder / CARD).is_file() else Card()
    except SemsynthError as error:
        return Entry(model, place, str(folder), problem=str(error))
    size = config.trained_size
    return Entry(
        model,
        place,
        str(folder),
        system=config.system,
        class_set=classes.name,
        num_classes=classes.num_classes,
        width=None if size is None else size[1],
        height=None if size is None else size[0],
        parameters=_parameters(config),
        file_bytes=sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        data=card.data,
        licence=card.licence,
        steps=card.steps,
        created=card.created,
    )


def _parameters(config: ModelConfig) -> int:
    """Counted on networks without memory: weights stay on the disk."""
    import torch

    with torch.device("meta"):
        networks = config.build()
    return sum(parameter.numel() for network in networks.values() for parameter in network.parameters())


def _table(entries: Sequence[Entry]) -> Table:
    from rich.table import Table

    table = Table("model", "place", "system", "classes", "size", "parameters", "files", "licence")
    for entry in entries:
        licence = entry.licence if len(entry.licence) <= _LICENCE else entry.licence[: _LICENCE - 1] + "…"
        if entry.problem is not None:
            table.add_row(entry.model, entry.place, "unreadable", "", "", "", "", "")
            continue
        table.add_row(
            entry.model,
            entry.place,
            entry.system,
            f"{entry.class_set} ({entry.num_classes})",
            "any" if entry.width is None else f"{entry.width}x{entry.height}",
            f"{entry.parameters:,}",
            f"{entry.file_bytes / 1e6:.1f} MB",
            licence or "not stated",
        )
    return table
