"""``semsynth data shard``: from a dataset folder to WebDataset shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.last_net import interruptible
from semsynth.cli.progress import count_bar


def shard(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder of the shards.", show_default=False)],
    size: Annotated[str, typer.Option(help="Of a shard, at most.")] = "500MB",
    splits: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Only these splits.", show_default=False)
    ] = None,
    shuffle: Annotated[
        int | None,
        typer.Option(
            metavar="SEED",
            help="Shuffle the training split before: good where shards will be streamed, as neighbouring names are "
            "often alike.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a dataset folder as WebDataset tar shards, with index and checksums.

    The files go in as they are. Started again, it goes on after the last whole shard. --data of other commands takes
    the shards as it takes the folder, also from an address (https://, s3://).
    """
    from semsynth.data.shards.index import parse_size
    from semsynth.data.shards.sharding import shard_folder

    names = None if splits is None else [name.strip() for name in splits.split(",")]
    with interruptible(f"the same command continues after the last whole shard in {out}"), count_bar("sharding") as bar:
        index = shard_folder(root, out, parse_size(size), names, shuffle, bar)
    for split, entry in index.splits.items():
        samples, total = (sum(getattr(one, key) for one in entry.shards) for key in ("samples", "bytes"))
        typer.echo(f"{out}: {split} {samples} samples in {len(entry.shards)} shards, {total / 1e6:.1f} MB")
    typer.echo(f"Check them: semsynth data check {out}")
