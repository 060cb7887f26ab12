"""``semsynth demo``: example layouts become photos, on a page to look at."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated

import typer

from semsynth.cli.progress import count_bar
from semsynth.errors import SemsynthError
from semsynth.files import write_bytes

if TYPE_CHECKING:
    from semsynth.classes import ClassSet
    from semsynth.data.progress import Progress
    from semsynth.layout import Layout, Size
    from semsynth.styles.choice import StyleChoice
    from semsynth.synthesizer import Synthesizer

STYLE_SEEDS = (0, 1, 2, 3)
EXAMPLES = "examples"
"""Folder of label maps in a model folder, for models whose classes no grammar draws."""

_PAGE = Path(__file__).with_name("demo_page.html")
_PART = Path(__file__).with_name("demo_model.html")


@dataclass(frozen=True)
class _Example:
    """One layout and its photos, as files of the demo's folder."""

    layout: str
    photos: tuple[str, ...]


@dataclass(frozen=True)
class _Shown:
    """One model on the page."""

    name: str
    synthesizer: Synthesizer
    layouts: Sequence[tuple[str, Layout]]
    """With their names."""


def demo(
    out: Annotated[Path, typer.Option(help="Folder for layouts, photos and the page.")] = Path("out/demo"),
    model: Annotated[
        str | None, typer.Option(help="Show this model alone; default all that ship with the package.")
    ] = None,
) -> None:
    """Turn example layouts into photos and show them side by side on a page."""
    from semsynth.synthesizer import DEFAULT_MODEL

    shown = [_open(name, folder) for name, folder in _chosen(model)]
    program = "semsynth" if shutil.which("semsynth") else sys.argv[0]  # not on the path in an environment not activated
    parts: list[str] = []
    commands: list[str] = []
    layouts = photos = 0
    with count_bar("synthesising") as bar:
        total = sum(len(one.layouts) for one in shown)
        for one in shown:
            examples = _write_examples(one, out, _counted_from(layouts, total, bar))
            other = "" if (model or one.name) == DEFAULT_MODEL else f" --model {model or one.name}"
            commands.append(f"{program} synthesize MAP.png --out photos{other}")
            parts.append(_part(one, examples, commands[-1]))
            layouts, photos = layouts + len(examples), photos + sum(len(example.photos) for example in examples)
    page = Template(_PAGE.read_text("utf-8")).substitute(models="".join(parts))
    write_bytes(out / "index.html", page.encode())
    folders = ", ".join(str(out / one.name) for one in shown)
    typer.echo(f"{layouts} layouts, {photos} photos: {folders}")
    typer.echo(f"open {out / 'index.html'} in a browser")
    typer.echo(f"your own label map: {commands[0]}")


def _counted_from(before: int, total: int, bar: Progress) -> Progress:
    """Tells ``bar`` of a part of the work, ``before`` of ``total`` items being done."""
    return lambda done, _: bar(before + done, total)


def _chosen(model: str | None) -> list[tuple[str, Path]]:
    """Names and model folders: the default one first."""
    from semsynth.checkpoint import BUNDLED, find_model, is_model_folder
    from semsynth.synthesizer import DEFAULT_MODEL

    if model is not None:
        folder = find_model(model)
        return [(folder.parent.name if folder.name == "model" else folder.name, folder)]
    names = sorted(folder.name for folder in BUNDLED.iterdir() if is_model_folder(folder))
    return [(name, BUNDLED / name) for name in sorted(names, key=lambda name: name != DEFAULT_MODEL)]


def _open(name: str, folder: Path) -> _Shown:
    from semsynth.synthesizer import load

    synthesizer = load(folder)
    return _Shown(name, synthesizer, _example_layouts(synthesizer, folder, synthesizer.conditions.default_size))


def _example_layouts(synthesizer: Synthesizer, folder: Path, size: Size) -> list[tuple[str, Layout]]:
    """Those that lie in the model folder, or drawn ones.

    Raises:
        SemsynthError: there are none, and no grammar draws the model's classes.
    """
    from semsynth.data.grammars import grammar_of

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
    drawn = [conditions.open_layout(grammar.draw(seed, size)) for seed in grammar.featured]
    return [(f"{grammar.name}_{number:02d}", layout) for number, layout in enumerate(drawn, 1)]


def _write_examples(shown: _Shown, out: Path, progress: Progress) -> list[_Example]:
    import numpy as np

    from semsynth.images import save_png

    synthesizer, examples = shown.synthesizer, []
    styles = [synthesizer.style(seed=seed) for seed in STYLE_SEEDS] if synthesizer.has_styles else [None]
    given: list[StyleChoice] = [style for style in styles if style is not None]
    for done, (name, layout) in enumerate(shown.layouts, 1):
        layout.save(out / shown.name / "layouts" / f"{name}.png")
        colors = f"{shown.name}/layouts/{name}_colors.png"
        save_png(out / colors, layout.colors())
        photos = synthesizer.synthesize_batch([layout] * len(styles), given or None)
        paths = tuple(
            f"{shown.name}/photos/{name}_seed{seed}.png" for seed, _ in zip(STYLE_SEEDS, photos, strict=False)
        )
        for path, photo in zip(paths, photos, strict=True):
            save_png(out / path, np.asarray(photo))
        examples.append(_Example(colors, paths))
        progress(done, len(shown.layouts))
    return examples


def _part(shown: _Shown, examples: Sequence[_Example], command: str) -> str:
    """A model's part of the page."""
    card, styles = shown.synthesizer.card, len(examples[0].photos)
    lead = f"{len(examples)} example layouts, each turned into a photo by the model '{shown.name}'."
    if styles > 1:
        lead += f" Left the layout, right the photo; below, {styles} styles of the same layout, drawn from seeds."
    facts = {
        "Name": card.name,
        "Recipe": card.recipe,
        "Training": f"{card.steps:,} steps, {card.images_seen:,} images seen" if card.steps else "",
        "Hardware": card.hardware,
        "Data": card.data,
        "Licence": card.licence,
        "Use": card.intended_use,
        **{name: f"{value:.4g}" for name, value in card.scores.items()},
    }
    height, width = shown.layouts[0][1].size
    return Template(_PART.read_text("utf-8")).substitute(
        name=escape(shown.name),
        lead=escape(lead),
        shape=f"{width} / {height}",
        legend=_legend(shown.synthesizer.classes),
        cards="".join(_card(number, example) for number, example in enumerate(examples, 1)),
        command=escape(command),
        card="".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items() if value),
    )


def _legend(classes: ClassSet) -> str:
    return "".join(
        f'<li><i style="background:rgb{item.color}"></i>{escape(item.name)} <span>{item.id}</span></li>'
        for item in classes.classes
    )


def _card(number: int, example: _Example) -> str:
    pair = (
        f'<img class="layout" src="{example.layout}" alt="Layout {number}">'
        f'<img class="photo" src="{example.photos[0]}" alt="Photo of layout {number}">'
    )
    styles = "".join(
        f'<a href="{photo}" title="seed {seed}"{" aria-current" if seed == STYLE_SEEDS[0] else ""}>'
        f'<img src="{photo}" alt="Style {seed} of layout {number}"></a>'
        for seed, photo in zip(STYLE_SEEDS, example.photos, strict=False)
    )
    row = f'<div class="styles">{styles}<span>seed {STYLE_SEEDS[0]}</span></div>' if len(example.photos) > 1 else ""
    return f'<article class="card"><div class="pair">{pair}</div>{row}</article>'
