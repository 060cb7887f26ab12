"""A report for people: Markdown, a page with bars and pictures, and a short form for notebooks."""

from __future__ import annotations

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

KINDS = ("layout", "photo", "synthesis", "predicted", "errors")
"""Pictures of one image, in the order of the report."""
IMAGES = "images"
"""The report's sub-folder of pictures."""
_PAGE = Path(__file__).with_name("page.html")
_NOTEBOOK = Path(__file__).with_name("notebook.html")


def picture_file(image: str, kind: str) -> str:
    """Path below the report's folder of an image's picture of one of the ``KINDS``."""
    return f"{IMAGES}/{image}_{kind}.png"


def html_page(record: ReportRecord) -> str:
    """``report.html``; its pictures lie beside it."""
    return render(
        _PAGE,
        record=record,
        headline=headline(record),
        tables=score_tables(record),
        protocol=protocol_table(record),
        galleries={"Worst images": record.worst, "Best images": record.best},
        kinds=KINDS,
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
    for title, images in (("Worst images", record.worst), ("Best images", record.best)):
        parts.append(f"## {title}")
        parts += [_markdown_image(image) for image in images]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: ScoreTable) -> str:
    lines = [table.header, tuple("---" for _ in table.header), *table.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)


def _markdown_image(image: ImageResult) -> str:
    pictures = " ".join(f"![{kind}]({picture_file(image.name, kind)})" for kind in KINDS)
    return f"{image.name}: mean IoU {image.mean_iou:.3f}, pixel accuracy {image.pixel_accuracy:.3f}\n\n{pictures}"
