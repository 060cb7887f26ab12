"""A report for people: Markdown, a page with bars and pictures, and a short form for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from semsynth.evaluation.record import ImageResult, ReportRecord
from semsynth.evaluation.reports.tables import (
    ScoreTable,
    class_table,
    headline,
    protocol_table,
    score_tables,
    tables,
)
from semsynth.pages import render

IMAGES = "images"
"""The report's sub-folder of pictures."""
_PAGE = Path(__file__).with_name("page.html")
_NOTEBOOK = Path(__file__).with_name("notebook.html")


def kinds(record: ReportRecord) -> tuple[str, ...]:
    """Pictures of one image, in the order of the report."""
    return ("layout", "photo", "synthesis", *(() if record.segmentation is None else ("predicted", "errors")))


def galleries(record: ReportRecord) -> dict[str, list[tuple[str, str]]]:
    """Title -> the images shown below it, each with what is said of it."""
    scored = {"Worst images": record.worst, "Best images": record.best}
    found = {title: [(image.name, _scores(image)) for image in images] for title, images in scored.items() if images}
    return found | ({"Images": [(name, "") for name in record.examples]} if record.examples else {})


def _scores(image: ImageResult) -> str:
    return f"mean IoU {image.mean_iou:.3f}, pixel accuracy {image.pixel_accuracy:.3f}"


def picture_file(image: str, kind: str) -> str:
    """Path below the report's folder of an image's picture of one of the :func:`kinds`."""
    return f"{IMAGES}/{image}_{kind}.png"


def html_page(record: ReportRecord) -> str:
    """``report.html``; its pictures lie beside it."""
    return render(
        _PAGE,
        record=record,
        headline=headline(record),
        tables=score_tables(record),
        protocol=protocol_table(record),
        galleries=galleries(record),
        kinds=kinds(record),
        picture_file=picture_file,
    )


def notebook_html(record: ReportRecord) -> str:
    """Headline, warnings and tables, without pictures: what a notebook shows."""
    return render(
        _NOTEBOOK,
        title=record.subject.name,
        headline=headline(record),
        warnings=record.warnings,
        tables=score_tables(record),
        classes=class_table(record),
    )


def markdown(record: ReportRecord) -> str:
    """``report.md``."""
    parts = [f"# {record.subject.name}", headline(record)]
    parts += [f"**Warning:** {text}." for text in record.warnings]
    for table in tables(record):
        parts += [f"## {table.title}", *([table.note] if table.note else []), _markdown_table(table)]
    for title, images in galleries(record).items():
        parts.append(f"## {title}")
        parts += [_markdown_image(name, said, kinds(record)) for name, said in images]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: ScoreTable) -> str:
    lines = [table.header, tuple("---" for _ in table.header), *table.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)


def _markdown_image(name: str, said: str, shown: Sequence[str]) -> str:
    pictures = " ".join(f"![{kind}]({picture_file(name, kind)})" for kind in shown)
    return f"{name}{said and ': '}{said}\n\n{pictures}"
