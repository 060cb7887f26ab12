"""The page of a comparison, from what ``comparison.json`` says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template

from semsynth.comparison.curves import draw, number
from semsynth.comparison.plan import Entry, Plan
from semsynth.comparison.record import Record, Result, Shown, described
from semsynth.data.transforms import Pipeline
from semsynth.layout import pixels

COLUMN = 330
"""Width of a column of pictures, at most, in pixels."""

_PAGE = Path(__file__).with_name("page.html")


def render(record: Record) -> str:
    """The page as HTML; its pictures lie beside it."""
    plan, columns = record.plan, _columns(record)
    losses = "".join(_losses(entry, _result(record, entry)) for entry in plan.entries)
    heads = ["Layout", *(["Photograph"] if _has_photos(record) else []), *(entry.name for entry in plan.entries)]
    return Template(_PAGE.read_text("utf-8")).substitute(
        title=escape(plan.title),
        lead="".join(f'<p class="lead">{escape(text)}</p>' for text in _lead(record)),
        column=f"{100 / len(heads):.2f}%",
        limit=f"{COLUMN * len(heads)}px",
        heads="".join(f'<th scope="col">{escape(head).replace("_", "_<wbr>")}</th>' for head in heads),
        rows="".join(_row(record, index, shown) for index, shown in enumerate(record.shown)),
        legend="".join(
            f'<li><i style="background:rgb{item.color}"></i>{escape(item.name)}</li>' for item in record.legend
        ),
        choice=escape(_CHOICE),
        columns="".join(f'<th scope="col">{escape(head)}</th>' for head in ("", *columns)),
        measurements="".join(_measurements(record, entry, columns) for entry in plan.entries),
        explanation=escape(_EXPLANATION),
        losses=f'<section><h2>Losses</h2><div class="curves">{losses}</div></section>' if losses else "",
        common="".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in _common(record).items()),
        per_row=len(heads),
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


def _row(record: Record, index: int, shown: Shown) -> str:
    cells = [_picture(shown.layout, f"Layout {shown.name}", "layout")]
    if _has_photos(record):
        cells.append(_picture(shown.photo, f"Photograph {shown.name}") if shown.photo else "<td></td>")
    for entry in record.plan.entries:
        result = _result(record, entry)
        if index < len(result.pictures):
            cells.append(_picture(result.pictures[index], f"{entry.name}: {shown.name}"))
        else:
            cells.append(f'<td><div class="empty">{escape(_state(result))}</div></td>')
    return f"<tr>{''.join(cells)}</tr>"


def _picture(path: str, alt: str, kind: str = "made") -> str:
    return f'<td class="{kind}"><a href="{path}"><img src="{path}" alt="{escape(alt)}" loading="lazy"></a></td>'


def _state(result: Result) -> str:
    if result.error is not None:
        return f"failed after step {result.steps:,}"
    if result.complete:
        return "no picture yet"
    return f"stopped after step {result.steps:,}" if result.steps else "not trained yet"


# Numbers --------------------------------------------------------------------------------------------------------


def _columns(record: Record) -> list[str]:
    scores = {name: None for entry in record.plan.entries for name in _result(record, entry).scores}
    return ["Generator", "All networks", "Steps", "Images seen", "Images/s", "Time", "Memory", *scores, "Last losses"]


def _measurements(record: Record, entry: Entry, columns: list[str]) -> str:
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
    cells = "".join(f"<td>{escape(values.get(name, '–'))}</td>" for name in columns[:-1])
    settings = "".join(f"<small><code>{escape(setting)}</code></small>" for setting in entry.settings)
    about = f"<small>{escape(entry.recipe)}, preset {escape(entry.preset)}</small>{settings}"
    if not result.complete:
        about += f'<small class="failed">{escape(result.error or _state(result))}</small>'
    losses = f'<td class="losses">{_last_losses(result) or "–"}</td>'
    return f'<tr><th scope="row">{escape(entry.name)}{about}</th>{cells}{losses}</tr>'


def _last_losses(result: Result) -> str:
    phases = groupby(result.curves.items(), key=lambda item: item[0].partition("/")[0])
    lines = (
        f"<div>{escape(_words(phase))}: "
        + ", ".join(f"{escape(_words(_term(name)))} <b>{number(curve[-1][1])}</b>" for name, curve in terms)
        + "</div>"
        for phase, terms in phases
    )
    return "".join(lines)


def _losses(entry: Entry, result: Result) -> str:
    figures = "".join(
        f"<figure><figcaption>{escape(_words(name.replace('/', ': ')))}<b>{number(curve[-1][1])}</b></figcaption>"
        f"{draw(curve)}</figure>"
        for name, curve in result.curves.items()
        if len(curve) > 1
    )
    return (
        f'<div class="entry"><h3>{escape(entry.name)}</h3><div class="terms">{figures}</div></div>' if figures else ""
    )


def _term(name: str) -> str:
    return name.partition("/")[2]


def _words(name: str) -> str:
    return re.sub(r"_(?!\d)", " ", name)  # relu1_2 is a name


def _common(record: Record) -> dict[str, str]:
    """What people need to know, or to do it again; values are HTML."""
    plan = record.plan
    training = [config["training"] for config in record.configs.values()]
    devices = {result.device: None for result in record.results.values() if result.device}
    common = {
        "Data": f"{escape(plan.data)}: {record.num_images:,} training images",
        "Pictures": escape(_sizes(record)),
        "Budget": escape(_budget(plan)),
        "Images per step": _range({one["batch_size"] for one in training}),
        "Arithmetic": escape(", ".join(dict.fromkeys(one["precision"] for one in training))),
        "Seed": str(plan.seed),
        "Factor on widths": f"{plan.width_scale:g}" if plan.width_scale != 1 else "",
        "Settings": " ".join(f"<code>{escape(setting)}</code>" for setting in plan.settings),
        "Hardware": escape("; ".join(devices)),
        "Made by": f"semsynth {escape(record.semsynth)}; every number and configuration: "
        '<a href="comparison.json">comparison.json</a>',
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


def duration(seconds: float) -> str:
    """``48 s``, ``3 min 20 s`` or ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
