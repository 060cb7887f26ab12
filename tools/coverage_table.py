"""Coverage by package, from what ``coverage json`` wrote: ``python tools/coverage_table.py coverage.json``."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

ROOT = "src/semsynth/"


def table(files: dict[str, dict[str, dict[str, int]]]) -> list[tuple[str, int, int, float]]:
    """Package or module, statements, statements not covered, and share covered; the least covered first.

    Args:
        files: path -> ``{"summary": {"num_statements", "missing_lines", "num_branches", "missing_branches"}}``.
    """
    lines, missing, branches, untaken = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for path, file in files.items():
        package = path.replace("\\", "/").partition(ROOT)[2].partition("/")[0]
        summary = file["summary"]
        lines[package] += summary["num_statements"]
        missing[package] += summary["missing_lines"]
        branches[package] += summary.get("num_branches", 0)
        untaken[package] += summary.get("missing_branches", 0)
    rows = []
    for package in lines:
        all_parts, lost = lines[package] + branches[package], missing[package] + untaken[package]
        rows.append((package, lines[package], missing[package], 1 - lost / all_parts if all_parts else 1.0))
    return sorted(rows, key=lambda row: (row[3], row[0]))


def main(arguments: list[str] | None = None) -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description="Coverage by package, as a Markdown table.")
    parser.add_argument("report", type=Path, help="what `coverage json` wrote")
    report = json.loads(parser.parse_args(arguments).report.read_text("utf-8"))
    print("| package | statements | not covered | covered |\n|---|---:|---:|---:|")
    for package, statements, missing, share in table(report["files"]):
        print(f"| `{package}` | {statements} | {missing} | {share:.1%} |")
    totals = report["totals"]
    print(f"| all | {totals['num_statements']} | {totals['missing_lines']} | {totals['percent_covered']:.1f}% |")


if __name__ == "__main__":
    main()
