"""Checkpoints that are whole but wrong are refused before anything of them is used."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from semsynth.errors import SemsynthError
from semsynth.state_check import adam_problems
from semsynth.training.run import check_same_training
from semsynth.training.state import StateFolder
from semsynth.training.trainer import Trainer

Start = Callable[..., Trainer]
State = dict[str, Any]


@pytest.fixture
def trained(start: Start) -> Trainer:
    """After two steps, with an average."""
    trainer = start("run", "training.steps=2", "training.ema=0.9")
    trainer.fit()
    return trainer


@pytest.fixture
def state(trained: Trainer) -> State:
    """Its checkpoint."""
    return trained.run.state.load(print)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where everything lies that is not a container, and the containers."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(leaf for key, inner in items for leaf in leaves(inner, (*path, key)))]


def at(state: State, path: tuple[Any, ...]) -> Any:
    value: Any = state
    for key in path:
        value = value[key]
    return value


def put(state: State, path: tuple[Any, ...], value: Any) -> None:
    at(state, path[:-1])[path[-1]] = value


def other_values(value: Any) -> dict[str, Any]:
    """What a place of a checkpoint may hold instead of ``value``."""
    changed: dict[str, Any] = {"none": None, "text": "x", "list": [], "dict": {}, "negative": -1, "nan": float("nan")}
    changed |= {"infinity": float("inf"), "huge": 2**70, "bool": True, "tensor": torch.zeros(3, 1, 2), "bytes": b"x"}
    if isinstance(value, Tensor):
        longer = torch.zeros([size + 1 for size in value.shape] or [2], dtype=value.dtype)
        changed |= {"longer": longer, "scalar": value.flatten()[0].clone(), "flat": value.flatten()[:-1].clone()}
        changed |= {"double": value.double(), "integer": value.to(torch.int8), "complex": value.to(torch.complex64)}
        changed |= {"half": value.half(), "sparse": value.to_sparse(), "meta": value.to("meta")}
        if value.is_floating_point():
            changed["not finite"] = value.clone().fill_(float("nan"))
    return changed


PARTS = ("networks", "averages", "optimizers", "measured", "precision", "step", "seconds", "images_seen", "num_images")


def test_its_own_checkpoint_fits(trained: Trainer, state: State) -> None:
    assert list(trained.learner.misfits(state)) == []
    del state["measured"], state["images_seen"]  # checkpoints of older versions
    assert list(trained.learner.misfits(state)) == []


def test_missing_parts_are_named(trained: Trainer, state: State) -> None:
    for part in ("networks", "averages", "optimizers", "precision", "step", "seconds"):
        less = {key: value for key, value in state.items() if key != part}
        assert list(trained.learner.misfits(less)), part


WRONG: dict[str, Callable[[State], object]] = {
    "a network is missing": lambda s: s["networks"].pop("generator"),
    "an average is missing": lambda s: s["averages"].pop("generator"),
    "a tensor is missing": lambda s: s["networks"]["discriminator"].popitem(),
    "a tensor more": lambda s: s["networks"]["generator"].update(more=torch.zeros(1)),
    "an optimizer is missing": lambda s: s["optimizers"].pop("generator"),
    "no group": lambda s: s["optimizers"]["generator"]["param_groups"].clear(),
    "a parameter less": lambda s: s["optimizers"]["generator"]["param_groups"][0]["params"].pop(),
    "another order": lambda s: s["optimizers"]["generator"]["param_groups"][0]["params"].reverse(),
    "a state of no parameter": lambda s: s["optimizers"]["generator"]["state"].update({10**6: {}}),
    "an average less": lambda s: s["optimizers"]["generator"]["state"][0].pop("exp_avg_sq"),
    "an average more": lambda s: s["optimizers"]["generator"]["state"][0].update(max_exp_avg_sq=torch.zeros(1)),
    "no step": lambda s: s["optimizers"]["generator"]["state"][0].pop("step"),
    "steps to come": lambda s: s["optimizers"]["generator"]["state"][0].update(step=torch.tensor(3.0)),
    "half a step": lambda s: s["optimizers"]["generator"]["state"][0].update(step=torch.tensor(0.5)),
    "two steps": lambda s: s["optimizers"]["generator"]["state"][0].update(step=torch.ones(2)),
    "optimizers exchanged": lambda s: s["optimizers"].update(
        generator=s["optimizers"]["discriminator"], discriminator=s["optimizers"]["generator"]
    ),
    "another arithmetic": lambda s: s["precision"].update(scale=1.0),
}


def test_wrong_parts_are_refused(trained: Trainer, state: State) -> None:
    for name, wrong in WRONG.items():
        changed = copy.deepcopy(state)
        wrong(changed)
        assert list(trained.learner.misfits(changed)), name


def test_nothing_of_a_wrong_checkpoint_is_used(trained: Trainer, state: State) -> None:
    before = copy.deepcopy(trained.learner.state())
    state["networks"]["generator"] = state["networks"]["discriminator"]
    state["optimizers"]["discriminator"]["state"][0]["exp_avg"] = torch.zeros(1)
    torch.save(state, trained.run.state.checkpoints()[-1])
    with pytest.raises(SemsynthError, match=r"step_00000002\.pt does not fit this run: .*: remove it to resume"):
        trained.resume()
    assert_equal(before, trained.learner.state())


def assert_equal(one: Any, other: Any) -> None:
    for path in leaves(one):
        a, b = at(one, path), at(other, path)
        assert torch.equal(a, b) if isinstance(a, Tensor) else isinstance(a, dict | list) or a == b, path


def test_every_tensor_of_adam_is_checked() -> None:
    """Another shape is read and written out of bounds by the fused kernel."""
    parameters = [nn.Parameter(torch.rand(2, 3, 1, 1)), nn.Parameter(torch.rand(4)), nn.Parameter(torch.rand(2))]
    adam = torch.optim.Adam(parameters)
    sum(parameter.sum() for parameter in parameters).backward()
    adam.step()
    state = adam.state_dict()
    assert list(adam_problems("generator", parameters, 1, state)) == []
    for path in leaves(state["state"], ("state",))[1:]:
        value = at(state, path)
        allowed = {"double", "integer", "half", "bool", "scalar"} if path[-1] == "step" else set()
        for kind, other in other_values(value).items():
            if kind not in allowed:
                put(state, path, other)
                assert list(adam_problems("generator", parameters, 1, state)), (path, kind)
        put(state, path, value)
    assert list(adam_problems("generator", parameters, 1, state)) == []


@pytest.mark.slow
def test_whatever_stands_anywhere_is_refused_or_trains_on(trained: Trainer) -> None:
    """Nothing raises anything else, whichever place holds whatever."""
    rng = random.Random(3)
    whole = trained.run.state.load(print)
    batch = trained.learner.to_device(trained.batches[0])
    for _ in range(60):
        state = copy.deepcopy(whole)
        path = rng.choice([rng.choice(leaves(state[part], (part,))) for part in PARTS if part in state])
        values = other_values(at(state, path))
        put(state, path, values[rng.choice(sorted(values))])
        if not list(trained.learner.misfits(state)):
            trained.learner.load_state(state)
            trained.learner.train_step([batch] * trained.settings.accumulate)


def test_averages_of_other_strides_train_alike(start: Start, trained: Trainer, state: State) -> None:
    """Kernels go through memory: what is laid out otherwise, or shares it, is copied."""
    for optimizer in state["optimizers"].values():
        for one in optimizer["state"].values():
            for key in ("exp_avg", "exp_avg_sq"):
                backwards = list(reversed(range(one[key].ndim)))
                one[key] = one[key].permute(backwards).contiguous().permute(backwards)
    torch.save(state, trained.run.state.checkpoints()[-1])
    more = start("run", "training.steps=3", "training.ema=0.9", resume=True)
    more.fit()
    whole = start("whole", "training.steps=3", "training.ema=0.9")
    whole.fit()
    assert_equal(more.learner.state()["networks"], whole.learner.state()["networks"])


def test_settings_of_adam_come_from_the_configuration(trained: Trainer, state: State) -> None:
    group = state["optimizers"]["generator"]["param_groups"][0]
    right = trained.learner.optimizers["generator"].state_dict()["param_groups"][0]
    group |= {"betas": (2.0, float("nan")), "amsgrad": True, "fused": None, "lr": "high", "weight_decay": 9.0}
    assert list(trained.learner.misfits(state)) == []
    trained.learner.load_state(state)
    assert trained.learner.optimizers["generator"].state_dict()["param_groups"][0] == right


def test_a_configuration_that_cannot_be_read_is_one_line(trained: Trainer, state: State) -> None:
    config, num_images = trained.recipe.config, trained.learner.num_images
    for wrong in (None, 7, "", "{", "[" * 10**5, '{"training": {"steps": 1e999}}', "[]"):
        with pytest.raises(SemsynthError, match=r"the checkpoint of .*recipe\.json"):
            check_same_training(state | {"config": wrong}, config, num_images, trained.run.record)


CONTENTS: list[Any] = [[], {"format": 1}, {"format": 0, "step": 5}, {"format": 1, "step": 4}, {"step": "5"}]


@pytest.mark.parametrize("content", CONTENTS)
def test_files_of_something_else_are_passed_over(tmp_path: Path, content: Any) -> None:
    folder = StateFolder(tmp_path)
    folder.save(1, {"seconds": 1.0})
    torch.save(content, tmp_path / "step_00000005.pt")
    notes: list[str] = []
    assert folder.load(notes.append)["step"] == 1
    assert len(notes) == 1
    assert "step_00000005.pt is damaged" in notes[0]
