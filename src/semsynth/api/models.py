"""The models at hand: bundled ones, local ones, and those in the Hugging Face cache."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from semsynth.checkpoint import CARD, CLASSES, CONFIG, Card, ModelConfig, bundled_models, is_model_folder, read_config
from semsynth.classes import ClassSet
from semsynth.config import load_config
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.pages import html_facts

Place = Literal["bundled", "local", "hub"]


@dataclass(frozen=True, repr=False)
class ListedModel:
    """What a model's configuration and card say."""

    model: str
    """What :func:`semsynth.load` and ``--model`` take."""
    place: Place
    path: str
    """The model folder."""
    problem: str | None = None
    """Why nothing else is known; None for a model that can be read."""
    system: str = ""
    class_set: str = ""
    """Name of the class set; empty where the conditions are pictures."""
    num_classes: int = 0
    width: int | None = None
    """Of the pictures that the model was trained on, in pixels; None if it has no size of its own."""
    height: int | None = None
    parameters: int = 0
    """Number of parameters of the networks that inference needs."""
    file_bytes: int = 0
    """Size of all files in the folder."""
    data: str = ""
    """The training data, from the card."""
    licence: str = ""
    steps: int = 0
    created: str = ""

    @property
    def size(self) -> str:
        """The size of the pictures: ``256x256``, or ``any``."""
        return "any" if self.width is None else f"{self.width}x{self.height}"

    def __repr__(self) -> str:
        about = self.problem or f"{self.system}, {self.class_set} ({self.num_classes} classes), {self.size}"
        return f"<{self.place} model {self.model!r}: {about}>"

    def _repr_html_(self) -> str:
        facts = {"place": self.place, "path": self.path}
        if self.problem is not None:
            return html_facts(self.model, facts | {"problem": self.problem})
        facts |= {
            "system": self.system,
            "classes": f"{self.class_set} ({self.num_classes})",
            "size": self.size,
            "parameters": f"{self.parameters:,}",
            "files": f"{self.file_bytes / 1e6:.1f} MB",
            "data": self.data,
            "licence": self.licence or "not stated",
        }
        return html_facts(self.model, facts)


def list_models(folders: Sequence[str | Path] = ()) -> list[ListedModel]:
    """List the models at hand: bundled ones, local ones, and those in the Hugging Face cache.

    Only configurations and cards are read, no weights, and nothing is asked of the network.

    Args:
        folders: where to look for local models and runs; by default the working directory and ``runs/``.

    Returns:
        One entry per model; one that cannot be read has a ``problem``.

    Raises:
        SemsynthError: one of the folders does not exist.
    """
    roots = [Path(folder) for folder in folders]
    for folder in roots:
        if not folder.is_dir():
            raise SemsynthError(f"there is no folder {folder}: give folders that hold models or runs")
    return [*_bundled(), *_local(roots or [Path(), Path("runs")]), *_of_hub()]


def _bundled() -> Iterator[ListedModel]:
    for name, folder in bundled_models().items():
        yield _listed(name, "bundled", folder)


def _local(roots: Sequence[Path]) -> Iterator[ListedModel]:
    """Models in ``roots`` and in their folders; of a run the exported one and the best one."""
    seen: set[Path] = set()
    for root in roots:
        for outer in (root, *_folders_in(root)):
            for folder in (outer, outer / "model", outer / "best"):
                if folder.resolve() not in seen and _describes_model(folder):
                    seen.add(folder.resolve())
                    yield _listed(str(outer if folder.name == "model" else folder), "local", folder)


def _of_hub() -> Iterator[ListedModel]:
    """The newest revision of every model in the cache."""
    from huggingface_hub.constants import HF_HUB_CACHE

    for repository in _folders_in(Path(HF_HUB_CACHE)):
        kind, _, name = repository.name.partition("--")
        snapshots = [folder for folder in _folders_in(repository / "snapshots") if _describes_model(folder)]
        if kind == "models" and snapshots:
            newest = max(snapshots, key=lambda folder: folder.stat().st_mtime)
            yield _listed(name.replace("--", "/"), "hub", newest)


def _folders_in(root: Path) -> list[Path]:
    """In order of their names, without hidden ones; none where there is no such folder or it cannot be read."""
    try:
        return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _describes_model(folder: Path) -> bool:
    """Whether the folder has a configuration in this package's format."""
    try:
        values = read_json(folder / CONFIG) if is_model_folder(folder) else None
    except (SemsynthError, OSError):
        return False
    return isinstance(values, dict) and "system" in values and "format" in values


def _listed(model: str, place: Place, folder: Path) -> ListedModel:
    try:
        config, classes = read_config(folder), ClassSet.open(folder / CLASSES)
        card = load_config(Card, folder / CARD) if (folder / CARD).is_file() else Card()
    except SemsynthError as error:
        return ListedModel(model, place, str(folder), problem=str(error))
    size = config.trained_size
    return ListedModel(
        model,
        place,
        str(folder),
        system=config.system,
        class_set=classes.name,
        num_classes=classes.num_classes,
        width=None if size is None else size[1],
        height=None if size is None else size[0],
        parameters=_parameters(config),
        file_bytes=sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        data=card.data,
        licence=card.licence,
        steps=card.steps,
        created=card.created,
    )


def _parameters(config: ModelConfig) -> int:
    """Counted on networks without memory: weights stay on the disk."""
    with torch.device("meta"):
        networks = config.build()
    return sum(parameter.numel() for network in networks.values() for parameter in network.parameters())
