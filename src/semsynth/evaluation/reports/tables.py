"""A report as tables of text, which the terminal, Markdown and HTML share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from semsynth.evaluation.record import DistanceResult, MemorisationResult, ReportRecord, Score, SegmentationResult

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_NAMES = {"mean_iou": "mean IoU", "pixel_accuracy": "pixel accuracy", "mean_accuracy": "mean accuracy"}


@dataclass(frozen=True)
class ScoreTable:
    """A title, a line of explanation, and cells."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __rich__(self) -> RichTable:
        """The table as the terminal shows it."""
        from rich.markup import escape
        from rich.table import Table as RichTable

        table = RichTable(*map(escape, self.header), title=escape(self.title), title_justify="left")
        for row in self.rows:
            table.add_row(*map(escape, row))
        return table


def feature_label(record: ReportRecord) -> tuple[str, str]:
    """Names of the Fréchet and the kernel distance: FID and KID only with Inception's features."""
    if record.protocol.features == "inception":
        return "FID", "KID"
    features = f"({record.protocol.features} features)"
    return f"Fréchet distance {features}", f"kernel distance {features}"


def tables(record: ReportRecord) -> list[ScoreTable]:
    """All tables of a report."""
    return [*_compared(record), protocol_table(record)]


def score_tables(record: ReportRecord) -> list[ScoreTable]:
    """The tables of what was measured over all images and classes."""
    found = [] if record.segmentation is None else [_segmentation(record, record.segmentation)]
    if record.distances is not None:
        found.append(_distances(record, record.distances))
    if record.memorisation is not None:
        found.append(_memorisation(record.memorisation))
    if record.styles is not None:
        found.append(_styles(record))
    if record.usefulness is not None:
        found.append(_usefulness(record))
    return found


def beside(first: ReportRecord, second: ReportRecord) -> list[ScoreTable]:
    """The scores of the pictures of two reports of one protocol, side by side."""
    found: list[ScoreTable] = []
    for one, other in zip(_compared(first), _compared(second), strict=False):
        if one.header == other.header:
            values = {row[0]: row[1] for row in other.rows}
            rows = tuple((name, value, values.get(name, "–")) for name, value, *_ in one.rows)
            header = (one.header[0], first.subject.name, second.subject.name)
            found.append(ScoreTable(one.title, one.note, header, rows))
    return found


def _compared(record: ReportRecord) -> list[ScoreTable]:
    classes = class_table(record)
    return [*score_tables(record), *([] if classes is None else [classes])]


def headline(record: ReportRecord) -> str:
    """One sentence."""
    over = f"over {record.protocol.num_images} images by {record.protocol.protocol.name}"
    if record.segmentation is None:
        _, kernel = feature_label(record)
        distance = None if record.distances is None else record.distances.kernel_distance
        return f"{kernel[0].upper()}{kernel[1:]} {text_of(distance)}, {over}."
    value = record.segmentation.mean_iou.value
    oracle = None if record.oracle is None else record.oracle.mean_iou.value
    beside = "" if oracle is None else f", that of the real photos {oracle:.4f}"
    said = "undefined" if value is None else f"{value:.4f}"
    return f"Mean IoU {said}{beside}, {over}."


def text_of(score: Score | None, digits: int = 4) -> str:
    """The score's text, or a dash where there is none."""
    return "–" if score is None else score.text(digits)


def _segmentation(record: ReportRecord, found: SegmentationResult) -> ScoreTable:
    rows = []
    for key in ("mean_iou", "pixel_accuracy", "mean_accuracy"):
        oracle = None if record.oracle is None else getattr(record.oracle, key)
        rows.append((_NAMES[key], str(getattr(found, key)), text_of(oracle)))
    trained = f" It was trained on {record.segmenter_data}." if record.segmenter_data else ""
    note = f"What the segmenter {record.protocol.segmenter} sees, compared with the layouts; higher is better.{trained}"
    return ScoreTable("Segmentation", note, ("score", "pictures", "real photos (oracle)"), tuple(rows))


