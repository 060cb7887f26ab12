"""A result as tables of text, which Markdown and HTML share."""

from __future__ import annotations

from dataclasses import dataclass

from semsynth.evaluation.result import DistanceResult, Result, Score, SegmentationResult

_NAMES = {"mean_iou": "mean IoU", "pixel_accuracy": "pixel accuracy", "mean_accuracy": "mean accuracy"}


@dataclass(frozen=True)
class Table:
    """A title, a line of explanation, and cells."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def number(score: Score | None, digits: int = 4) -> str:
    """The value and its interval, or a dash."""
    if score is None or score.value is None:
        return "–"
    text = f"{score.value:.{digits}f}"
    if score.interval is None:
        return text
    low, high = (f"{end:.{digits}f}" for end in score.interval)
    return f"{text} [{low}, {high}]"


def feature_label(result: Result) -> tuple[str, str]:
    """Names of the Fréchet and the kernel distance: FID and KID only with Inception's features."""
    if result.protocol.features == "inception":
        return "FID", "KID"
    features = f"({result.protocol.features} features)"
    return f"Fréchet distance {features}", f"kernel distance {features}"


def tables(result: Result) -> list[Table]:
    """All tables of a result."""
    found = [_segmentation(result)]
    if result.distances is not None:
        found.append(_distances(result, result.distances))
    if result.styles is not None:
        found.append(_styles(result))
    if result.usefulness is not None:
        found.append(_usefulness(result))
    return [*found, _classes(result), _protocol(result)]


def headline(result: Result) -> str:
    """One sentence."""
    value = result.segmentation.mean_iou.value
    oracle = None if result.oracle is None else result.oracle.mean_iou.value
    beside = "" if oracle is None else f", that of the real photos {oracle:.4f}"
    said = "undefined" if value is None else f"{value:.4f}"
    return f"Mean IoU {said}{beside}, over {result.protocol.num_images} images by {result.protocol.protocol.name}."


def _segmentation(result: Result) -> Table:
    rows = []
    for key in ("mean_iou", "pixel_accuracy", "mean_accuracy"):
        oracle = None if result.oracle is None else getattr(result.oracle, key)
        rows.append((_NAMES[key], number(getattr(result.segmentation, key)), number(oracle)))
    trained = f" It was trained on {result.segmenter_data}." if result.segmenter_data else ""
    note = f"What the segmenter {result.protocol.segmenter} sees, compared with the layouts; higher is better.{trained}"
    return Table("Segmentation", note, ("score", "pictures", "real photos (oracle)"), tuple(rows))


def _distances(result: Result, distances: DistanceResult) -> Table:
    frechet, kernel = feature_label(result)
    keys = {
        f"{frechet} ↓": "frechet_distance",
        f"{kernel} ↓": "kernel_distance",
        "precision ↑": "precision",
        "recall ↑": "recall",
        "density ↑": "density",
        "coverage ↑": "coverage",
    }
    rows = [
        (name, number(getattr(distances, key)), number(getattr(result.real_halves, key, None)))
        for name, key in keys.items()
    ]
    note = (
        "Pictures against the real photos of the same layouts, beside the odd against the even real photos (half as "
        "many: what equal kinds of pictures still differ by)."
    )
    return Table("Distances between sets", note, ("score", "pictures", "real photos, halves"), tuple(rows))


def _styles(result: Result) -> Table:
    assert result.styles is not None
    low, high = min(result.styles.mean_iou), max(result.styles.mean_iou)
    rows = (
        ("distance of two samples of a layout", number(result.styles.diversity)),
        ("distance of photos of different layouts", number(result.styles.photos)),
        (f"mean IoU over {len(result.styles.mean_iou)} samples, lowest to highest", f"{low:.4f} to {high:.4f}"),
    )
    note = (
        f"Perceptual distances in the {result.protocol.diversity_features} features, all layers weighing the same (so "
        "not LPIPS itself)."
    )
    return Table("Styles", note, ("measure", "value"), rows)


def _usefulness(result: Result) -> Table:
    assert result.usefulness is not None

    def row(name: str, found: SegmentationResult) -> tuple[str, ...]:
        return name, number(found.mean_iou), number(found.pixel_accuracy)

    rows = (
        row("synthesised photos of the training layouts", result.usefulness.synthetic),
        row("real training photos", result.usefulness.real),
    )
    note = f"A segmenter trained for {result.usefulness.steps} steps from scratch and scored on real photos."
    return Table("Train on synthetic, test on real", note, ("trained on", "mean IoU", "pixel accuracy"), rows)


def _classes(result: Result) -> Table:
    rows = []
    for name, score in result.segmentation.class_iou.items():
        oracle = None if result.oracle is None else result.oracle.class_iou[name]
        rows.append((name, number(score, 3), number(oracle, 3)))
    return Table("IoU by class", "", ("class", "pictures", "real photos (oracle)"), tuple(rows))


def _protocol(result: Result) -> Table:
    values = {**result.protocol.protocol.model_dump(mode="json"), **result.protocol.model_dump(mode="json")}
    del values["protocol"]
    rows = [(name, _text(value)) for name, value in values.items()]
    rows += [(f"version of {name}", version) for name, version in result.versions.items()]
    rows += [("pictures", f"{result.subject.name} {result.subject.precision} {result.subject.fingerprint}")]
    rows += [("device", result.device), ("created", result.created)]
    return Table("Protocol", "Everything that moves the scores; sizes are height, width.", ("", ""), tuple(rows))


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "–" if value is None else str(value)
