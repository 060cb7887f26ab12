"""Memory banks: how fast they are built, in how much memory, and how fast segments are found, against brute force.

    python benchmarks/bank.py --data DATA [--workers 2] [--minimal-share 0.005] [--json FILE]

``DATA`` is a dataset folder with train and val. A tenth of its photos and all of them are cut by one process, to show
how time and memory grow, and all of them by several. Then the ten best segments are found for every val layout, by the
search and by comparing all masks of a class in full, in turns; both have to find the same ones. Time on the CPU and the
growth of memory are those of a single process, and left out where there are several.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import machine, print_table, write_report

from semsynth.bank import masks
from semsynth.bank.context import overlap_over_union
from semsynth.bank.memory import MemoryBank
from semsynth.bank.retrieval import retrieve
from semsynth.bank.segments import MINIMAL_SHARE, Segment, find_segments
from semsynth.data.folder import CLASSES_FILE, DatasetFolder

COUNT = 10
"""Segments that are found for each region."""
BUILD = """
import resource, sys, time
from pathlib import Path
from semsynth.bank.building import build_bank
from semsynth.bank.segments import rules_for
from semsynth.data.folder import load_classes
data, out, workers, share = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
if __name__ == "__main__":
    before, start, cpu = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), time.process_time()
    bank = build_bank(data, out, rules=rules_for(load_classes(data), minimal_share=share), workers=workers)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(len(bank.photos), len(bank), seconds, cpu, grown / 1024)
"""


def build(data: Path, out: Path, workers: int, share: float) -> dict[str, float]:
    """Build a bank in a fresh process."""
    script = out.with_suffix(".py")
    script.write_text(BUILD)
    command = [sys.executable, script, data, out, str(workers), str(share)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    keys = ("photos", "segments", "seconds", "cpu_seconds", "MiB")
    return {"workers": workers, **dict(zip(keys, map(float, text.split()), strict=True))}


def link_tenth(data: Path, out: Path) -> Path:
    """A dataset folder of every tenth photo of train."""
    samples = DatasetFolder(data, "train")
    (out / "train").mkdir(parents=True)
    (out / CLASSES_FILE).write_bytes((data / CLASSES_FILE).read_bytes())
    for files, kind in zip(samples.files, ("labels", "images"), strict=True):
        (out / "train" / kind).mkdir()
        for name in samples.names[::10]:
            (out / "train" / kind / files[name].name).symlink_to(files[name].resolve())
    return out


def compare_all(bank: MemoryBank, segments: Sequence[Segment]) -> NDArray[np.int64]:
    """What the search has to find, by comparing every mask of the class in full."""
    found = np.full((len(segments), COUNT), -1)
    for number, segment in enumerate(segments):
        place = bank.of_class(segment.class_id)
        shared = masks.count_bits(bank.bits[place] & masks.pack(segment.full_mask(bank.rules.size)))
        scores = overlap_over_union(shared, int(segment.mask.sum()), bank.areas[place])
        best = place.start + np.argsort(-scores, kind="stable")[:COUNT]
        found[number, : len(best)] = best
    return found


def searching(bank: MemoryBank, data: Path, rounds: int) -> dict[str, Any]:
    """Milliseconds of CPU for a layout: the search, the search with contexts, and comparing all."""
    samples = DatasetFolder(data, "val", images=False)
    layouts = [samples[number].layout.resized(bank.rules.size) for number in range(len(samples))]
    queries = [find_segments(layout.labels, bank.rules) for layout in layouts]
    times: dict[str, list[float]] = {"search": [], "with contexts": [], "all masks": []}
    for _ in range(rounds):
        for layout, segments in zip(layouts, queries, strict=True):
            start = time.process_time()
            found, _ = retrieve(bank, segments, COUNT)
            times["search"].append(time.process_time() - start)
            start = time.process_time()
            retrieve(bank, segments, COUNT, labels=layout.labels)
            times["with contexts"].append(time.process_time() - start)
            start = time.process_time()
            expected = compare_all(bank, segments)
            times["all masks"].append(time.process_time() - start)
            assert np.array_equal(found, expected), "the search has to be exact"
    return {
        "layouts": len(layouts),
        "regions": sum(map(len, queries)) / len(layouts),
        "segments": len(bank),
        "milliseconds": {name: 1000 * statistics.median(one) for name, one in times.items()},
    }


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="dataset folder with train and val")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minimal-share", type=float, default=MINIMAL_SHARE)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, share = Path(folder), arguments.minimal_share
        built = [
            build(link_tenth(arguments.data, root / "tenth"), root / "small", 1, share),
            build(arguments.data, root / "one", 1, share),
            build(arguments.data, root / "several", arguments.workers, share),
        ]
        found = searching(MemoryBank.open(root / "several"), arguments.data, arguments.rounds)
    print_table(
        "Building a bank",
        ("processes", "photos", "segments", "seconds", "of CPU", "peak MiB"),
        [
            (
                *(f"{one[key]:.0f}" for key in ("workers", "photos", "segments")),
                f"{one['seconds']:.1f}",
                *(f"{one[key]:.0f}" if one["workers"] == 1 else "" for key in ("cpu_seconds", "MiB")),
            )
            for one in built
        ],
    )
    times = found["milliseconds"]
    print_table(
        f"The ten best of {found['segments']} segments for each of {found['regions']:.1f} regions of a layout",
        ("ms of CPU: search", "with contexts", "all masks in full", "all / search"),
        [
            (
                *(f"{times[name]:.1f}" for name in ("search", "with contexts", "all masks")),
                f"{times['all masks'] / times['search']:.1f}",
            )
        ],
    )
    print(machine())
    if arguments.json:
        write_report(arguments.json, {"building": built, "searching": found})


if __name__ == "__main__":
    main()
