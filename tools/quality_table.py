"""The table of docs/quality.md: systems over several seeds, with paired bootstrap intervals.

    python tools/quality_table.py runs/quality --baseline "SPADE without VGG" [--out table.md] [--grid grid.png]

``runs/quality/SEED/`` is a folder of ``semsynth compare``, ``runs/quality/SEED/reports/NAME/`` one of ``semsynth
evaluate --samples K`` of each of its runs. Replicates of the bootstrap draw seeds and images (Poisson weights), the
same ones for all systems: what is hard in an image, or lucky in a seed, falls out of the differences.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.comparison.plan import Entry
from semsynth.documents import read_json
from semsynth.evaluation.metrics.bootstrap import (
    REPLICATES,
    Interval,
    PoissonBootstrap,
    normal_interval,
    percentile_interval,
)
from semsynth.evaluation.metrics.confusion import segmentation_scores
from semsynth.evaluation.metrics.kernel import weighted_kernel_distances
from semsynth.evaluation.protocols.definition import check_comparable
from semsynth.evaluation.run import WORK
from semsynth.files import write_bytes
from semsynth.images import save_png
from semsynth.synthesizer.contact_sheet import ContactSheet

Values = NDArray[np.float64]
"""[1+R]: the score of all images and seeds, then that of R replicates."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of one system with one seed, over n images."""

    counts: NDArray[np.float64]
    """[n,3,K] pixels, of the first sample."""
    features: NDArray[np.float64]
    """[n,D]."""
    real_features: NDArray[np.float64]
    """[n,D]."""
    diversity: NDArray[np.float64]
    """[n]."""


@dataclass(frozen=True)
class Cost:
    """What one training took."""

    parameters: int
    """Of the generator."""
    images_per_second: float
    peak_memory: int | None


@dataclass(frozen=True)
class Metric:
    """A score."""

    name: str
    better: int
    """1: larger ones are better, -1: smaller ones."""
    distance: bool = False
    """Whether its interval is value plus and minus standard deviations, as distances' are."""


METRICS = (
    Metric("kernel distance", -1, distance=True),
    Metric("mean IoU", 1),
    Metric("diversity", 1),
)


def scores_of(measured: Measured, weights: NDArray[np.float64]) -> dict[str, Values]:
    """Every metric for rows of image weights [1+R,n]: [1+R] each."""
    sums = np.tensordot(weights, measured.counts, 1)  # [1+R,3,K]
    kernel = weighted_kernel_distances(measured.features, measured.real_features, (weights, weights), True)
    totals = np.maximum(weights.sum(1), 1)
    found = (kernel, segmentation_scores(sums).mean_iou, weights @ measured.diversity / totals)
    return {metric.name: values for metric, values in zip(METRICS, found, strict=True)}


def score_systems(
    systems: Mapping[str, Sequence[Measured]], replicates: int = REPLICATES
) -> dict[str, dict[str, Values]]:
    """Means over seeds of every metric, by system: [1+R] each.

    Args:
        systems: name -> what was measured with each seed; the seeds and the images are those of all systems.
        replicates: R.
    """
    seeds = {len(measured) for measured in systems.values()}
    images = {len(one.counts) for measured in systems.values() for one in measured}
    if len(seeds) != 1 or len(images) != 1:
        sys.exit(f"error: systems with {sorted(seeds)} seeds over {sorted(images)} images are not paired: evaluate all")
    (number,), (count,) = seeds, images
    weights = np.vstack([np.ones(count), PoissonBootstrap(replicates).weights(count)])  # [1+R,n]
    drawn = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), replicates)
    shares = np.vstack([np.ones(number), drawn]) / number  # [1+R,S]
    found: dict[str, dict[str, Values]] = {}
    for name, measured in systems.items():
        by_seed = [scores_of(one, weights) for one in measured]
        found[name] = {
            metric.name: (shares * np.stack([one[metric.name] for one in by_seed], 1)).sum(1) for metric in METRICS
        }
    return found


def interval(metric: Metric, values: Values) -> Interval:
    """95 %, of a score or of a difference of scores."""
    return normal_interval(values[0], values[1:]) if metric.distance else percentile_interval(values[1:])


def winner(metric: Metric, scores: Mapping[str, Mapping[str, Values]]) -> str | None:
    """The system that is better than each of the others by a difference whose interval leaves out zero."""
    best = max(scores, key=lambda name: metric.better * scores[name][metric.name][0])
    for other in scores.keys() - {best}:
        low, high = interval(metric, scores[best][metric.name] - scores[other][metric.name])
        if low <= 0 <= high:
            return None
    return best


def tables(
    scores: Mapping[str, Mapping[str, Values]],
    costs: Mapping[str, Sequence[Cost]],
    photos: Sequence[str],
    baseline: str,
) -> str:
    """Scores, costs, differences from the baseline, and winners, as Markdown.

    Args:
        scores: of :func:`score_systems`.
        costs: of each seed's training.
        photos: the real photos' cells, one for each metric.
        baseline: name of a system.
    """
    head = ["system", "generator", *(f"{one.name} {'↑' if one.better > 0 else '↓'}" for one in METRICS)]
    rows = [
        [
            name,
            f"{costs[name][0].parameters:,}",
            *(_cell(one, values[one.name]) for one in METRICS),
            f"{np.mean([cost.images_per_second for cost in costs[name]]):.2f}",
            _memory(costs[name]),
        ]
        for name, values in scores.items()
    ]
    parts = [_markdown([*head, "images/s", "memory"], [*rows, ["real photos", "", *photos, "", ""]])]
    rows = [
        [name, *(_cell(one, values[one.name] - scores[baseline][one.name], signed=True) for one in METRICS)]
        for name, values in scores.items()
        if name != baseline
    ]
    parts.append(f"Differences from *{baseline}*; bold where the interval leaves out zero:")
    parts.append(_markdown(["system", *(one.name for one in METRICS)], rows))
    for metric in METRICS:
        found = winner(metric, scores)
        parts.append(f"Best {metric.name}: {found or 'nobody, some interval holds zero'}.")
    return "\n\n".join(parts) + "\n"


