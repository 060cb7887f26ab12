"""Time and memory of tiles against one pass: the table of "Large pictures" in docs/benchmarks.md.

``--draw MAP.png`` draws the map of a large landscape and stops: ridges, one before the other, with lakes between them,
so that each part of the picture looks as if it were a landscape of its own.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import semsynth
from semsynth.bulk.job import model_digest
from semsynth.checkpoint import find_model
from semsynth.classes import builtin
from semsynth.files import sha256
from semsynth.large.folder import TileFolder
from semsynth.large.job import LargeJob
from semsynth.large.labels import store_symbols
from semsynth.large.maker import TileMaker
from semsynth.large.png import PngWriter
from semsynth.layout import Layout, LayoutBatch

MODEL = "landscapes"
CLASSES = builtin("ade_landscapes")
RIDGES = ("mountain", "tree", "grass", "water", "grass", "rock", "tree", "ground", "water", "tree", "grass", "snow")
"""What lies behind each other, again and again, from the sky at the top to the front."""
ROUGHNESS = {"mountain": 1.0, "snow": 0.8, "rock": 0.5, "tree": 0.6, "ground": 0.2, "grass": 0.25, "water": 0.0}
"""How far the upper edge of a ridge goes up and down, in parts of its height."""
RIDGE = 170
"""Height of a ridge in pixels, about what it is in training pictures of 256x256."""


def draw_map(path: Path, side: int, seed: int = 0) -> None:
    """Write a label map in the classes' colours, a few rows at a time."""
    random = np.random.default_rng(seed)
    kinds, edges = [0], [np.zeros(side)]
    top = 1.5 * RIDGE
    for number in range(10**6):
        if top > side:
            break
        name = RIDGES[number % len(RIDGES)]
        edges.append(top + ROUGHNESS[name] * RIDGE * waves(side, random))
        kinds.append(next(index for index, one in enumerate(CLASSES.classes) if one.name == name))
        top += RIDGE * random.uniform(0.5, 1.3)
    with path.open("wb") as file:
        writer = PngWriter(file, (side, side))
        for first in range(0, side, 64):
            rows = np.arange(first, min(first + 64, side))[:, None]
            index = np.zeros((len(rows), side), np.int64)
            for kind, edge in zip(kinds, edges, strict=True):
                index[rows >= edge] = kind
            writer.add(CLASSES.palette[index])
        writer.finish()


def waves(side: int, random: np.random.Generator) -> NDArray[np.float64]:
    """[side]: noise of many wavelengths, about from -1 to 1."""
    found, height, step = np.zeros(side), 0.6, 512
    while step >= 4:
        points = random.uniform(-1, 1, side // step + 2)
        found += height * np.interp(np.arange(side) / step, np.arange(len(points)), points)
        height, step = height * 0.6, step // 2
    return found


def main() -> None:
    """Print a row for the pass and one for tiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", type=Path, metavar="MAP.png", help="draw the map and stop")
    parser.add_argument("--side", type=int, default=4096, help="of the large picture (default: 4096)")
    parser.add_argument("--tile", type=int, default=1024, help="and of the picture that is made at once")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    chosen = parser.parse_args()
    if chosen.draw is not None:
        draw_map(chosen.draw, chosen.side)
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), chosen.side, chosen.tile, chosen.rounds, chosen.precision)


def compare(folder: Path, side: int, tile: int, rounds: int, precision: str) -> None:
    """Make the same part of the picture at once and as a tile, in turn."""
    path = folder / "map.png"
    draw_map(path, side)
    job = LargeJob.model_validate(
        {"model": MODEL, "model_sha256": model_digest(find_model(MODEL)), "map": str(path), "map_sha256": sha256(path)}
        | {"seed": 0, "style": None, "style_sha256": None, "size": (side, side), "tile": tile, "precision": precision}
    )
    synthesizer = semsynth.load(MODEL, "cpu", precision)
    style = synthesizer.style(seed=0)[None]
    seconds: dict[str, list[float]] = {"one pass": [], "tiles": []}
    with TileFolder(folder / "tiles", job) as tiles:
        encoding = synthesizer.config.encoding
        store_symbols(path, CLASSES, encoding, job.symbols(tiles.root, encoding))
        make = TileMaker(job, tiles.root, "cpu")
        for task in np.random.default_rng(0).permutation(len(job.tasks))[: rounds + 1]:
            box = job.box(job.tasks[task])
            symbols = make._layout.full.cut(box)[0].numpy()
            layout = Layout(symbols.astype(np.uint16), CLASSES)
            start = time.process_time()
            synthesizer.synthesize_tensor(LayoutBatch.from_layouts([layout], encoding), style, box.size)
            middle = time.process_time()
            make(job.tasks[task])
            seconds["one pass"].append((middle - start) / box.area * 1e6)
            seconds["tiles"].append((time.process_time() - middle) / box.area * 1e6)
    print(f"{side}x{side}, tiles of {tile}, {precision}: median of {rounds}, seconds of one core per megapixel")
    print("| how | s per megapixel | against one pass |\n|---|---|---|")
    alone = statistics.median(seconds["one pass"][1:])
    for how, found in seconds.items():
        print(f"| {how} | {statistics.median(found[1:]):.2f} | {statistics.median(found[1:]) / alone:.2f} |")
    print(f"peak memory of both: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
