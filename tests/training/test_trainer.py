"""Steps, resuming, saving and stopping, in one process."""

from __future__ import annotations

import gc
import json
import math
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from semsynth.checkpoint import load_model
from semsynth.comparison.configs import ENDLESS
from semsynth.errors import SemsynthError
from semsynth.images import decode_image
from semsynth.training.beginning import begin_with
from semsynth.training.learner import freeze_all_but
from semsynth.training.start import build_recipe, open_data
from semsynth.training.trainer import Trainer

Start = Callable[..., Trainer]


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested state as one level."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    if not items:
        return {prefix: value}
    return {key: leaf for name, one in items for key, leaf in flat(one, f"{prefix}/{name}").items()}


def assert_same_state(one: Trainer, other: Trainer) -> None:
    """Equal to the last bit: weights, buffers, optimisers, averages."""
    left, right = flat(one.learner.state()), flat(other.learner.state())
    assert left.keys() == right.keys()
    for key, value in left.items():
        if key.startswith("/config"):
            continue
        same = torch.equal(value, right[key]) if isinstance(value, torch.Tensor) else value == right[key]
        assert same, key


@pytest.mark.parametrize(("first_workers", "second_workers"), [(0, 0), (1, 2)])
def test_resumed_run_equals_uninterrupted_one(
    start: Start, styled: tuple[str, ...], first_workers: int, second_workers: int
) -> None:
    whole = start("whole", *styled, "training.steps=6")
    assert whole.fit() is None
    start("parts", *styled, "training.steps=3", f"training.workers={first_workers}").fit()
    rest = start("parts", *styled, "training.steps=6", f"training.workers={second_workers}", resume=True)
    assert rest.step == 3
    rest.fit()
    assert_same_state(whole, rest)
    generators = [trainer.run.model / "generator.safetensors" for trainer in (whole, rest)]
    assert generators[0].read_bytes() == generators[1].read_bytes()


def test_training_moves_every_trained_network_and_its_average(start: Start, styled: tuple[str, ...]) -> None:
    trainer = start("run", *styled)
    before = {name: [p.clone() for p in network.parameters()] for name, network in trainer.recipe.networks.items()}
    trainer.fit()
    for name, network in trainer.recipe.networks.items():
        moved = [not torch.equal(a, b) for a, b in zip(before[name], network.parameters(), strict=True)]
        assert any(moved), name
    assert set(trainer.recipe.averaged) == {"generator", "encoder"}
    assert trainer.learner.ema is not None
    average = trainer.learner.ema.networks["generator"]
    assert not torch.equal(next(average.parameters()), next(trainer.recipe.networks["generator"].parameters()))


def test_saving_and_sampling_never_change_training(start: Start, styled: tuple[str, ...]) -> None:
    quiet, busy = start("quiet", *styled), start("busy", *styled, "training.save_every=1", "training.sample_every=1")
    quiet.fit()
    busy.fit()
    assert_same_state(quiet, busy)
    assert len(list(busy.run.samples.glob("*.png"))) == 4


