"""The page of a comparison, from what ``comparison.json`` says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from semsynth.comparison.curves import Drawing, draw, number
from semsynth.comparison.plan import Entry, Plan
from semsynth.comparison.record import Record, Result, Shown, described
from semsynth.data.transforms import Pipeline
from semsynth.layout import pixels
from semsynth.pages import duration
from semsynth.pages import render as fill

COLUMN = 330
"""Width of a column of pictures, at most, in pixels."""

_PAGE = Path(__file__).with_name("page.html")


@dataclass(frozen=True)
class Cell:
    """A picture in the table, or why there is none."""

    path: str
    """File of the comparison's folder; empty where there is none."""
    alt: str
    kind: str = "made"


@dataclass(frozen=True)
class Row:
    """One entry's measurements."""

    entry: Entry
    failed: str
    """Why it is not complete; empty if it is."""
    values: dict[str, str]
    """By column."""
    losses: dict[str, dict[str, str]]
    """Phase -> term -> last value."""


def render(record: Record) -> str:
    """The page as HTML; its pictures lie beside it."""
    plan = record.plan
    heads = ["Layout", *(["Photograph"] if _has_photos(record) else []), *(entry.name for entry in plan.entries)]
    return fill(
        _PAGE,
        plan=plan,
        lead=list(_lead(record)),
        heads=heads,
        share=100 / len(heads),
        limit=COLUMN * len(heads),
        rows=[_row(record, index, shown) for index, shown in enumerate(record.shown)],
        legend=record.legend,
        choice=_CHOICE,
        columns=_columns(record),
        measurements=[_measurements(record, entry) for entry in plan.entries],
        explanation=_EXPLANATION,
        curves=_curves(record),
        common=_common(record),
        version=record.semsynth,
    )


_CHOICE = (
    "Validation layouts, spread evenly and not chosen by hand, prepared as in training but for chance. Models with "
    "styles draw them from one seed; no model sees the photograph. A picture opens in full size; arrow keys go to its "
    "neighbours."
)
_EXPLANATION = (
    "Parameters in millions: the generator's, and those of all trained networks, which discriminators and encoders are "
    "part of. Images per second is the median over the training. Memory is the most that was in use at a time during "
    "training: of the GPU, or resident on a CPU, where about 0.4 GiB are Python and its libraries. Losses are "
    "unweighted means over the last steps; terms of one name in different systems need not be the same."
)


def _result(record: Record, entry: Entry) -> Result:
    return record.results.get(entry.name, Result())


def _has_photos(record: Record) -> bool:
    return any(shown.photo for shown in record.shown)


def _lead(record: Record) -> Iterable[str]:
    plan = record.plan
    if plan.source:
        yield plan.source
    photographs = f"{record.num_images:,} training photographs of {record.classes}"
    if plan.budget.steps is None:
        spent = f"trained for {described(plan.budget)} on {photographs}, in the same order and from the same seed"
    else:
        trained = [config["training"] for config in record.configs.values()]
        images = _range({one["batch_size"] * one["steps"] for one in trained})
        spent = f"seen {images} images of {photographs}, the same in the same order, from the same seed"
    count, done = len(plan.entries), sum(_result(record, entry).complete for entry in plan.entries)
    if done == count:
        yield f"{'Each has' if count > 1 else 'It has'} {spent}."
    else:
        yield f"When all is done, {'each has' if count > 1 else 'it has'} {spent}. So far {done} of {count} have."


