"""``semsynth synthesize --tile``: its options, and what became of the photos."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from semsynth.cli.last_net import interruptible
from semsynth.cli.progress import JobBars
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.layout import Size

TileOption = Annotated[
    int | None,
    typer.Option(
        "--tile",
        metavar="PIXELS",
        min=1,
        help="Make photos in tiles of this side, for photos and maps larger than memory (default: where needed, 1024).",
    ),
]
FormatOption = Annotated[
    Literal["png", "tiff"] | None,
    typer.Option("--format", help="With --tile: PNG, or TIFF of tiles (default: png)."),
]
By = tuple[Literal["local", "ray"], int | None, str | None, float | None]
"""Engine, workers, address and GPUs of each."""


def refuse(given: Mapping[str, object]) -> None:
    """Refuse options that photos in tiles do not have; ``given``: by name, None, False or empty where left out."""
    names = [name for name, value in given.items() if value]
    if names:
        raise SemsynthError(f"{names[0]} does not go with --tile")


def tile_where_needed(maps: Sequence[Path], model: str | None, size: Size | None, device: str) -> int | None:
    """The side of tiles, with a note, where a photo does not fit into memory; None: all of them do."""
    from semsynth.large.fitting import DEFAULT_TILE, needs_tiles
    from semsynth.synthesizer import DEFAULT_MODEL

    why = needs_tiles(maps, model or DEFAULT_MODEL, size, device)
    if why is None:
        return None
    typer.echo(f"note: {why}: made in tiles, as with --tile {DEFAULT_TILE}", err=True)
    return DEFAULT_TILE


def synthesize(maps: Sequence[Path], out: Path, model: str | None, by: By, **how: Any) -> None:
    """Make photos in tiles with bars, and print what became of it; ``how``: see :func:`semsynth.synthesize_large`."""
    from semsynth.bulk.engines import choose_engine
    from semsynth.large.synthesizing import synthesize_large
    from semsynth.synthesizer import DEFAULT_MODEL

    name, workers, address, gpus = by
    engine = choose_engine(name, how["device"], workers, address, gpus)
    start = time.monotonic()
    go_on = f"tiles that are finished are in {out}: the same command goes on with them"
    with interruptible(go_on), JobBars() as bars:
        done = synthesize_large(
            maps, out, model or DEFAULT_MODEL, engine=engine, progress=bars.begin, tell=bars.tell, **how
        )
    kept = f", {done.kept} were there" if done.kept else ""
    seconds = time.monotonic() - start
    photos = f"{len(done.photos)} photo{'s' if len(done.photos) > 1 else ''} in {out}"
    typer.echo(f"{photos}: {done.made} tiles made{kept}, in {seconds:.0f} s")
