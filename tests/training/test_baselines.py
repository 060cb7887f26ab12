"""Training steps of the papers' baselines: what moves when, resuming, and the model that comes out."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from semsynth.checkpoint import GeneratorModel, load_model
from semsynth.data.toy import draw_scene
from semsynth.synthesizer import load
from semsynth.training.trainer import Trainer

Start = Callable[..., Trainer]

BASELINES = [
    "pix2pix",
    "unet_generator",
    "crn_generator",
    "gan_segmentation",
    "encoder_decoder",
    "full_resolution",
    "image_space",
]


def snapshot(networks: dict[str, nn.Module]) -> dict[str, Tensor]:
    """Copies of all parameters, by network and name."""
    return {
        f"{network}/{name}": parameter.detach().clone()
        for network, module in networks.items()
        for name, parameter in module.named_parameters()
    }


@pytest.mark.parametrize("system", BASELINES)
def test_all_weights_move_and_the_exported_model_makes_the_trained_picture(start: Start, system: str) -> None:
    trainer = start("run", "training.ema=0", system=system)
    before = snapshot(trainer.recipe.networks)
    trainer.fit()
    after = snapshot(trainer.recipe.networks)
    assert [name for name in before if before[name].ndim > 1 and torch.equal(before[name], after[name])] == []
    model = load_model(trainer.run.model)
    assert isinstance(model.config, GeneratorModel)
    assert list(model.networks) == ["generator"]
    batch = trainer.fixed.batches[0]
    expected = trainer.learner.generate(trainer.recipe.networks, batch)
    synthesizer = load(trainer.run.root, "cpu", "float32")
    torch.testing.assert_close(synthesizer.synthesize_tensor(batch.layout), expected, rtol=1e-4, atol=1e-5)
    assert synthesizer(draw_scene(1, 48).layout).size == (48, 48)
    assert not synthesizer.has_styles


@pytest.mark.parametrize("system", BASELINES)
def test_resumed_run_equals_uninterrupted_one(start: Start, system: str) -> None:
    whole = start("whole", system=system)
    whole.fit()
    start("parts", f"training.steps={whole.total_steps - 1}", system=system).fit()
    rest = start("parts", resume=True, system=system)
    assert rest.step == whole.total_steps - 1
    rest.fit()
    one, other = (snapshot(trainer.recipe.networks) for trainer in (whole, rest))
    assert all(torch.equal(one[name], other[name]) for name in one)
    files = [trainer.run.model / "generator.safetensors" for trainer in (whole, rest)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_segmenter_trains_first_and_alone_and_never_again(start: Start, listener: Callable[..., Any]) -> None:
    changed: list[set[str]] = []

    def on_step(step: int) -> None:
        nonlocal before
        after = snapshot(trainer.recipe.networks)
        changed.append({name.split("/")[0] for name in before if not torch.equal(before[name], after[name])})
        before = after

    trainer = start("run", listener=listener(on_step), system="gan_segmentation")
    before = snapshot(trainer.recipe.networks)
    trainer.fit()
    assert changed == [{"segmenter"}] * 2 + [{"generator", "discriminator"}] * 2


@pytest.mark.parametrize("stopped", [1, 2, 3])
def test_stopped_before_at_and_after_the_end_of_the_warm_up(
    start: Start, listener: Callable[..., Any], stopped: int
) -> None:
    """The step decides which phases run, and it is part of the checkpoint."""

    def on_step(step: int) -> None:
        if step == stopped:
            signal.raise_signal(signal.SIGINT)

    whole = start("whole", system="gan_segmentation")
    whole.fit()
    assert start("parts", listener=listener(on_step), system="gan_segmentation").fit() == signal.SIGINT
    rest = start("parts", resume=True, system="gan_segmentation")
    assert rest.step == stopped
    rest.fit()
    one, other = (snapshot(trainer.recipe.networks) for trainer in (whole, rest))
    assert all(torch.equal(one[name], other[name]) for name in one)
