"""A new run that starts from trained weights (``init_from``), of the same classes or of others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semsynth.checkpoint import load_model
from semsynth.classes import NO_CLASSES, ClassSet
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding
from semsynth.models.feature_discriminator import FeatureDiscriminator
from semsynth.recipes.base import Recipe
from semsynth.training.run import RunFolder


@dataclass(frozen=True)
class Beginning:
    """What a training begins with."""

    networks: tuple[str, ...] = ()
    """Those that got weights."""
    by_name: tuple[str, ...] | None = None
    """Classes whose weights are those of the class of this name; None: the class sets are the same."""

    def __str__(self) -> str:
        """The networks, and the classes if they are others."""
        text = " and ".join(self.networks)
        if self.by_name is None:
            return text
        if not self.by_name:
            return f"{text} (no class has the name of one there: all begin with the mean of those)"
        return f"{text} ({', '.join(self.by_name)} by name, other classes begin with the mean of those there)"


def begin_with(model: Path, recipe: Recipe) -> Beginning:
    """Copy trained weights into a fresh recipe.

    Where the model is of other classes, weights that belong to a class go to the class of the same name, and other
    classes begin with the mean over the model's.

    Args:
        model: a model folder, or a run folder, which also holds what inference does not need: discriminators.
        recipe: may be larger than what was trained, where it knows how to grow (:meth:`Recipe.adapted`).

    Raises:
        SemsynthError: no such folder, pictures as conditions on one side, or networks of other shapes.
    """
    run = RunFolder(model)
    loaded = load_model(run.model if run.record.is_file() else model)
    old, new = loaded.classes, recipe.classes
    if (old == NO_CLASSES) != (new == NO_CLASSES):
        raise SemsynthError(f"{model}: one of '{old.name}' and '{new.name}' has pictures, not classes")
    states = {name: network.state_dict() for name, network in loaded.networks.items()}
    if run.state.checkpoints():
        states = run.state.load(lambda _: None)["networks"] | states
    taken = tuple(name for name in recipe.networks if name in states)
    same = old.classes == new.classes
    for name in taken:
        network, state = recipe.networks[name], recipe.adapted(name, states[name])
        if not same:
            state = for_classes(state, class_axes(network), old, new, recipe.first_class_channel(name))
        _load(network, state, f"{model}: its {name}")
    return Beginning(taken, None if same else tuple(_places(old, new)))


def for_classes(
    state: dict[str, Tensor], axes: dict[str, int], old: ClassSet, new: ClassSet, first: int
) -> dict[str, Tensor]:
    """Trained tensors, their channels of classes rearranged: by name, and the mean over all for names that are new.

    Args:
        state: what was trained with the K classes ``old``.
        axes: of the tensors that have a channel for each class: the axis.
        old: K classes.
        new: L classes.
        first: the channel of the first class; what comes before and after the classes stays.
    """
    places = _places(old, new)
    each, mean = torch.eye(old.num_classes), torch.full((old.num_classes,), 1 / old.num_classes)
    table = torch.stack([each[places[item.name]] if item.name in places else mean for item in new.classes])  # [L,K]
    result = dict(state)
    for key, axis in axes.items():
        rest = state[key].shape[axis] - first - old.num_classes if key in state else -1
        if rest < 0:  # of another system, say: whoever loads the tensors finds that they do not fit
            continue
        before, classes, after = state[key].split([first, old.num_classes, rest], axis)
        moved = torch.tensordot(table.to(classes), classes, dims=([1], [axis])).movedim(0, axis)
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


def _places(old: ClassSet, new: ClassSet) -> dict[str, int]:
    """Names that are in both, in the new order, and their places among the old classes."""
    there = {item.name: place for place, item in enumerate(old.classes)}
    return {item.name: there[item.name] for item in new.classes if item.name in there}


def _load(network: nn.Module, state: dict[str, Tensor], what: str) -> None:
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    other = {key: tuple(value.shape) for key, value in state.items()}
    different = sorted(key for key in shapes.keys() | other.keys() if shapes.get(key) != other.get(key))
    if different:
        key = different[0]
        raise SemsynthError(
            f"{what} has other shapes in {len(different)} tensors, for example {key}: "
            f"{other.get(key, 'absent')} there, {shapes.get(key, 'absent')} here: use the settings of that model"
        )
    network.load_state_dict(state)
