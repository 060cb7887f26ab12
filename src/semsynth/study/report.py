"""Results as a page, as JSON and as CSV tables: the same numbers in each."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from html import escape
from io import StringIO
from pathlib import Path
from string import Template

from semsynth.config import Config
from semsynth.files import explained, write_bytes, write_json
from semsynth.study.figure import exposure_figure
from semsynth.study.plan import PICTURES, Plan
from semsynth.study.preference import Interval
from semsynth.study.results import ImagePreference, Preference, Results

PAGE, JSON = "index.html", "results.json"
_TEMPLATE = Path(__file__).with_name("report_page.html")
_FEW_PEOPLE = 10
_EXTREMES = 6
"""So many pictures are shown of those most preferred, and of those least."""


def write_report(results: Results, plan: Plan, study: Path, out: Path) -> list[Path]:
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


def report_page(results: Results, shown: Mapping[tuple[str, str], str]) -> str:
    """The page; every number is a ``<data>`` element whose value is the unrounded one.

    Args:
        results: of the analysis.
        shown: picture files by (image, method).
    """
    sections = [_head(results), _preferences(results)]
    if results.by_exposure:
        sections.append(f"<h2>Preference against exposure time</h2>{exposure_figure(results.by_exposure)}")
        sections.append(_preference_table(results.by_exposure, results.level))
    if results.ranking is not None:
        sections.append(_ranking(results))
    sections += [_checks(results), _exclusions(results), _extremes(results, shown)]
    return Template(_TEMPLATE.read_text("utf-8")).substitute(title=escape(results.study), body="\n".join(sections))


def _head(results: Results) -> str:
    people = sum(not worker.excluded_for for worker in results.exclusions.workers)
    return (
        f"<h1>{escape(results.study)}</h1><p class='lead'>{escape(results.question)} "
        f"{_data(results.judgements, 'judgements')} of {_data(people, 'people')}.</p>"
    )


def _preferences(results: Results) -> str:
    note = (
        f"Share of answers for the first method, ties left out. Two {results.level:.0%} intervals: Wilson's takes "
        "answers as independent; the clustered one resamples people and pictures and is the one to report. Chance is "
        "50 %. p-values are two-sided, corrected by Holm's method in the columns marked so."
    )
    if min(one.workers for one in results.preferences) < _FEW_PEOPLE:
        note += f" With fewer than {_FEW_PEOPLE} people, resampling them gives intervals that are too narrow."
    table = _preference_table(results.preferences, results.level)
    return f"<h2>Preferences</h2>{table}<p class='note'>{note}</p>"


def _preference_table(preferences: Sequence[Preference], level: float) -> str:
    timed = preferences[0].exposure is not None
    head = [
        "Comparison",
        *(["Seconds"] if timed else []),
        "First preferred",
        "Answers",
        "Ties",
        f"Clustered {level:.0%}",
    ]
    head += [f"Wilson {level:.0%}", "p clustered", "Holm", "p exact", "Holm", "People", "Pictures"]
    rows = []
    for one in preferences:
        cells = [f"{escape(one.first)} &gt; {escape(one.second)}"]
        cells += [_data(one.exposure)] if timed else []
        cells += [_share(one.share), _data(one.first_preferred + one.second_preferred), _data(one.ties)]
        cells += [_interval(one.clustered), _interval(one.wilson), _p(one.p_clustered), _p(one.p_clustered_holm)]
        cells += [_p(one.p_exact), _p(one.p_exact_holm), _data(one.workers), _data(one.images)]
        rows.append(cells)
    return _table(head, rows)


def _ranking(results: Results) -> str:
    assert results.ranking is not None
    rows = [
        [escape(one.method), _data(one.strength, f"{one.strength:+.2f}"), _interval(one.interval, "{:+.2f}")]
        for one in results.ranking.strengths
    ]
    nu = results.ranking.tie_parameter
    ties = f" The tie parameter is {_data(nu, f'{nu:.2f}')}." if nu is not None else ""
    note = f"{results.ranking.model}: differences of strengths are log-odds of being preferred.{ties}"
    table = _table(["Method", "Strength", f"Clustered {results.level:.0%}"], rows)
    return f"<h2>Ranking</h2>{table}<p class='note'>{note}</p>"


def _checks(results: Results) -> str:
    side, agreed = results.side, results.agreement
    rows = [
        ["Left chosen", f"{_share(side.share)} {_interval(side.wilson)}, p {_p(side.p_exact)}"],
        ["Questions answered by two or more people", _data(agreed.questions)],
        ["Pairs of their answers that agree", _share(agreed.observed)],
        ["Fleiss' kappa", "–" if agreed.kappa is None else _data(agreed.kappa, f"{agreed.kappa:.2f}")],
    ]
    if results.median_response_seconds is not None:
        rows.append(
            ["Median response time", _data(results.median_response_seconds, f"{results.median_response_seconds:.2f} s")]
        )
    return f"<h2>Checks</h2>{_table(['Check', 'Result'], rows)}"


def _exclusions(results: Results) -> str:
    report = results.exclusions
    rows = [
        ["Stored answers, sentinels included", _data(report.stored)],
        ["… in assignments that were not finished", _data(report.unfinished)],
        ["… of excluded people", f"{_data(report.of_excluded_workers)} of {_data(report.excluded_workers, 'people')}"],
        ["… with a wrong measured exposure", _data(report.wrong_exposure)],
        ["Answers that count, sentinels included", _data(report.kept)],
        ["Answers during which frames were dropped", _data(report.dropped_frames)],
    ]
    out = [
        [
            escape(one.worker),
            _data(one.answers),
            f"{_data(one.sentinels_right)} of {_data(one.sentinels)}",
            _share(one.fast_share),
            _share(one.left_share),
            escape(", ".join(one.excluded_for)),
        ]
        for one in report.workers
        if one.excluded_for
    ]
    people = _table(["Excluded", "Answers", "Sentinels right", "Fast", "Left", "Rule"], out) if out else ""
    return f"<h2>What was left out</h2>{_table(['Answers', 'Number'], rows)}<br>{people}"


def _extremes(results: Results, shown: Mapping[tuple[str, str], str]) -> str:
    parts = []
    for preference in results.preferences:
        mine = _of_pair(results.images, preference)
        title = f"{escape(preference.first)} against {escape(preference.second)}"
        for heading, some in (("most", mine[:_EXTREMES]), ("least", mine[_EXTREMES:][::-1][:_EXTREMES])):
            figures = "".join(_figure(one, shown) for one in some)
            name = escape(preference.first)
            parts.append(f"<h2>{title}: where {name} is preferred {heading}</h2><div class='pairs'>{figures}</div>")
    return "".join(parts)


def _figure(one: ImagePreference, shown: Mapping[tuple[str, str], str]) -> str:
    pictures = "".join(
        f'<img src="{PICTURES}/{shown[one.image, method]}" alt="{escape(method)}">'
        for method in (one.first, one.second)
    )
    answers = one.first_preferred + one.second_preferred
    share = f"{_share(one.share)} of {_data(answers, 'answers' if answers != 1 else 'answer')}"
    return (
        f"<figure><div>{pictures}</div><figcaption>{escape(one.image)}: {share} for the left one</figcaption></figure>"
    )


def _shown_images(results: Results) -> list[ImagePreference]:
    found: list[ImagePreference] = []
    for preference in results.preferences:
        mine = _of_pair(results.images, preference)
        found += mine[:_EXTREMES] + mine[_EXTREMES:][::-1][:_EXTREMES]
    return found


def _of_pair(images: Sequence[ImagePreference], preference: Preference) -> list[ImagePreference]:
    return [one for one in images if (one.first, one.second) == (preference.first, preference.second)]


def _pictures(plan: Plan) -> dict[tuple[str, str], str]:
    """Picture files by (image, method)."""
    return {
        (trial.image, method): name
        for assignment in plan.assignments
        for trial in assignment.trials
        for method, name in ((trial.left, trial.left_picture), (trial.right, trial.right_picture))
    }


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class='table'><table><tr>{top}</tr>{body}</table></div>"


def _data(value: float | None, text: str = "") -> str:
    """A number with its unrounded value; ``text`` replaces it if it holds digits, and follows it otherwise."""
    if value is None:
        return "–"
    number = f"{value:,}" if isinstance(value, int) else f"{value:g}"
    shown = text if any(sign.isdigit() for sign in text) else f"{number} {text}".strip()
    return f'<data value="{value!r}">{escape(shown)}</data>'


def _share(value: float | None) -> str:
    return "–" if value is None else _data(value, f"{100 * value:.1f} %")


def _interval(interval: Interval, form: str = "") -> str:
    low, high = (_data(end, form.format(end) if form else f"{100 * end:.1f}") for end in interval)
    return f"[{low}, {high}]"


def _p(value: float) -> str:
    return _data(value, f"{value:.3f}" if value >= 0.001 else f"{value:.1e}")