def _cell(metric: Metric, values: Values, signed: bool = False) -> str:
    low, high = interval(metric, values)
    form = "+.4f" if signed else ".4f"
    text = f"{values[0]:{form}} [{low:{form}}, {high:{form}}]"
    return f"**{text}**" if signed and not low <= 0 <= high else text


def _memory(costs: Sequence[Cost]) -> str:
    known = [cost.peak_memory for cost in costs if cost.peak_memory is not None]
    return f"{max(known) / 2**20:,.0f} MiB" if known else "not measured"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def photo_cells(report: Mapping[str, Any]) -> list[str]:
    """The real photos' scores in a report: halves against each other, the segmenter on them, different photos."""
    halves, oracle, styles = report.get("real_halves"), report.get("oracle"), report.get("styles")
    found = (
        halves and halves["kernel_distance"]["value"],
        oracle and oracle["mean_iou"]["value"],
        styles and styles["photos"]["value"],
    )
    return ["–" if value is None else f"{value:.4f}" for value in found]


def read(root: Path) -> tuple[dict[str, list[Measured]], dict[str, list[Cost]], list[str]]:
    """Everything below ``root``, by system in the order of the first comparison, and the real photos' cells.

    Leaves with a message where something is missing, or measured differently.
    """
    comparisons = sorted(path.parent for path in root.glob("*/comparison.json"))
    if not comparisons:
        sys.exit(f"error: there are no comparisons in {root}: give the folder with one sub-folder for each seed")
    systems: dict[str, list[Measured]] = {}
    costs: dict[str, list[Cost]] = {}
    first: dict[str, Any] = {}
    for comparison in comparisons:
        record = read_json(comparison / "comparison.json")
        for values in record["plan"]["entries"]:
            entry = Entry(**values)
            report = comparison / "reports" / entry.folder
            if not (report / "report.json").is_file():
                sys.exit(
                    f"error: {report} has no report: semsynth evaluate {comparison / 'runs' / entry.folder} "
                    f"--samples 5 --out {report} ..."
                )
            told = read_json(report / "report.json")
            first = first or told
            check_comparable(first["protocol"], told["protocol"])
            result = record["results"][entry.name]
            systems.setdefault(entry.name, []).append(_measured(report / WORK))
            costs.setdefault(entry.name, []).append(
                Cost(result["parameters"]["generator"], result["images_per_second"], result["peak_memory"])
            )
    return systems, costs, photo_cells(first)


def _measured(work: Path) -> Measured:
    chunks = []
    for path in sorted(work.glob("chunk_*.npz")):
        with np.load(path, allow_pickle=False) as stored:
            chunks.append({key: stored[key].astype(np.float64) for key in stored.files})
    missing = {"counts", "features", "real_features", "diversity"} - (chunks[0].keys() if chunks else set())
    if missing:
        sys.exit(f"error: {work} lacks {', '.join(sorted(missing))}: evaluate with features and --samples 5")
    joined = {key: np.concatenate([chunk[key] for chunk in chunks]) for key in chunks[0] if "matrix" not in key}
    return Measured(joined["counts"][:, 0], joined["features"], joined["real_features"], joined["diversity"])


def draw_grid(comparison: Path) -> Image.Image:
    """A row for each layout on a comparison's page: the layout, the photo, and what each system makes of it."""
    record = read_json(comparison / "comparison.json")
    folders = [Entry(**values).folder for values in record["plan"]["entries"]]
    columns = ("layout", "photo", *folders)
    sheet = ContactSheet(len(columns))
    for number in range(1, len(record["shown"]) + 1):
        for column in columns:
            with Image.open(comparison / "pictures" / f"{number:02d}_{column}.png") as picture:
                add = sheet.start_row if column == columns[0] else sheet.add
                add(picture.convert("RGB"), column.replace("_", " "))
    return sheet.draw()


def main() -> None:
    """Read, score, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--baseline", help="what the others are compared with; default the first")
    parser.add_argument("--out", type=Path, help="Markdown file; default only printed")
    parser.add_argument("--grid", type=Path, help="picture of what the systems of the first seed make of some layouts")
    arguments = parser.parse_args()
    systems, costs, photos = read(arguments.root)
    baseline = arguments.baseline or next(iter(systems))
    if baseline not in systems:
        sys.exit(f"error: there is no system '{baseline}', but {', '.join(systems)}")
    text = tables(score_systems(systems), costs, photos, baseline)
    print(text)
    if arguments.out is not None:
        write_bytes(arguments.out, text.encode())
    if arguments.grid is not None:
        save_png(arguments.grid, np.asarray(draw_grid(min(arguments.root.glob("*/comparison.json")).parent)))


if __name__ == "__main__":
    main()
