"""What scoring costs: confusion matrices and moments beside the segmenter's own time, and FID's memory.

    python benchmarks/evaluation.py [--segmenter SEG] [--images 16] [--features 50000] [--json FILE]

The segmenter is SegFormer-B0 at 256x256, one picture at a time; without --segmenter with untrained weights, which cost
the same.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import machine, print_table, write_report

from semsynth.classes import builtin
from semsynth.evaluation.features import SegmenterFeatures
from semsynth.evaluation.metrics.confusion import class_counts, confusion_matrix
from semsynth.evaluation.metrics.moments import Moments, frechet_distance, streamed_moments
from semsynth.evaluation.segmenters.hugging_face import HuggingFaceSegmenter, load_segmenter
from semsynth.evaluation.segmenters.labelling import label_images
from semsynth.evaluation.segmenters.mappings import mapping_of
from semsynth.evaluation.segmenters.training import SegmenterSettings, build_network

SIDE = 256


def milliseconds(work: Callable[[], Any], repeats: int) -> float:
    """Fastest of several calls."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def scoring(segmenter: HuggingFaceSegmenter, repeats: int) -> dict[str, float]:
    """Milliseconds per picture of every part."""
    classes = segmenter.classes.num_classes
    image = torch.rand(1, 3, SIDE, SIDE) * 2 - 1
    truth = np.random.default_rng(0).integers(0, classes + 1, (SIDE, SIDE))
    predicted = label_images(segmenter, image).index[0].numpy()
    features = SegmenterFeatures(segmenter)
    vectors = features.vectors(image.repeat(4, 1, 1, 1)).numpy().repeat(256, 0)
    return {
        "segmenter": milliseconds(lambda: label_images(segmenter, image), repeats),
        "confusion matrix": milliseconds(lambda: class_counts(confusion_matrix(truth, predicted, classes)), repeats),
        "features": milliseconds(lambda: features.vectors(image), repeats),
        "moments": milliseconds(lambda: Moments.of(vectors), repeats) / len(vectors),
    }


def distance(count: int, size: int) -> dict[str, float]:
    """Seconds and memory of a Fréchet distance from two files of cached features."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name in ("real", "synthetic"):
            path = Path(folder) / f"{name}.npy"
            file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(count, size))
            rng = np.random.default_rng(len(name))
            for start in range(0, count, 1000):
                file[start : start + 1000] = rng.standard_normal((min(1000, count - start), size), np.float32)
            file.flush()
            del file
            files.append(np.load(path, mmap_mode="r"))
        before = anonymous_memory()
        start_time = time.perf_counter()
        moments = [streamed_moments(one) for one in files]
        streamed = time.perf_counter() - start_time
        value = frechet_distance(*moments)
        return {
            "moments_s": streamed,
            "distance_s": time.perf_counter() - start_time - streamed,
            "value": value,
            "growth_MiB": anonymous_memory() - before,
        }


def anonymous_memory() -> float:
    """Memory that is not mapped from files, in MiB (Linux); elsewhere the peak of all memory."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["RssAnon"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--segmenter", type=Path)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--features", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    classes = builtin("cmp_facades")
    untrained = build_network(SegmenterSettings(), classes)
    segmenter = (
        load_segmenter(arguments.segmenter, device="cpu")
        if arguments.segmenter
        else HuggingFaceSegmenter(untrained, mapping_of(classes), "untrained", "")
    )
    parts = scoring(segmenter, arguments.images)
    rows = [[name, f"{value:.3f}", f"{value / parts['segmenter']:.2%}"] for name, value in parts.items()]
    print_table("Per picture of 256x256", ["part", "ms", "of the segmenter"], rows)
    fid = distance(arguments.features, arguments.size)
    title = f"Distance of two sets of {arguments.features:,} x {arguments.size:,} features on disk"
    print_table(title, list(fid), [[f"{value:.2f}" for value in fid.values()]])
    if arguments.json:
        write_report(arguments.json, {"parts": parts, "distance": fid})


if __name__ == "__main__":
    main()
