"""What a check of a dataset found, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from semsynth.data.check import DatasetReport
    from semsynth.data.check_conditions import ConditionReport
    from semsynth.layout import Size

_SHOWN = 50
"""How many problems are printed."""


def print_report(report: DatasetReport | ConditionReport) -> None:
    """Tables of sizes, counts and classes, then notes and problems."""
    from semsynth.data.check import DatasetReport

    console = Console(soft_wrap=True, highlight=False, markup=False)
    if not isinstance(report, DatasetReport):
        console.print(_condition_table(report))
    elif report.splits:
        console.print(_split_table(report))
        console.print(_class_table(report))
    for note in report.notes:
        console.print(f"note: {note}")
    for problem in report.problems[:_SHOWN]:
        console.print(f"problem: {problem}")
    if len(report.problems) > _SHOWN:
        console.print(f"... and {len(report.problems) - _SHOWN} more")
    count = len(report.problems)
    console.print("no problems" if not count else "1 problem" if count == 1 else f"{count} problems")


def _split_table(report: DatasetReport) -> Table:
    table = Table("split", "label maps", "photos", "instances", "sizes (width x height)")
    for split in report.splits:
        counts = map(str, (split.layouts, split.photos, split.instances))
        table.add_row(split.name, *counts, _range(split.sizes))
    return table


def _condition_table(report: ConditionReport) -> Table:
    table = Table("split", "conditions", "photos", "sizes (width x height)")
    for split in report.splits:
        table.add_row(split.name, str(split.conditions), str(split.photos), _range(split.sizes))
    return table


def _range(sizes: tuple[Size, Size] | None) -> str:
    return " to ".join(dict.fromkeys(f"{width}x{height}" for height, width in sizes or ())) or "-"


def _class_table(report: DatasetReport) -> Table:
    """Share of pixels per class and split."""
    table = Table("id", "class", *(split.name for split in report.splits))
    rows = [(str(item.id), item.name) for item in report.classes.classes] + [("-", "void")]
    for index, row in enumerate(rows):
        shares = []
        for split in report.splits:
            pixels, total = int(split.pixels[index]), int(split.pixels.sum())
            shares.append(f"{pixels / total:.2%}" if pixels else "-")
        table.add_row(*row, *shares)
    return table
