"""Shards beside plain files: how fast they are written, against ``tar``, and read, against the dataset folder.

    python benchmarks/shards.py [--samples 600] [--rounds 7] [--json FILE]

Both sides work on the same files in the same run, in turns. Everything that is read lies in the system's cache: what is
compared is work, not the disk. Shards are on the disk when their writing ends, and so is what ``tar`` wrote.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from report import machine, print_table, write_report

from semsynth.config import override
from semsynth.data.folder import save_classes
from semsynth.data.shards.sharding import shard_folder
from semsynth.data.toy import TOY_CLASSES, draw_scene
from semsynth.recipes import RECIPES
from semsynth.recipes.base import Collate
from semsynth.training.data import MicroBatches, Share, read_batches
from semsynth.training.start import open_data

DISTINCT = 12
"""Scenes that are drawn; the others are copies."""
BATCH = 4
"""Images of a micro-batch."""

Seconds = dict[str, list[float]]


def write_pictures(root: Path, samples: int, size: int) -> None:
    """A dataset folder of JPEG photos, with label and instance maps."""
    save_classes(root, TOY_CLASSES)
    split = root / "train"
    for number in range(samples):
        name = f"scene_{number:06d}"
        if number < DISTINCT:
            scene = draw_scene(number, size)
            assert scene.image is not None
            scene.layout.save(split / "labels" / f"{name}.png")
            scene.layout.save_instances(split / "instances" / f"{name}.png")
            (split / "images").mkdir(exist_ok=True)
            Image.fromarray(scene.image).save(split / "images" / f"{name}.jpg", quality=95)
            continue
        for kind, suffix in (("images", "jpg"), ("labels", "png"), ("instances", "png")):
            original = split / kind / f"scene_{number % DISTINCT:06d}.{suffix}"
            shutil.copyfile(original, split / kind / f"{name}.{suffix}")


def archive(data: Path, out: Path) -> None:
    """What ``tar`` does, and then on the disk."""
    subprocess.run(["tar", "-cf", out, "-C", data, "train"], check=True)
    with out.open("rb") as file:
        os.fsync(file.fileno())


def writing(root: Path, rounds: int) -> dict[str, Any]:
    """Seconds of ``tar`` and of ``semsynth data shard``, in turns."""
    data, seconds = root / "data", Seconds(tar=[], shard=[])
    size = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    for number in range(rounds + 1):
        shutil.rmtree(root / "shards", ignore_errors=True)
        (root / "plain.tar").unlink(missing_ok=True)
        os.sync()
        sides: dict[str, Callable[[], object]] = {
            "tar": lambda: archive(data, root / "plain.tar"),
            "shard": lambda: shard_folder(data, root / "shards", 100_000_000),
        }
        for name in sorted(sides, reverse=bool(number % 2)):
            start = time.perf_counter()
            sides[name]()
            if number:  # the first round fills the cache
                seconds[name].append(time.perf_counter() - start)
    ratios = [tar / shard for tar, shard in zip(seconds["tar"], seconds["shard"], strict=True)]
    return {
        "megabytes": size / 1e6,
        "files": sum(1 for path in data.rglob("*") if path.is_file()),
        **{f"{name}_seconds": statistics.median(values) for name, values in seconds.items()},
        "of_tar": statistics.median(ratios),
    }


def reading(root: Path, rounds: int, images: int, workers: int) -> dict[str, Any]:
    """Images per second of the training's loader: from the folder, the shards, and the shards at an address."""
    config = override(
        RECIPES["spade"].presets["default"](TOY_CLASSES, True), ["data.load_size=286", "data.crop_size=256"]
    )
    collate = Collate(config.generator, config.discriminator)  # type: ignore[attr-defined]
    os.environ["SEMSYNTH_CACHE"] = str(root / "cache")
    places = {"folder": str(root / "data"), "shards": str(root / "shards"), "streamed": f"file://{root / 'shards'}"}
    streams = {
        name: MicroBatches(open_data(place).train, config.data, collate, 0, Share(BATCH))
        for name, place in places.items()
    }
    speeds: dict[str, list[float]] = {name: [] for name in places}
    for number in range(rounds + 1):
        batches = range(number * images // BATCH, (number + 1) * images // BATCH)
        for name in itertools.islice(itertools.cycle(places), number, number + len(places)):
            start = time.perf_counter()
            for _ in read_batches(streams[name], batches, workers, pin=False):
                pass
            if number:  # the first round downloads
                speeds[name].append(images / (time.perf_counter() - start))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    ratios = {
        name: statistics.median([mine / folder for mine, folder in zip(speeds[name], speeds["folder"], strict=True)])
        for name in ("shards", "streamed")
    }
    return {"workers": workers, "images_per_second": medians, "of_folder": ratios}


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=600, help="pairs with instances")
    parser.add_argument("--size", type=int, default=512, help="width and height of the pictures")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=160, help="read in each round")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_pictures(root / "data", arguments.samples, arguments.size)
        written = writing(root, arguments.rounds)
        read = [reading(root, arguments.rounds, arguments.images, workers) for workers in (0, 1, 2)]
    rate = {name: written["megabytes"] / written[f"{name}_seconds"] for name in ("tar", "shard")}
    print_table(
        f"Writing {written['files']} files, {written['megabytes']:.0f} MB",
        ("MB/s: tar", "semsynth data shard", "of tar's"),
        [(f"{rate['tar']:.0f}", f"{rate['shard']:.0f}", f"{written['of_tar']:.2f}")],
    )
    print_table(
        f"Reading pictures of {arguments.size}x{arguments.size}, cropped to 256x256",
        (
            "loader processes",
            "images/s: folder",
            "shards",
            "shards at an address",
            "shards / folder",
            "address / folder",
        ),
        [
            (
                str(one["workers"]),
                *(f"{speed:.0f}" for speed in one["images_per_second"].values()),
                *(f"{ratio:.2f}" for ratio in one["of_folder"].values()),
            )
            for one in read
        ],
    )
    print(machine())
    if arguments.json:
        write_report(arguments.json, {"writing": written, "reading": read})


if __name__ == "__main__":
    main()
