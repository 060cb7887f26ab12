"""A page that shows models at work: example layouts and the photos made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semsynth.checkpoint import Card, bundled_models, find_model
from semsynth.classes import ClassInfo
from semsynth.data.grammars import grammar_of
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError
from semsynth.files import write_bytes
from semsynth.images import save_png
from semsynth.layout import Layout
from semsynth.pages import render
from semsynth.synthesizer.core import Synthesizer
from semsynth.synthesizer.loading import DEFAULT_MODEL, load

STYLE_SEEDS = (0, 1, 2, 3)
EXAMPLES = "examples"
"""Folder of label maps in a model folder, for models whose classes no grammar draws."""

_PAGE = Path(__file__).with_name("demo_page.html")


@dataclass(frozen=True)
class ShownExample:
    """One layout and its photos, as paths from the demo's folder."""

    layout: str
    """The layout in its classes' colours."""
    photos: tuple[str, ...]
    """One for each of ``STYLE_SEEDS``, or a single one."""


@dataclass(frozen=True)
class ShownModel:
    """One model on the page."""

    name: str
    classes: tuple[ClassInfo, ...]
    width: int
    """Of the layouts, in pixels."""
    height: int
    examples: tuple[ShownExample, ...]
    command: str
    """Makes a photo of a label map of one's own."""
    facts: Mapping[str, str]
    """What the card says."""


def write_demo(
    out: str | Path, model: str | Path | None = None, *, program: str = "semsynth", progress: Progress = silent
) -> tuple[ShownModel, ...]:
    """Turn example layouts into photos and write a page, ``index.html``, that shows them side by side.

    Args:
        out: the folder for layouts, photos and the page.
        model: the model to show; None: all that ship with the package.
        program: what people type to run semsynth, for the commands on the page.
        progress: is told of layouts done.

    Returns:
        What is on the page.

    Raises:
        SemsynthError: no such model, or no example layouts of its classes.
    """
    opened = []
    for name, folder in _chosen(model):
        synthesizer = load(folder)
        opened.append((name, synthesizer, _example_layouts(synthesizer, folder)))
    shown, done, total = [], 0, sum(len(layouts) for _, _, layouts in opened)
    for name, synthesizer, layouts in opened:
        examples = []
        for title, layout in layouts:
            examples.append(_write_example(Path(out), name, synthesizer, title, layout))
            done += 1
            progress(done, total)
        height, width = layouts[0][1].size
        other = "" if str(model or name) == DEFAULT_MODEL else f" --model {model or name}"
        command = f"{program} synthesize MAP.png --out photos{other}"
        facts, classes = _facts(synthesizer.card), synthesizer.classes.classes
        shown.append(ShownModel(name, classes, width, height, tuple(examples), command, facts))
    page = render(_PAGE, models=shown, seeds=STYLE_SEEDS)
    write_bytes(Path(out) / "index.html", page.encode())
    return tuple(shown)


def _chosen(model: str | Path | None) -> list[tuple[str, Path]]:
    """Names and model folders."""
    if model is not None:
        folder = find_model(model)
        return [(folder.parent.name if folder.name == "model" else folder.name, folder)]
    return list(bundled_models().items())


def _example_layouts(synthesizer: Synthesizer, folder: Path) -> list[tuple[str, Layout]]:
    """Names and layouts: those in the model folder, or drawn ones.

    Raises:
        SemsynthError: there are none, and no grammar draws the model's classes.
    """
    conditions = synthesizer.conditions
    paths = sorted((folder / EXAMPLES).glob("*.png"))
    if paths:
        return [(path.stem, conditions.fit(conditions.open_layout(path), source=str(path))[0]) for path in paths]
    grammar = grammar_of(synthesizer.classes)
    if grammar is None:
        raise SemsynthError(
            f"there are no example layouts of the class set '{synthesizer.classes.name}': "
            f"put label maps into {folder / EXAMPLES}"
        )
    drawn = [conditions.open_layout(grammar.draw(seed, conditions.default_size)) for seed in grammar.featured]
    return [(f"{grammar.name}_{number:02d}", layout) for number, layout in enumerate(drawn, 1)]


def _write_example(out: Path, model: str, synthesizer: Synthesizer, name: str, layout: Layout) -> ShownExample:
    """Make the photos of a layout, and write them and the layout."""
    layout.save(out / model / "layouts" / f"{name}.png")
    colors = f"{model}/layouts/{name}_colors.png"
    save_png(out / colors, layout.colors())
    seeds: Sequence[int] = STYLE_SEEDS if synthesizer.has_styles else STYLE_SEEDS[:1]
    choices = [synthesizer.style(seed=seed) if synthesizer.has_styles else None for seed in seeds]
    made = synthesizer.synthesize_arrays([layout] * len(seeds), choices)
    paths = tuple(f"{model}/photos/{name}_seed{seed}.png" for seed in seeds)
    for path, photos in zip(paths, made, strict=True):
        save_png(out / path, photos[0])
    return ShownExample(colors, paths)


def _facts(card: Card) -> dict[str, str]:
    """What a card says, for people; empty texts where it says nothing."""
    return {
        "Name": card.name,
        "Recipe": card.recipe,
        "Training": f"{card.steps:,} steps, {card.images_seen:,} images seen" if card.steps else "",
        "Hardware": card.hardware,
        "Data": card.data,
        "Licence": card.licence,
        "Use": card.intended_use,
        **{name: f"{value:.4g}" for name, value in card.scores.items()},
    }