def test_run_folder_holds_what_it_promises(start: Start, styled: tuple[str, ...]) -> None:
    trainer = start("run", *styled, "training.save_every=1")
    trainer.fit()
    run = trainer.run
    assert [path.name for path in run.state.checkpoints()] == ["step_00000003.pt", "step_00000004.pt"]
    lines = [json.loads(line) for line in run.log.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["images_seen"] == 8
    assert set(lines[0]["terms"]) >= {"generator/adversarial", "generator/kl", "discriminator/real"}
    assert list(run.tensorboard.glob("events.out.tfevents.*"))
    model = load_model(run.model)
    assert model.card.steps == 4
    assert model.card.images_seen == 8
    assert set(model.networks) == {"generator", "encoder"}
    # Two validation layouts; colours, photo, generated and averaged: 4 tiles of 64 pixels and their 4-pixel gaps.
    assert decode_image(run.samples / "step_00000004.png").shape == (2 * 68, 4 * 68, 3)


def test_log_lines_are_means_of_their_window(start: Start) -> None:
    every, pairs = start("every", "training.log_every=1"), start("pairs", "training.log_every=2")
    every.fit()
    pairs.fit()
    ones, twos = ([json.loads(line)["terms"] for line in t.run.log.read_text().splitlines()] for t in (every, pairs))
    for name, value in twos[1].items():
        assert value == pytest.approx((ones[2][name] + ones[3][name]) / 2, rel=1e-12)


def test_log_forgets_steps_after_the_checkpoint(start: Start, listener: Any) -> None:
    def crash(step: int) -> None:
        if step == 4:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        start("run", "training.save_every=2", "training.log_every=1", listener=listener(crash)).fit()
    trainer = start("run", "training.log_every=1", resume=True)
    assert trainer.step == 2
    trainer.fit()
    steps = [json.loads(line)["step"] for line in trainer.run.log.read_text().splitlines()]
    assert steps == [1, 2, 3, 4]


def test_two_micro_batches_equal_one_batch(start: Start) -> None:
    alone = ("generator.norm=instance", "generator.spectral=false", "discriminator.spectral=false")
    settings = (*alone, "training.batch_size=4", "training.precision=64-true")
    one, two = start("one", *settings), start("two", *settings, "training.accumulate=2")
    one.fit()
    two.fit()
    for name, network in one.recipe.networks.items():
        for a, b in zip(network.parameters(), two.recipe.networks[name].parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


def test_batch_must_divide_into_micro_batches(start: Start) -> None:
    with pytest.raises(SemsynthError, match=r"training\.batch_size=3 .* use 2 or 4"):
        start("run", "training.batch_size=3", "training.accumulate=2")


def test_phases_freeze_the_other_networks(start: Start) -> None:
    trainer = start("run")
    generator, discriminator = trainer.recipe.phases
    for phase in (generator, discriminator, generator):
        networks = freeze_all_but(trainer.recipe.networks, phase)
        for name, network in networks.items():
            assert all(p.requires_grad == (name in phase.trains) for p in network.parameters())


def test_generator_rests_between_its_steps(start: Start) -> None:
    trainer = start("run", "discriminator_steps_per_generator=2", "training.steps=2")
    weights = []
    trainer.observer.on_step = lambda step: weights.append(  # type: ignore[attr-defined]
        {n: next(x.parameters()).detach().clone() for n, x in trainer.recipe.networks.items()}
    )
    trainer.fit()
    assert torch.equal(weights[0]["generator"], weights[1]["generator"])
    assert not torch.equal(weights[0]["discriminator"], weights[1]["discriminator"])


def test_learning_rate_follows_the_schedule(start: Start) -> None:
    # 6 images, 3 a step: 2 steps an epoch; 1 epoch at the full rate, then 2 of decay: factors 1, 1, 1/2.
    settings = ("training.batch_size=3", 'schedule={"epochs": 1, "decay_epochs": 2}', "training.log_every=1")
    trainer = start("run", *settings, "training.steps=null")
    assert trainer.total_steps == 6
    trainer.fit()
    rates = [line.learning_rates["generator"] for line in trainer.observer.lines]  # type: ignore[attr-defined]
    used = [1e-4, *rates[:-1]]  # a line tells the rate of the step that follows
    assert used == pytest.approx([1e-4, 1e-4, 1e-4, 1e-4, 0.5e-4, 0.5e-4])
    assert trainer.learner.optimizers["generator"].param_groups[0]["lr"] == pytest.approx(0.5e-4)


def test_nan_in_a_term_stops_with_step_term_and_checkpoint(start: Start) -> None:
    trainer = start("run", "training.save_every=2", "training.log_every=3", "training.steps=20")
    discriminator = trainer.recipe.networks["discriminator"]

    def poison(step: int) -> None:
        if step == 3:
            with torch.no_grad():
                next(discriminator.parameters()).fill_(math.nan)

    trainer.observer.on_step = poison  # type: ignore[attr-defined]
    with pytest.raises(SemsynthError) as failure:
        trainer.fit()
    message = str(failure.value)
    assert "\n" not in message
    assert "step 4: the loss term 'generator/adversarial' is nan" in message
    assert "step_00000002.pt" in message
    assert [path.name for path in trainer.run.state.checkpoints()] == ["step_00000002.pt"]


def test_weights_that_are_not_finite_are_not_saved(start: Start) -> None:
    trainer = start("run", "training.save_every=2")

    def poison(step: int) -> None:
        if step == 2:  # after the last look at the terms, before saving
            with torch.no_grad():
                next(trainer.recipe.networks["generator"].parameters()).fill_(math.inf)

    trainer.observer.on_step = poison  # type: ignore[attr-defined]
    with pytest.raises(SemsynthError, match="step 2: weights of 'generator' are NaN or infinite"):
        trainer.fit()
    assert trainer.run.state.checkpoints() == []
    assert not trainer.run.model.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_saves_and_stops_and_the_run_can_go_on(start: Start, listener: Any, number: signal.Signals) -> None:
    whole = start("whole")
    whole.fit()

    def interrupt(step: int) -> None:
        if step == 3:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    assert start("run", listener=listener(interrupt)).fit() == number
    assert signal.getsignal(number) is before
    rest = start("run", resume=True)
    assert rest.step == 3
    assert rest.fit() is None
    assert_same_state(whole, rest)


def test_signal_in_the_last_step_does_not_hide_completion(start: Start, listener: Any) -> None:
    trainer = start("run", listener=listener(lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 4 else None))
    assert trainer.fit() is None
    assert trainer.run.model.is_dir()


def test_damaged_photo_is_one_line_also_from_a_worker(start: Start, toy_data: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(toy_data, broken)
    photo = sorted((broken / "train" / "images").iterdir())[0]
    photo.write_bytes(photo.read_bytes()[:200])
    for workers in (0, 1):
        trainer = start(f"run{workers}", f"training.workers={workers}", data=broken)
        with pytest.raises(SemsynthError) as failure:
            trainer.fit()
        assert str(photo) in str(failure.value)
        assert "\n" not in str(failure.value)


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_arithmetic_trains_and_resumes(start: Start, styled: tuple[str, ...], precision: str) -> None:
    settings = (*styled, f"training.precision={precision}")
    whole = start("whole", *settings)
    whole.fit()
    start("parts", *settings, "training.steps=2").fit()
    rest = start("parts", *settings, resume=True)
    rest.fit()
    assert_same_state(whole, rest)
    dtype = torch.float64 if precision == "64-true" else torch.float32
    assert next(rest.recipe.networks["generator"].parameters()).dtype == dtype


def test_beginning_with_a_model_takes_its_weights_only(start: Start, toy_data: Path) -> None:
    first = start("first")
    first.fit()
    second = start("second")
    record = second.run.open()
    data = open_data(toy_data)
    recipe = build_recipe(record, data)
    assert begin_with(first.run.model, recipe).networks == ("generator",)
    theirs = load_model(first.run.model).networks["generator"].state_dict()
    for key, value in recipe.networks["generator"].state_dict().items():
        torch.testing.assert_close(value, theirs[key], rtol=0, atol=0)
    wider = record.model_copy(
        update={"config": {**record.config, "generator": {**record.config["generator"], "width": 3}}}
    )
    with pytest.raises(SemsynthError, match="its generator has other shapes"):
        begin_with(first.run.model, build_recipe(wider, data))


def test_resuming_with_another_recipe_is_refused(start: Start) -> None:
    start("run", "training.steps=1").fit()
    with pytest.raises(SemsynthError, match=r"generator\.width is 3, but the checkpoint was trained with 2"):
        start("run", "generator.width=3", resume=True)


def test_resuming_before_the_first_checkpoint_begins_again(start: Start) -> None:
    start("run")
    trainer = start("run", resume=True)
    assert trainer.step == 0
    whole = start("whole")
    trainer.fit()
    whole.fit()
    assert_same_state(whole, trainer)


def test_complete_run_resumes_to_nothing(start: Start) -> None:
    start("run", "training.steps=2").fit()
    trainer = start("run", "training.steps=2", resume=True)
    state = trainer.run.state.checkpoints()[-1].stat().st_mtime_ns
    assert trainer.fit() is None
    assert trainer.step == 2
    assert trainer.run.state.checkpoints()[-1].stat().st_mtime_ns == state


def test_every_step_has_its_own_noise(start: Start, listener: Any) -> None:
    seeds: list[int] = []
    start("run", listener=listener(lambda step: seeds.append(torch.initial_seed()))).fit()
    assert len(set(seeds)) == 4


def test_steps_leave_no_tensors_behind(start: Start, styled: tuple[str, ...], listener: Any) -> None:
    alive: list[int] = []

    def count(step: int) -> None:
        if step % 4 == 0:
            gc.collect()
            alive.append(sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects()))

    settings = ("training.steps=12", "training.log_every=4", "training.save_every=4", "training.sample_every=4")
    start("run", *styled, *settings, listener=listener(count)).fit()
    assert alive[0] == alive[1] == alive[2]


@pytest.mark.parametrize("val", ["none", "labels only"])
def test_previews_do_without_validation_photos(start: Start, toy_data: Path, tmp_path: Path, val: str) -> None:
    data = tmp_path / "data"
    shutil.copytree(toy_data, data)
    shutil.rmtree(data / "val" if val == "none" else data / "val" / "images")
    trainer = start("run", "training.steps=1", data=data)
    trainer.fit()
    rows, columns = (6, 3) if val == "none" else (2, 2)  # training layouts with photos; colours and picture only
    assert decode_image(trainer.run.samples / "step_00000001.png").shape == (rows * 68, columns * 68, 3)


def test_output_below_a_file_is_one_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SemsynthError, match="a part of that path is a file"):
        start("file/run")


def test_time_ends_a_training_and_counts_over_sessions(start: Callable[..., Trainer]) -> None:
    first = start("run", f"training.steps={ENDLESS}", "training.log_every=1")
    assert first.fit(seconds=1e-6) is None
    assert (first.step, first.total_steps) == (1, 1)
    assert json.loads((first.run.model / "card.json").read_text())["steps"] == 1
    state = torch.load(first.run.state.checkpoints()[-1], weights_only=True)
    assert state["seconds"] > 0

    spent = start("run", f"training.steps={ENDLESS}", resume=True)
    assert spent.fit(seconds=state["seconds"]) is None
    assert spent.step == 1
    more = start("run", f"training.steps={ENDLESS}", resume=True)
    assert more.fit(seconds=state["seconds"] + 1e-3) is None
    assert more.step == 2
