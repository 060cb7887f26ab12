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
from semsynth.files import write_bytes

if TYPE_CHECKING:
    from semsynth.classes import ClassSet
    from semsynth.layout import Layout
    from semsynth.styles.choice import StyleChoice
    from semsynth.synthesizer import Synthesizer

LAYOUT_SEEDS = (0, 7, 14, 18, 27, 32, 37, 46, 53, 61)
"""Fronts of the facade grammar, chosen to differ in height, bays, shops and balconies."""
STYLE_SEEDS = (0, 1, 2, 3)

_PAGE = Path(__file__).with_name("demo_page.html")


@dataclass(frozen=True)
class _Example:
    """One layout and its photos, as files of the demo's folder."""

    layout: str
    photos: tuple[str, ...]


def demo(
    out: Annotated[Path, typer.Option(help="Folder for layouts, photos and the page.")] = Path("out/demo"),
    model: Annotated[
        str | None, typer.Option(help="Another model of the cmp_facades classes; default the bundled one.")
    ] = None,
) -> None:
    """Turn example layouts into photos and show them side by side on a page."""
    from semsynth.data.facades import draw_facade
    from semsynth.synthesizer import DEFAULT_MODEL, load

    synthesizer = load(model or DEFAULT_MODEL)
    layouts = [
        synthesizer.conditions.fit(synthesizer.conditions.open_layout(draw_facade(seed)))[0] for seed in LAYOUT_SEEDS
    ]
    styles = [synthesizer.style(seed=seed) for seed in STYLE_SEEDS] if synthesizer.has_styles else [None]
    examples = _write_examples(synthesizer, layouts, styles, out)
    program = "semsynth" if shutil.which("semsynth") else sys.argv[0]  # not on the path in an environment not activated
    command = f"{program} synthesize MAP.png --out photos"
    if model is not None:
        command += f" --model {model}"
    write_bytes(out / "index.html", _page(synthesizer, examples, command).encode())
    typer.echo(f"{len(layouts)} layouts: {out / 'layouts'}")
    typer.echo(f"{sum(len(example.photos) for example in examples)} photos: {out / 'photos'}")
    typer.echo(f"open {out / 'index.html'} in a browser")
    typer.echo(f"your own label map: {command}")


def _write_examples(
    synthesizer: Synthesizer, layouts: Sequence[Layout], styles: Sequence[StyleChoice | None], out: Path
) -> list[_Example]:
    import numpy as np

    from semsynth.data.label_files import write_layout
    from semsynth.images import save_png

    examples = []
    with count_bar("synthesising") as bar:
        for number, layout in enumerate(layouts, 1):
            name = f"facade_{number:02d}"
            write_layout(out / "layouts" / f"{name}.png", layout)
            colors = f"layouts/{name}_colors.png"
            save_png(out / colors, layout.colors())
            given = [style for style in styles if style is not None]
            photos = synthesizer.synthesize_batch([layout] * len(styles), given or None)
            paths = tuple(f"photos/{name}_seed{seed}.png" for seed, _ in zip(STYLE_SEEDS, photos, strict=False))
            for path, photo in zip(paths, photos, strict=True):
                save_png(out / path, np.asarray(photo))
            examples.append(_Example(colors, paths))
            bar(number, len(layouts))
    return examples


def _page(synthesizer: Synthesizer, examples: Sequence[_Example], command: str) -> str:
    card = synthesizer.card
    styles = len(examples[0].photos)
    lead = f"{len(examples)} fronts drawn by a small facade grammar, each turned into a photo by the model."
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
    return Template(_PAGE.read_text("utf-8")).substitute(
        lead=escape(lead),
        legend=_legend(synthesizer.classes),
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
