"""OASIS's networks against the official ones."""

from __future__ import annotations

import re

import torch
from parity.golden import DTYPE, Case
from parity.spade_networks import COUNTER_REASON
from torch import Tensor, nn

from semsynth.convert.oasis import load_official_state, official_names
from semsynth.convert.oasis_options import discriminator_config, generator_config, parse_options
from semsynth.convert.official import COUNTER
from semsynth.layout import LayoutBatch
from semsynth.models.oasis import OASISDiscriminator, OASISDiscriminatorConfig, OASISGenerator, OASISGeneratorConfig


def case_layout(case: Case, name: str = "label") -> LayoutBatch:
    """The layouts of a case: its maps hold the encoding's channels."""
    encoding = generator_config(parse_options(case.opt, case.name)).encoding
    layout = LayoutBatch.from_channels(case.stored(name)[:, 0].long(), encoding)
    if "semantics" in case:
        case.require_equal("semantics", layout.full.one_hot())
    return layout


def case_generator(case: Case) -> OASISGeneratorConfig:
    """The generator of a case; nhidden is a constant of the official code that one case changed."""
    config = generator_config(parse_options(case.opt, case.name))
    return config.model_copy(update={"hidden": case.about.get("nhidden", config.hidden)})


def case_discriminator(case: Case, widths: str, last: str) -> OASISDiscriminatorConfig:
    """The discriminator of a case, whose widths stand under ``widths`` and ``last`` in the JSON."""
    config = discriminator_config(parse_options(case.opt, case.name))
    width = case.section(widths)[1]
    assert case.about[widths] == [3, width, width, 2 * width, 2 * width, 4 * width, 4 * width]
    return config.model_copy(update={"width": width, "last_width": int(case.scalar(last))})


def load_state(case: Case, network: nn.Module, prefix: str) -> None:
    """Load the official state under ``prefix`` into ``network``."""
    assert not load_official_state(network, case.state(prefix), case.name).unused


def compare_state(case: Case, network: nn.Module, prefix: str) -> None:
    """Compare all or a part of a network's state with the official one under ``prefix``."""
    ours = {official: name for name, official in official_names(network).items()}
    state = network.state_dict()
    for official in case.under(prefix):
        if official.endswith(COUNTER):
            case.not_applicable(COUNTER_REASON, prefix + official)
        else:
            case.compare(prefix + official, state[ours[official]])


def check_generator(case: Case) -> None:
    config = case_generator(case)
    assert list(config.start_size) == case.section("start_size_h_w")
    assert [factor * config.width for factor in (16, 16, 16, 8, 4, 2, 1)] == case.section("channels")
    _leave_patch(case)
    generator = OASISGenerator(config).to(DTYPE)
    layout = case_layout(case)
    for remark, z in _ways_to_give_noise(case, layout):
        load_state(case, generator, "state.")
        generator.use("dense" if "dense" in remark else "tables")
        activations: dict[str, Tensor] = {}
        handles = [_record(block, f"body.{i}", activations) for i, block in enumerate(generator.body)]
        handles.append(_record_input(generator.body[0], "fc", activations))
        with torch.no_grad():
            case.compare(f"out ({remark})", generator.eval()(layout, z))
        for handle in handles:
            handle.remove()
        for name in case.under("act."):
            case.compare(f"act.{name} ({remark})", activations[name])
        if "out_train_forward" in case:
            with torch.no_grad():
                case.compare(f"out_train_forward ({remark})", generator.train()(layout, z))
            compare_state(case, generator, "after_train_forward.")


def _ways_to_give_noise(case: Case, layout: LayoutBatch) -> list[tuple[str, Tensor | None]]:
    if "z" not in case:
        return [("dense", None), ("tables", None)]
    z = case.input("z")
    repeated = z[:, :, None, None].expand(-1, -1, *layout.size)
    return [("dense", z), ("tables", z), ("tables, noise of every pixel", repeated)]


def _record(module: nn.Module, name: str, activations: dict[str, Tensor]) -> torch.utils.hooks.RemovableHandle:
    return module.register_forward_hook(lambda module, inputs, output: activations.__setitem__(name, output.clone()))


def _record_input(module: nn.Module, name: str, activations: dict[str, Tensor]) -> torch.utils.hooks.RemovableHandle:
    return module.register_forward_pre_hook(lambda module, inputs: activations.__setitem__(name, inputs[0].clone()))


def check_discriminator(case: Case) -> None:
    discriminator = OASISDiscriminator(case_discriminator(case, "channels", "last_channels")).to(DTYPE).eval()
    _leave_patch(case)
    load_state(case, discriminator, "state.")
    activations: dict[str, Tensor] = {}
    for i in range(6):
        _record(discriminator.down[i], f"body_down.{i}", activations)
        _record(discriminator.up[i], f"body_up.{i}", activations)
    image = case.input("image")
    with torch.no_grad():
        case.compare("out", discriminator(image))
        for name in case.under("act."):
            case.compare(f"act.{name}", activations[name])
        if "out_train_forward" in case:
            case.compare("out_train_forward", discriminator.train()(image))
            compare_state(case, discriminator, "after_train_forward.")


def check_published_shapes(case: Case) -> None:
    options = parse_options(case.opt, case.name)
    with torch.device("meta"):
        networks: dict[str, nn.Module] = {
            "G": OASISGenerator(generator_config(options)),
            "D": OASISDiscriminator(discriminator_config(options)),
        }
    shapes = case.section("shapes") if "shapes" in case.about else {}
    for prefix, network in networks.items():
        assert case.scalar(f"parameters.{prefix}") == sum(value.numel() for value in network.parameters())
        state = network.state_dict()
        names = {official: name for name, official in official_names(network).items()}
        for official in case.under(f"{prefix}."):
            key = f"{prefix}.{official}"
            if official.endswith(COUNTER):
                case.not_applicable(COUNTER_REASON, key)
                continue
            shape = torch.tensor(state[names.pop(official)].shape)
            stored = case.stored(key)
            case.compare(key, shape, torch.tensor(shapes[key]) if shapes else stored)
        assert not names


def _leave_patch(case: Case) -> None:
    if case.about["patch"] is None:
        case.section("patch")
    else:
        case.not_applicable(re.sub(r"\s+", " ", case.about["patch"]), "patch")
