"""Begin a comparison, or resume one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semsynth.comparison.plan import Budget, Entry, Plan, parse_entry, read_table
from semsynth.comparison.record import ComparisonFolder, Record
from semsynth.comparison.run import Evaluate, picture_size, run_plan
from semsynth.config import Overrides, assignments, validated
from semsynth.data.progress import Progress, silent
from semsynth.data.source import absolute, open_source
from semsynth.errors import SemsynthError
from semsynth.models.backbones import recognised
from semsynth.pages import html_table
from semsynth.recipes import RECIPES, bank_setting
from semsynth.training.observer import Observers


@dataclass(frozen=True, repr=False)
class ComparisonResult:
    """A comparison as training left it: complete, or stopped by a signal and saved."""

    folder: Path
    """What :func:`semsynth.resume_comparison` takes."""
    page: Path
    """The HTML page, to be opened in a browser."""
    record: Record
    """The plan, every configuration, and everything measured."""
    signal: int | None = None
    """Number of the signal that stopped training; None: every entry has spent its budget."""

    @property
    def interrupted(self) -> bool:
        """Whether a signal stopped training; :func:`semsynth.resume_comparison` continues."""
        return self.signal is not None

    @property
    def runs(self) -> dict[str, Path]:
        """The run folders by entry."""
        folder = ComparisonFolder(self.folder)
        return {entry.name: folder.run(entry).root for entry in self.record.plan.entries}

    @property
    def scores(self) -> dict[str, Mapping[str, float]]:
        """Measured quality of the finished models, by entry and by name."""
        return {name: result.scores for name, result in self.record.results.items()}

    def __repr__(self) -> str:
        done = sum(result.complete for result in self.record.results.values())
        return f"<comparison {self.folder}: {done} of {len(self.record.plan.entries)} entries complete>"

    def _repr_html_(self) -> str:
        scores = list(dict.fromkeys(name for found in self.scores.values() for name in found))
        rows = [
            (
                name,
                f"{result.parameters.get('generator', 0):,}",
                f"{result.steps:,}",
                f"{result.images_per_second:.2f}",
                *(f"{result.scores[score]:.4g}" if score in result.scores else "" for score in scores),
            )
            for name, result in self.record.results.items()
        ]
        return html_table(self.record.plan.title, rows, ("entry", "generator", "steps", "images/s", *scores))


def compare(
    entries: Sequence[str | Entry],
    data: str | Path,
    out: str | Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    table: str | Path | None = None,
    preset: str = "small",
    overrides: Overrides = (),
    width_scale: float = 1.0,
    perceptual: bool = True,
    perceptual_weights: str | Path | None = None,
    feature_weights: Sequence[str | Path] = (),
    bank: str | Path | None = None,
    count: int | None = None,
    seed: int = 0,
    title: str | None = None,
    device: str = "auto",
    segmenter: str | None = None,
    progress: Progress = silent,
    callbacks: Sequence[Progress] = (),
) -> ComparisonResult:
    """Train systems or variants at an equal budget, and show them side by side on a page.

    Each sees equally many images (``steps``) or trains equally long (``minutes``), in the same order and from the same
    seed. Where ``out`` holds the same comparison already, it continues. Signals end training as in
    :func:`semsynth.train`.

    Args:
        entries: systems, each as ``RECIPE`` or ``RECIPE/PRESET``; variants with settings of their own, as
            ``wide=spade:generator.width=32``; or :class:`semsynth.comparison.Entry` objects.
        data: dataset folder with ``train/`` and ``val/``, or shards of one.
        out: folder for runs and page.
        steps: budget of each entry: steps of the common batch size.
        minutes: the other budget: minutes of training.
        table: TOML file with more entries, as in ``examples/paper_tables``.
        preset: of entries that name none.
        overrides: changes of all entries that have the key, as in :func:`semsynth.train`.
        width_scale: factor on the channels of all networks.
        perceptual: whether to train with the VGG term; an entry's own settings may keep it.
        perceptual_weights: file with VGG-19; by default it is downloaded.
        feature_weights: files with networks of feature discriminators: each entry takes the one of its network.
        bank: memory bank of the training photos, for entries of ``sims``: what :func:`semsynth.build_bank` made.
        count: validation layouts on the page; by default 6.
        seed: of weights, data order, augmentation, noise and styles.
        title: of the page.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        segmenter: scores the trained models: a folder, a Hugging Face id or a class set; None: no scores.
        progress: called with (steps done, total steps) of each entry's training, or with seconds if the budget is in
            minutes; a :class:`semsynth.Observer` is told more.
        callbacks: more of them.

    Returns:
        The page, the runs and everything measured.

    Raises:
        SemsynthError: wrong entries or settings, data that does not fit, a folder of another comparison, or, after the
            others have been trained, entries whose training failed.
    """
    listed = [one if isinstance(one, Entry) else parse_entry(one, preset) for one in entries]
    source = ""
    if table is not None:
        read = read_table(Path(table), preset)
        title, source, listed = title or read.title, read.source, [*listed, *read.entries]
    if not listed:
        raise SemsynthError("nothing to compare: give entries or a table")
    named = [] if bank is None else [bank_setting(bank, [entry.recipe for entry in listed])]
    values: dict[str, Any] = {
        "title": title or _joined([entry.name for entry in listed]),
        "source": source,
        "entries": tuple(listed),
        "data": absolute(data),
        "budget": _budget(steps, minutes),
        "seed": seed,
        "settings": [*assignments(overrides), *named, *([] if perceptual else _without_perceptual(listed))],
        "width_scale": width_scale,
        "perceptual_weights": None if perceptual_weights is None else str(Path(perceptual_weights).absolute()),
        "feature_weights": {recognised(Path(path)): str(Path(path).absolute()) for path in feature_weights},
    } | ({} if count is None else {"count": count})
    plan = validated(Plan, values, "the comparison")
    return _run(Path(out), plan, device, segmenter, Observers([progress, *callbacks]))


def resume_comparison(
    out: str | Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    count: int | None = None,
    device: str = "auto",
    segmenter: str | None = None,
    progress: Progress = silent,
    callbacks: Sequence[Progress] = (),
) -> ComparisonResult:
    """Continue a comparison: what is complete is not trained again.

    Args:
        out: its folder.
        steps: a larger budget.
        minutes: a larger budget, of a comparison that has one in minutes.
        count: another number of validation layouts on the page.
        device: as in :func:`semsynth.compare`.
        segmenter: as in :func:`semsynth.compare`.
        progress: as in :func:`semsynth.compare`.
        callbacks: as in :func:`semsynth.compare`.

    Raises:
        SemsynthError: there is no comparison in the folder, or the budget is smaller or of the other kind.
    """
    changes: dict[str, Any] = {} if count is None else {"count": count}
    if steps is not None or minutes is not None:
        changes["budget"] = _budget(steps, minutes)
    plan = ComparisonFolder(Path(out)).open().plan
    plan = validated(Plan, plan.model_dump() | changes, "the comparison")
    return _run(Path(out), plan, device, segmenter, Observers([progress, *callbacks]))


def _budget(steps: int | None, minutes: float | None) -> Budget:
    if (steps is None) == (minutes is None):
        raise SemsynthError("a comparison has one budget: give steps or minutes")
    return validated(Budget, {"steps": steps, "minutes": minutes}, "the budget")


def _without_perceptual(entries: Sequence[Entry]) -> list[str]:
    """The setting that leaves the perceptual term out, where any entry has one."""
    known = [RECIPES[entry.recipe].config for entry in entries if entry.recipe in RECIPES]
    return ["loss.perceptual=0"] if any(config.has_perceptual_term() for config in known) else []


def _joined(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _run(out: Path, plan: Plan, device: str, segmenter: str | None, observer: Observers) -> ComparisonResult:
    evaluate = None if segmenter is None else _scorer(plan, segmenter, device)
    signal = run_plan(out, plan, observer, device, evaluate)
    folder = ComparisonFolder(out)
    return ComparisonResult(out, folder.page, folder.open(), signal)


def _scorer(plan: Plan, segmenter: str, device: str) -> Evaluate:
    """Scores models on the validation split by ``semsynth-2026``, at the size of the page's pictures.

    Raises:
        SemsynthError: no such segmenter, other classes, or no validation split with photographs.
    """
    from semsynth.evaluation.choices import find_segmenter
    from semsynth.evaluation.during_training import ScoreModel
    from semsynth.evaluation.protocols.shipped import find_protocol

    classes, size = open_source(plan.data).classes, picture_size(plan)
    protocol = find_protocol("semsynth-2026" if size is None else f"semsynth-2026-{size[1]}x{size[0]}", classes)
    score = ScoreModel(plan.data, protocol, find_segmenter(segmenter, None, classes, device), device=device)
    return lambda model: {f"{name}, val": value for name, value in score(model).items()}
