"""A model's card as the page that the hub shows: README.md with YAML metadata."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from semsynth.checkpoint import LoadedModel, SIMSModel, weight_files
from semsynth.classes import NO_CLASSES, ClassSet

LICENCES = {
    "apache-2.0": r"apache[ -]?(licen[cs]e[ ,-]*)?(version )?2(\.0)?",
    "mit": r"mit( licen[cs]e)?",
    "cc0-1.0": r"cc[ -]?0([ -]1\.0)?",
    "cc-by-4.0": r"cc[ -]by[ -]4\.0",
    "cc-by-sa-4.0": r"cc[ -]by[ -]sa[ -]4\.0",
    "cc-by-nc-4.0": r"cc[ -]by[ -]nc[ -]4\.0",
    "cc-by-nc-sa-4.0": r"cc[ -]by[ -]nc[ -]sa[ -]4\.0",
}
"""The hub's names of licences, and how cards say them; a card that says more than a name has a licence of its own."""


def model_page(model: LoadedModel, repository: str, pictures: Sequence[str] = (), *, with_bank: bool = False) -> str:
    """README.md of a model.

    Args:
        model: its card, class set and configuration are told.
        repository: ``user/name``.
        pictures: paths, in the repository, of pairs of layout and photo.
        with_bank: whether the repository holds the memory bank, where the model uses one.

    Returns:
        Markdown with YAML front matter.
    """
    name = model.card.name or repository.partition("/")[2]
    metadata = yaml.safe_dump(_metadata(model, name), sort_keys=False, allow_unicode=True, width=1000)
    parts = [
        f"---\n{metadata}---",
        f"# {_line(name)}",
        _introduction(model),
        "\n".join(f"![A layout and the photo made of it]({path})" for path in pictures),
        _usage(model, repository),
        _section("Memory bank", _memory(model, with_bank)),
        _section("Intended use", model.card.intended_use),
        _section("Training", _training(model)),
        _section("Scores", _table(("Score", "Value"), [(key, f"{x:.4g}") for key, x in model.card.scores.items()])),
        _section("Licence", model.card.licence or "Not stated: ask the author before you use the model."),
        _section("Classes", _classes(model.classes)),
        _section("Files", _files(model)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _metadata(model: LoadedModel, name: str) -> dict[str, Any]:
    """What the hub reads: https://huggingface.co/docs/hub/model-cards, "Model card metadata"."""
    known = (key for key, said in LICENCES.items() if re.fullmatch(said, model.card.licence.strip().rstrip("."), re.I))
    licence = next(known, None)
    metadata: dict[str, Any] = {"license": licence or "other"}
    if licence is None:
        metadata |= {"license_name": "see-model-card", "license_link": "README.md#licence"}
    metadata |= {"library_name": "semsynth", "pipeline_tag": "image-to-image"}
    data = [] if model.classes == NO_CLASSES else [model.classes.name]
    metadata["tags"] = ["semantic-image-synthesis", model.config.system, *data]
    if model.card.scores:
        results = [{"type": _slug(key), "name": key, "value": value} for key, value in model.card.scores.items()]
        dataset = {"type": _slug(model.card.data.partition(",")[0]) or "unknown", "name": model.card.data or "unknown"}
        task = {"type": "image-to-image"}
        metadata["model-index"] = [{"name": name, "results": [{"task": task, "dataset": dataset, "metrics": results}]}]
    return metadata


def _introduction(model: LoadedModel) -> str:
    condition = (
        "pictures such as edge maps"
        if model.classes == NO_CLASSES
        else f"label maps of the {model.classes.num_classes} classes of *{_line(model.classes.name)}*"
    )
    return f"Turns {condition} into photographs: a model of semsynth's system `{model.config.system}`."


def _usage(model: LoadedModel, repository: str) -> str:
    given = "picture.png" if model.classes == NO_CLASSES else "labels.png"
    return (
        "## Use\n\n```\npip install semsynth\n"
        f"semsynth synthesize {given} --model {repository} --out photos\n```\n\n"
        f'```python\nimport semsynth\n\nphoto = semsynth.load("{repository}")("{given}")\n```'
    )


def _memory(model: LoadedModel, with_bank: bool) -> str:
    """What a model of SIMS needs beside its weights."""
    if not isinstance(model.config, SIMSModel):
        return ""
    contents = "The pictures of this model are made of pieces of its training photos, which its memory bank holds"
    if with_bank:
        return f"{contents}: `bank/` in this repository. `bank/bank.json` lists every photo's source and licence."
    return (
        f"{contents}. The bank is not in this repository. Its checksum, which `semsynth bank info BANK` shows, is "
        f"`{model.config.memory.sha256}`; download this repository to a folder MODEL, and "
        "`semsynth bank attach BANK MODEL` puts the bank where the model finds it."
    )


def _training(model: LoadedModel) -> str:
    card = model.card
    facts = [
        ("Data", card.data),
        ("Recipe", card.recipe),
        ("Styles of seeds", card.styles),
        ("Trained with the networks", ", ".join(card.trained_with or ())),
        ("Steps", f"{card.steps:,}, {card.images_seen:,} images seen" if card.steps else ""),
        ("Time", f"{card.seconds / 3600:.1f} hours" if card.seconds else ""),
        ("Hardware", card.hardware),
        ("Created", card.created),
    ]
    return "\n".join(f"- {name}: {_line(value)}" for name, value in facts if value)


def _classes(classes: ClassSet) -> str:
    if classes == NO_CLASSES:
        return ""
    rows = [(str(one.id), one.name, "#{:02x}{:02x}{:02x}".format(*one.color)) for one in classes.classes]
    return _table(("Id", "Class", "Colour"), rows)


def _files(model: LoadedModel) -> str:
    """The checksums of the weights, which `config.json` holds and loading compares."""
    files = weight_files(model.config).values()
    return _table(("Weights", "SHA-256"), [(file, f"`{model.config.sha256.get(file, '')}`") for file in files])


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _line(text: str) -> str:
    """Text of a card in one line, in which nothing is HTML."""
    return " ".join(text.split()).replace("<", "&lt;")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
