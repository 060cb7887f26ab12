"""StudyResults as a page, as JSON and as CSV tables: the same numbers in each."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

from semsynth.config import Config
from semsynth.files import explained, write_bytes, write_json
from semsynth.pages import render
from semsynth.study.figure import exposure_figure
from semsynth.study.plan import PICTURES, StudyPlan
from semsynth.study.results import ImagePreference, Preference, StudyResults

PAGE, JSON = "index.html", "results.json"
_TEMPLATE = Path(__file__).with_name("report_page.html")
_FEW_PEOPLE = 10
_EXTREMES = 6
"""Pictures shown of those where the first method is preferred most, and of those where it is preferred least."""


def write_report(results: StudyResults, plan: StudyPlan, study: Path, out: Path) -> list[Path]:
    """Write ``index.html``, ``results.json``, CSV tables and the pictures that the page shows.

    Args:
        results: of the analysis.
        plan: what was shown.
        study: the study's folder, with its pictures.
        out: the report's folder; made if missing.

    Returns:
        The written files, the page first.
    """
    shown = _pictures(plan)
    used = sorted({shown[one.image, method] for one in _shown_images(results) for method in (one.first, one.second)})
    for name in used:
        source = study / PICTURES / name
        with explained(source, "cannot read"):
            data = source.read_bytes()
        write_bytes(out / PICTURES / name, data)
    write_json(out / JSON, results.model_dump(mode="json"))
    tables: dict[str, Sequence[Config]] = {
        "preferences.csv": results.preferences + results.by_exposure,
        "images.csv": results.images,
        "workers.csv": results.exclusions.workers,
        "ranking.csv": results.ranking.strengths if results.ranking else (),
    }
    written = {name: rows for name, rows in tables.items() if rows}
    for name, rows in written.items():
        write_bytes(out / name, table_csv(rows).encode())
    write_bytes(out / PAGE, report_page(results, shown).encode())
    return [out / name for name in (PAGE, JSON, *written)]


def table_csv(rows: Sequence[Config]) -> str:
    """Comma-separated values with one column per field; intervals take two columns, ``_low`` and ``_high``."""
    flat = []
    for row in rows:
        columns: dict[str, object] = {}
        for key, value in row.model_dump().items():
            if key in ("wilson", "clustered", "interval"):
                columns[f"{key}_low"], columns[f"{key}_high"] = value
            else:
                columns[key] = "; ".join(value) if isinstance(value, tuple) else value
        flat.append(columns)
    text = StringIO()
    writer = csv.DictWriter(text, list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def report_page(results: StudyResults, shown: Mapping[tuple[str, str], str]) -> str:
    """The page; every number is a ``<data>`` element whose value is the unrounded one.

    Args:
        results: of the analysis.
        shown: picture files by (image, method).
    """
    workers = results.exclusions.workers
    return render(
        _TEMPLATE,
        results=results,
        people=sum(not worker.excluded_for for worker in workers),
        excluded=[worker for worker in workers if worker.excluded_for],
        few_people=_FEW_PEOPLE,
        figure=exposure_figure(results.by_exposure) if results.by_exposure else None,
        extremes={preference: _extremes(results.images, preference) for preference in results.preferences},
        picture=lambda one, method: f"{PICTURES}/{shown[one.image, method]}",
        number=_number,
        p_text=_p_text,
    )


def _shown_images(results: StudyResults) -> list[ImagePreference]:
    return [
        one
        for preference in results.preferences
        for some in _extremes(results.images, preference).values()
        for one in some
    ]


def _extremes(images: Sequence[ImagePreference], preference: Preference) -> dict[str, list[ImagePreference]]:
    """The pictures where the first method is preferred most, and least."""
    mine = [one for one in images if (one.first, one.second) == (preference.first, preference.second)]
    return {"most": mine[:_EXTREMES], "least": mine[_EXTREMES:][::-1][:_EXTREMES]}


def _pictures(plan: StudyPlan) -> dict[tuple[str, str], str]:
    """Picture files by (image, method)."""
    return {
        (trial.image, method): name
        for assignment in plan.assignments
        for trial in assignment.trials
        for method, name in ((trial.left, trial.left_picture), (trial.right, trial.right_picture))
    }


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _p_text(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"
