"""A new run that starts from trained weights (``init_from``), of the same classes or of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semsynth.checkpoint import LoadedModel, find_model, load_model
from semsynth.classes import NO_CLASSES, ClassSet
from semsynth.errors import SHOWN_PROBLEMS, SemsynthError
from semsynth.layout import LayoutEncoding
from semsynth.models.feature_discriminator import FeatureDiscriminator
from semsynth.recipes.base import Recipe
from semsynth.training.affinity import Shares, affinity_matrix
from semsynth.training.run import RunFolder, flat


@dataclass(frozen=True)
class Beginning:
    """What a training begins with."""

    networks: tuple[str, ...] = ()
    """Those that got weights."""
    by_name: tuple[str, ...] | None = None
    """Classes whose weights are those of the class of this name; None: the class sets are the same."""

    shares: Shares = field(default_factory=dict)
    """Classes whose weights are a mixture of the model's."""

    def __str__(self) -> str:
        """The networks, and the classes if they are others."""
        text = " and ".join(self.networks)
        return text if self.by_name is None else f"{text} ({'; '.join(self._origins())})"

    def _origins(self) -> Iterator[str]:
        if self.by_name:
            yield f"{', '.join(self.by_name)} by name"
        for name, row in self.shares.items():
            nearest = max(row, key=row.__getitem__)
            yield f"{name} with {row[nearest]:.0%} {nearest}"
        if not self.by_name and not self.shares:
            yield "no class has the name of one there: all begin with the mean of those"
        else:
            yield "other classes begin with the mean of those there"


def find_start(model: str | Path) -> Path:
    """The folder that a training starts from.

    Args:
        model: a run folder, which is taken as a whole, or whatever else :func:`find_model` finds: a bundled model's
            name, a model folder, or a Hugging Face id.

    Raises:
        SemsynthError: there is none; an official checkpoint is to be converted first.
    """
    found, run = find_model(model), RunFolder(Path(model))
    return run.root if run.record.is_file() and found == run.model else found


def trained_model(model: str | Path) -> LoadedModel:
    """The model that :func:`find_start` finds.

    Raises:
        SemsynthError: there is none, or it is damaged.
    """
    folder = find_start(model)
    run = RunFolder(folder)
    return load_model(run.model if run.record.is_file() else folder)


def begin_with(model: Path, recipe: Recipe, shares: Shares | None = None) -> Beginning:
    """Copy trained weights into a fresh recipe.

    Where the model is of other classes, weights that belong to a class go where :func:`affinity_matrix` says.

    Args:
        model: a model folder, or a run folder, which also holds what inference does not need: discriminators.
        recipe: may be larger than what was trained, where it knows how to grow (:meth:`Recipe.adapted`).
        shares: how much its classes look like the model's; what it leaves out goes by name.

    Raises:
        SemsynthError: no such folder, pictures as conditions on one side, or networks of other shapes.
    """
    run, loaded = RunFolder(model), trained_model(model)
    old, new = loaded.classes, recipe.classes
    if (old == NO_CLASSES) != (new == NO_CLASSES):
        raise SemsynthError(f"{model}: one of '{old.name}' and '{new.name}' has pictures, not classes")
    states = {name: network.state_dict() for name, network in loaded.networks.items()}
    if run.state.checkpoints():
        states = run.state.load(lambda _: None)["networks"] | states
    taken = tuple(name for name in recipe.networks if name in states)
    same = old.classes == new.classes and not shares
    matrix = affinity_matrix(old, new, shares)
    for name in taken:
        network, state = recipe.networks[name], recipe.adapted(name, states[name])
        if not same:
            state = for_classes(state, class_axes(network), matrix, recipe.first_class_channel(name))
        _load(network, state, f"{model}: its {name}", _other_settings(loaded, recipe) if name == "generator" else "")
    given = shares or {}
    by_name = tuple(item.name for item in new.classes if item.name in _names(old) and item.name not in given)
    return Beginning(taken, None if same else by_name, given)


def for_classes(state: dict[str, Tensor], axes: dict[str, int], matrix: Tensor, first: int) -> dict[str, Tensor]:
    """Trained tensors, with a matrix in front of their channels of classes folded into them.

    Args:
        state: what was trained with K classes.
        axes: of the tensors that have a channel for each class: the axis.
        matrix: [L,K] as :func:`affinity_matrix` makes.
        first: the channel of the first class; what comes before and after the classes stays.
    """
    trained = matrix.shape[1]
    result = dict(state)
    for key, axis in axes.items():
        rest = state[key].shape[axis] - first - trained if key in state else -1
        if rest < 0:  # of another system, say: whoever loads the tensors finds that they do not fit
            continue
        before, classes, after = state[key].split([first, trained, rest], axis)
        moved = torch.tensordot(matrix.to(classes), classes, dims=([1], [axis])).movedim(0, axis)
        result[key] = torch.cat([before, moved, after], axis)
    return result


def class_axes(network: nn.Module) -> dict[str, int]:
    """Of the tensors that have a channel for each class the axis: the one that would be longer with another class."""
    if isinstance(network, FeatureDiscriminator):
        return network.class_axes()
    config: Any = network.config
    encoding: LayoutEncoding | None = getattr(config, "encoding", None)
    if encoding is None:
        return {}
    more = encoding.model_copy(update={"num_classes": encoding.num_classes + 1})
    with torch.device("meta"):
        larger = type(network)(config.model_copy(update={"encoding": more})).state_dict()
    return {
        key: next(axis for axis, (a, b) in enumerate(zip(value.shape, larger[key].shape, strict=True)) if a != b)
        for key, value in network.state_dict().items()
        if value.shape != larger[key].shape
    }


def _names(classes: ClassSet) -> set[str]:
    return {item.name for item in classes.classes}


def _other_settings(loaded: LoadedModel, recipe: Recipe) -> str:
    """What the trained generator was built with and the new one is not, as settings."""
    config: Any = recipe.config
    there, here = (flat(one.model_dump(mode="json")) for one in (loaded.config.generator, config.generator))
    apart = {"encoding.num_classes", "crop_size", "aspect_ratio"}
    other = [key for key in there if key in here and there[key] != here[key] and key not in apart]
    return ", ".join(f"generator.{key}={json.dumps(there[key])}" for key in other[:SHOWN_PROBLEMS])


def _load(network: nn.Module, state: dict[str, Tensor], what: str, settings: str = "") -> None:
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    other = {key: tuple(value.shape) for key, value in state.items()}
    different = sorted(key for key in shapes.keys() | other.keys() if shapes.get(key) != other.get(key))
    if different:
        key = different[0]
        raise SemsynthError(
            f"{what} has other shapes in {len(different)} tensors, for example {key}: "
            f"{other.get(key, 'absent')} there, {shapes.get(key, 'absent')} here: use the settings of that model"
            f"{f' ({settings})' if settings else ''}"
        )
    network.load_state_dict(state)