def _range(values: set[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


# Pictures -------------------------------------------------------------------------------------------------------


def _row(record: Record, index: int, shown: Shown) -> list[Cell]:
    cells = [Cell(shown.layout, f"Layout {shown.name}", "layout")]
    if _has_photos(record):
        cells.append(Cell(shown.photo, f"Photograph {shown.name}") if shown.photo else Cell("", ""))
    for entry in record.plan.entries:
        result = _result(record, entry)
        made = index < len(result.pictures)
        cells.append(Cell(result.pictures[index], f"{entry.name}: {shown.name}") if made else Cell("", _state(result)))
    return cells


def _state(result: Result) -> str:
    if result.error is not None:
        return f"failed after step {result.steps:,}"
    if result.complete:
        return "no picture yet"
    return f"stopped after step {result.steps:,}" if result.steps else "not trained yet"


# Numbers --------------------------------------------------------------------------------------------------------


def _columns(record: Record) -> list[str]:
    scores = {name: None for entry in record.plan.entries for name in _result(record, entry).scores}
    return ["Generator", "All networks", "Steps", "Images seen", "Images/s", "Time", "Memory", *scores]


def _measurements(record: Record, entry: Entry) -> Row:
    result = _result(record, entry)
    values: dict[str, str] = {name: number(score) for name, score in result.scores.items()}
    if result.parameters:
        values["Generator"] = millions(result.parameters.get("generator", 0))
        values["All networks"] = millions(sum(result.parameters.values()))
    if result.steps:
        values |= {
            "Steps": f"{result.steps:,}",
            "Images seen": f"{result.images_seen:,}",
            "Images/s": number(result.images_per_second),
            "Time": duration(result.seconds),
        }
    if result.peak_memory is not None:
        values["Memory"] = f"{result.peak_memory / 2**30:.2f} GiB"
    failed = "" if result.complete else result.error or _state(result)
    return Row(entry, failed, values, _last_losses(result))


def _last_losses(result: Result) -> dict[str, dict[str, str]]:
    losses: dict[str, dict[str, str]] = {}
    for name, curve in result.curves.items():
        phase, _, term = name.partition("/")
        losses.setdefault(_words(phase), {})[_words(term)] = number(curve[-1][1])
    return losses


def _curves(record: Record) -> dict[str, dict[str, Drawing]]:
    """Entry -> loss term -> its curve, where it has more than a point."""
    drawn = {
        entry.name: {
            _words(name.replace("/", ": ")): draw(curve)
            for name, curve in _result(record, entry).curves.items()
            if len(curve) > 1
        }
        for entry in record.plan.entries
    }
    return {name: terms for name, terms in drawn.items() if terms}


def _words(name: str) -> str:
    return re.sub(r"_(?!\d)", " ", name)  # relu1_2 is a name


def _common(record: Record) -> dict[str, str]:
    """What people need to know, or to do it again."""
    plan = record.plan
    training = [config["training"] for config in record.configs.values()]
    devices = {result.device: None for result in record.results.values() if result.device}
    common = {
        "Data": f"{plan.data}: {record.num_images:,} training images",
        "Pictures": _sizes(record),
        "Budget": _budget(plan),
        "Images per step": _range({one["batch_size"] for one in training}),
        "Arithmetic": ", ".join(dict.fromkeys(one["precision"] for one in training)),
        "Seed": str(plan.seed),
        "Factor on widths": f"{plan.width_scale:g}" if plan.width_scale != 1 else "",
        "Hardware": "; ".join(devices),
    }
    return {name: value for name, value in common.items() if value}


def _sizes(record: Record) -> str:
    ways = [Pipeline.model_validate(config["data"]) for config in record.configs.values()]
    return "; ".join(dict.fromkeys(_way(way) for way in ways))


def _way(way: Pipeline) -> str:
    mode = way.mode.replace("_", " ")
    if way.output_size is not None:
        return f"{pixels(way.output_size)} ({mode})"
    return mode if way.mode == "none" else f"{mode} {way.load_size}"


def _budget(plan: Plan) -> str:
    if plan.budget.steps is None:
        return f"{described(plan.budget)} of training for each"
    return f"{described(plan.budget)} of the common batch size; those of another see as many images"


def millions(count: int) -> str:
    """``4.56M``; small networks with more digits."""
    return f"{count / 1e6:.2f}M" if count >= 1e5 else f"{count / 1e6:.4f}M"