def _distances(record: ReportRecord, distances: DistanceResult) -> ScoreTable:
    frechet, kernel = feature_label(record)
    keys = {
        f"{frechet} ↓": "frechet_distance",
        f"{kernel} ↓": "kernel_distance",
        "precision ↑": "precision",
        "recall ↑": "recall",
        "density ↑": "density",
        "coverage ↑": "coverage",
        "detectability by a linear probe (0.5 is best)": "detectability",
    }
    rows = [
        (name, text_of(getattr(distances, key)), text_of(getattr(record.real_halves, key, None)))
        for name, key in keys.items()
    ]
    note = (
        "Pictures against the real photos of the same layouts, beside the odd against the even real photos (half as "
        "many: what equal kinds of pictures still differ by)."
    )
    return ScoreTable("Distances between sets", note, ("score", "pictures", "real photos, halves"), tuple(rows))


def _styles(record: ReportRecord) -> ScoreTable:
    assert record.styles is not None
    rows = [
        ("distance of two samples of a layout", str(record.styles.diversity)),
        ("distance of photos of different layouts", str(record.styles.photos)),
    ]
    if means := record.styles.mean_iou:
        span = f"{min(means):.4f} to {max(means):.4f}"
        rows.append((f"mean IoU over {len(means)} samples, lowest to highest", span))
    network = record.protocol.diversity_features
    note = (
        "Distances of shift-tolerant LPIPS (AlexNet)."
        if network == "stlpips_alex"
        else f"Perceptual distances in the {network} features, all layers weighing the same (so not LPIPS itself)."
    )
    return ScoreTable("Styles", note, ("measure", "value"), tuple(rows))


def _memorisation(found: MemorisationResult) -> ScoreTable:
    rows = [
        (
            "how often a picture is nearer to a training photo than a held-out photo is (0.5 is equal)",
            str(found.nearer),
        ),
        ("distance to the nearest training photo, over that of held-out photos (1 is equal)", str(found.distance)),
        *((f"{one.name}: nearest to training photo {one.photo}", f"{one.distance:.4f}") for one in found.nearest),
    ]
    note = f"Pictures, and the photos of the same layouts, beside the nearest of {found.num_photos} training photos."
    return ScoreTable("Memorisation", note, ("measure", "value"), tuple(rows))


def _usefulness(record: ReportRecord) -> ScoreTable:
    assert record.usefulness is not None

    def row(name: str, found: SegmentationResult) -> tuple[str, ...]:
        return name, str(found.mean_iou), str(found.pixel_accuracy)

    rows = (
        row("synthesised photos of the training layouts", record.usefulness.synthetic),
        row("real training photos", record.usefulness.real),
    )
    note = f"A segmenter trained for {record.usefulness.steps} steps from scratch and scored on real photos."
    return ScoreTable("Train on synthetic, test on real", note, ("trained on", "mean IoU", "pixel accuracy"), rows)


def class_table(record: ReportRecord) -> ScoreTable | None:
    """IoU of every class; None where no segmenter labelled the pictures."""
    if record.segmentation is None:
        return None
    rows = []
    for name, score in record.segmentation.class_iou.items():
        oracle = None if record.oracle is None else record.oracle.class_iou[name]
        rows.append((name, score.text(3), text_of(oracle, 3)))
    return ScoreTable("IoU by class", "", ("class", "pictures", "real photos (oracle)"), tuple(rows))


def protocol_table(record: ReportRecord) -> ScoreTable:
    """Everything that moves the scores, and what they were computed with."""
    values = {**record.protocol.protocol.model_dump(mode="json"), **record.protocol.model_dump(mode="json")}
    del values["protocol"]
    rows = [(name, _text(value)) for name, value in values.items()]
    rows += [(f"version of {name}", version) for name, version in record.versions.items()]
    rows += [("pictures", f"{record.subject.name} {record.subject.precision} {record.subject.fingerprint}")]
    rows += [("device", record.device), ("created", record.created)]
    return ScoreTable("Protocol", "Everything that moves the scores; sizes are height, width.", ("", ""), tuple(rows))


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "–" if value is None else str(value)
