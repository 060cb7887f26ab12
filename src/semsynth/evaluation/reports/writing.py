"""``report.json``, ``report.md`` and ``report.html`` with its pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

from semsynth.classes import ClassSet
from semsynth.config import dump_config
from semsynth.evaluation.reports.tables import Table, headline, number, tables
from semsynth.evaluation.result import ImageResult, Result, Score
from semsynth.evaluation.run import Illustration
from semsynth.files import write_bytes
from semsynth.images import save_png

KINDS = ("layout", "photo", "synthesis", "predicted", "errors")
"""Pictures of one image, in the order of the report."""
IMAGES = "images"
_PAGE = Path(__file__).with_name("page.html")


def write_report(out: Path, result: Result, illustrations: Iterable[Illustration], classes: ClassSet) -> None:
    """Write the three files, and the pictures of the worst and the best images.

    Args:
        out: where to.
        result: what they say.
        illustrations: of the images that the result names.
        classes: the evaluated ones, for their colours.

    Raises:
        SemsynthError: the folder cannot be written.
    """
    for one in illustrations:
        for kind in KINDS:
            save_png(out / IMAGES / f"{one.name}_{kind}.png", getattr(one, kind))
    write_bytes(out / "report.md", _markdown(result).encode())
    write_bytes(out / "report.html", _html(result, classes).encode())
    dump_config(result, out / "report.json")


def markdown_table(table: Table) -> str:
    """A Markdown table."""
    lines = [table.header, tuple("---" for _ in table.header), *table.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)


def _markdown(result: Result) -> str:
    parts = [f"# {result.subject.name}", headline(result)]
    parts += [f"**Warning:** {text}." for text in result.warnings]
    for table in tables(result):
        parts += [f"## {table.title}", *([table.note] if table.note else []), markdown_table(table)]
    for title, images in (("Worst images", result.worst), ("Best images", result.best)):
        parts.append(f"## {title}")
        parts += [_markdown_image(image) for image in images]
    return "\n\n".join(parts) + "\n"


def _markdown_image(image: ImageResult) -> str:
    pictures = " ".join(f"![{kind}]({IMAGES}/{image.name}_{kind}.png)" for kind in KINDS)
    return f"{image.name}: mean IoU {image.mean_iou:.3f}, pixel accuracy {image.pixel_accuracy:.3f}\n\n{pictures}"


def _html(result: Result, classes: ClassSet) -> str:
    found = tables(result)
    scores = [table for table in found if table.title not in ("IoU by class", "Protocol")]
    (protocol,) = (table for table in found if table.title == "Protocol")
    return Template(_PAGE.read_text("utf-8")).substitute(
        title=escape(result.subject.name),
        headline=escape(headline(result)),
        warnings="".join(f'<p class="warning">{escape(text)}.</p>' for text in result.warnings),
        scores="".join(map(_html_table, scores)),
        bars=_bars(result, classes),
        worst=_gallery(result.worst),
        best=_gallery(result.best),
        protocol=_html_table(protocol),
    )


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    note = f"<p>{escape(table.note)}</p>" if table.note else ""
    top = f"<thead><tr>{head}</tr></thead>" if any(table.header) else ""
    return f"<section><h2>{escape(table.title)}</h2>{note}<table>{top}<tbody>{rows}</tbody></table></section>"


def _bars(result: Result, classes: ClassSet) -> str:
    rows = []
    for item in classes.classes:
        name, score = item.name, result.segmentation.class_iou[item.name]
        oracle = None if result.oracle is None else result.oracle.class_iou[name]
        bars = _bar("made", score) + ("" if oracle is None else _bar("real", oracle))
        texts = f"{number(score, 3)}" + ("" if oracle is None else f"<br>{number(oracle, 3)}")
        swatch = f'<span class="swatch" style="background:rgb{item.color}"></span>'
        rows.append(f'<tr><th>{swatch}{escape(name)}</th><td class="bars">{bars}</td><td>{texts}</td></tr>')
    return "".join(rows)


def _bar(kind: str, score: Score) -> str:
    if score.value is None:
        return f'<div class="bar {kind}"></div>'
    whisker = ""
    if score.interval is not None:
        low, high = (min(1.0, max(0.0, end)) for end in score.interval)
        whisker = f'<i style="left:{low:.2%};width:{high - low:.2%}"></i>'
    return f'<div class="bar {kind}"><b style="width:{score.value:.2%}"></b>{whisker}</div>'


def _gallery(images: Sequence[ImageResult]) -> str:
    rows = []
    for image in images:
        cells = "".join(
            f'<figure><img loading="lazy" src="{IMAGES}/{escape(image.name)}_{kind}.png" '
            f'alt="{kind} of {escape(image.name)}"><figcaption>{kind}</figcaption></figure>'
            for kind in KINDS
        )
        scores = f"mean IoU {image.mean_iou:.3f}, pixel accuracy {image.pixel_accuracy:.3f}"
        rows.append(f"<article><h3>{escape(image.name)} <small>{scores}</small></h3><div>{cells}</div></article>")
    return "".join(rows)
