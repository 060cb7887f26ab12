"""Which folder a name stands for: a bundled model, a folder, or a model of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from semsynth.checkpoint.folder import CONFIG, is_model_folder
from semsynth.checkpoint.hub_cache import download_model
from semsynth.checkpoint.official import describe_checkpoint
from semsynth.errors import SemsynthError, shortened
from semsynth.files import explained

BUNDLED = Path(__file__).parent.parent / "models_bundled"
"""Where the models that ship with the package lie."""
SHOWN_FIRST = "landscapes"
"""The bundled model that people see first."""

HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")
"""``user/name``, or ``user/name@revision`` for a branch, a tag or a commit."""


def bundled_models() -> dict[str, Path]:
    """The models that ship with the package, by name, in the order in which they are shown."""
    folders = {folder.name: folder for folder in BUNDLED.glob("*") if is_model_folder(folder)}
    return {name: folders[name] for name in sorted(folders, key=lambda name: (name != SHOWN_FIRST, name))}


def find_model(model: str | Path) -> Path:
    """The model folder that ``model`` stands for.

    Args:
        model: a bundled model's name, a model folder, a run folder, or a Hugging Face id ``user/name`` or
            ``user/name@revision``, which is downloaded unless it has been before.

    Raises:
        SemsynthError: there is none; the message says where it was looked for.
    """
    bundled = bundled_models()
    if model in bundled:
        return bundled[str(model)]
    folder = Path(model)
    with explained(folder, "cannot look for the model"):
        return _in_folder(str(model), folder)


def _in_folder(model: str, folder: Path) -> Path:
    for candidate in (folder, folder / "model"):
        if is_model_folder(candidate):
            return candidate
    if folder.exists() and (known := describe_checkpoint(folder)) is not None:
        raise SemsynthError(f"{folder} {known}")
    if folder.is_dir():
        raise SemsynthError(
            f"{folder} is neither a model folder ({CONFIG} is missing) nor a run folder with a model in it: "
            "'semsynth train' writes RUN/model with its first checkpoint"
        )
    if not folder.exists() and (hub_id := HUB_ID.fullmatch(model)):
        return download_model(hub_id["repository"], hub_id["revision"])
    raise SemsynthError(
        f"there is no model '{shortened(model)}': give a bundled one "
        f"({', '.join(bundled_models()) or 'this installation has none'}), a model folder, a run folder, or a Hugging "
        "Face id such as user/name"
    )
