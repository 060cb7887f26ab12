"""SPADE's networks against the official ones."""

from __future__ import annotations

import torch
from parity.golden import DTYPE, Case
from torch import Tensor, nn

from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.convert.official import COUNTER
from semsynth.convert.spade import load_official_state, official_names
from semsynth.convert.spade_options import (
    OfficialOptions,
    discriminator_config,
    encoder_config,
    generator_config,
    layout_encoding,
    parse_options,
)
from semsynth.layout import Layout, LayoutBatch
from semsynth.losses.divergence import kl_divergence
from semsynth.models.patch import MultiScaleDiscriminator
from semsynth.models.spade import SPADEGenerator
from semsynth.models.style_encoder import StyleEncoder, reparameterize

COUNTER_REASON = "a counter that the official synchronised norm never moves and nothing reads"


def case_options(case: Case) -> OfficialOptions:
    """The case's options; nhidden is a constant of the official code that some cases changed."""
    nhidden = case.about.get("nhidden")
    return parse_options(case.opt if nhidden is None else {**case.opt, "nhidden": nhidden}, case.name)


def case_layout(case: Case) -> LayoutBatch:
    """The layouts of a case, the way users' label maps go: ids and void in, channels out."""
    encoding = layout_encoding(case_options(case))
    num_classes = encoding.num_classes
    classes = ClassSet(
        name="golden", classes=tuple(ClassInfo(id=i, name=str(i), color=(i % 256, 0, 0)) for i in range(num_classes))
    )
    labels = case.stored("label")[:, 0].long()
    if "label_raw" in case:
        raw = case.stored("label_raw")[:, 0].long()
        assert torch.equal(torch.where(raw == 255, num_classes, raw), labels)
        labels = torch.where(raw == 255, VOID, raw)
    ids = torch.where(labels == num_classes, VOID, labels).numpy().astype("uint16")
    instances = case.stored("instance")[:, 0].int().numpy() if "instance" in case else [None] * len(ids)
    layouts = [Layout(one, classes, of_one) for one, of_one in zip(ids, instances, strict=True)]
    layout = LayoutBatch.from_layouts(layouts, encoding)
    if "semantics" in case:
        case.require_equal("semantics", layout.full.one_hot())
    return layout


def load_state(case: Case, network: nn.Module, prefix: str) -> None:
    """Load the official state under ``prefix`` into ``network``."""
    report = load_official_state(network, case.state(prefix), case.name)
    assert not report.unused


def compare_state(case: Case, network: nn.Module, prefix: str, digest: bool = False) -> None:
    """Compare all or a part of a network's state with the official one under ``prefix``."""
    ours = {official: name for name, official in official_names(network).items()}
    state = network.state_dict()
    for official in case.under(prefix):
        if official.endswith(COUNTER):
            case.not_applicable(COUNTER_REASON, prefix + official)
        elif digest:
            case.compare_digest(prefix + official, state[ours[official]])
        else:
            case.compare(prefix + official, state[ours[official]])


def check_generator(case: Case) -> None:
    config = generator_config(case_options(case))
    generator = SPADEGenerator(config).to(DTYPE)
    layout = case_layout(case)
    z = case.input("z") if "z" in case else None
    for path in ("dense", "tables"):
        load_state(case, generator, "state.")
        generator.use(path)
        activations: dict[str, Tensor] = {}
        handles = _record(generator, activations)
        with torch.no_grad():
            out = generator.eval()(layout, z)
        for handle in handles:
            handle.remove()
        case.compare(f"out ({path})", out)
        for name in case.under("act."):
            case.compare(f"act.{name} ({path})", activations[name].reshape(case.stored(f"act.{name}").shape))
        if "out_train_forward" in case:
            with torch.no_grad():
                case.compare(f"out_train_forward ({path})", generator.train()(layout, z))
            compare_state(case, generator, "after_train_forward.")


def _record(generator: SPADEGenerator, activations: dict[str, Tensor]) -> list[torch.utils.hooks.RemovableHandle]:
    """Collect the outputs of the child modules under their official names; ``fc``'s is what enters the first block."""
    names = {"head": "head_0", "middle_0": "G_middle_0", "middle_1": "G_middle_1", "to_rgb": "conv_img"}

    def keep(name: str) -> nn.modules.module._forward_hook:  # type: ignore[name-defined]
        return lambda module, inputs, output: activations.__setitem__(name, output)

    handles = [
        child.register_forward_hook(keep(names.get(name, name)))
        for name, child in generator.named_children()
        if name != "fc"
    ]
    first = lambda module, inputs: activations.__setitem__("fc", inputs[0])  # noqa: E731
    return [*handles, generator.head.register_forward_pre_hook(first)]


def check_discriminator(case: Case) -> None:
    config = discriminator_config(case_options(case))
    discriminator = MultiScaleDiscriminator(config).to(DTYPE).eval()
    load_state(case, discriminator, "state.")
    layout = case_layout(case)
    channels = config.encoding.num_channels
    both = case.input("input")
    assert torch.equal(layout.full.one_hot(DTYPE), both[:, :channels])
    with torch.no_grad():
        outputs = discriminator(layout, both[:, channels:])
    if case.opt.get("no_ganFeat_loss"):
        outputs = [scale[-1:] for scale in outputs]  # officially it then returns logits only
    names = {f"{i}.{j}": output for i, scale in enumerate(outputs) for j, output in enumerate(scale)}
    assert set(names) == set(case.under("out."))
    for name, output in names.items():
        case.compare(f"out.{name}", output)


def check_encoder(case: Case) -> None:
    encoder = StyleEncoder(encoder_config(case_options(case))).to(DTYPE).eval()
    load_state(case, encoder, "state.")
    with torch.no_grad():
        mu, logvar = encoder(case.input("image"))
    case.compare("mu", mu)
    case.compare("logvar", logvar)
    case.compare("z", reparameterize(mu, logvar, case.input("eps")))
    case.compare("kld", kl_divergence(mu, logvar))
