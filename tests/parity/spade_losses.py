"""SPADE's losses and their gradients against the official ones."""

from __future__ import annotations

import torch
from parity.golden import DTYPE, Case
from parity.spade_networks import case_layout, case_options, load_state
from torch import Tensor

from semsynth.convert.spade import official_names
from semsynth.convert.spade_options import discriminator_config, loss_weights, parse_options
from semsynth.losses.adversarial import discriminator_loss, generator_loss
from semsynth.losses.divergence import kl_divergence
from semsynth.losses.feature_matching import feature_matching_loss
from semsynth.losses.perceptual import PerceptualLoss
from semsynth.models.input_convention import OFFICIAL_SPADE
from semsynth.models.patch import MultiScaleDiscriminator
from semsynth.models.vgg import VGG19


def compare_value(case: Case, name: str, value: Tensor) -> None:
    """Compare a loss with the tensor and with the number of the JSON."""
    case.compare(f"loss.{name}", value)
    case.compare(f"scalars.{name}", value)


def check_loss_functions(case: Case) -> None:
    modes = sorted({name.split(".")[0] for name in case.under("loss.")} - {"kld"})
    for mode in modes:
        kind = loss_weights(parse_options({**case.opt, "gan_mode": mode}, case.name)).adversarial_kind
        fake, real = _scales(case, "fake."), _scales(case, "real.")
        losses = {
            "D_fake": (fake, discriminator_loss(kind, fake, real=False)),
            "D_real": (real, discriminator_loss(kind, real, real=True)),
            "G": (fake, generator_loss(kind, fake)),
        }
        for name, (outputs, loss) in losses.items():
            compare_value(case, f"{mode}.{name}", loss)
            gradients = torch.autograd.grad(loss, [scale[-1] for scale in outputs])
            for index, gradient in enumerate(gradients):
                case.compare(f"grad.{mode}.{name}.{index}", gradient)
    if "mu" in case:
        mu, logvar = case.input("mu").requires_grad_(), case.input("logvar").requires_grad_()
        loss = kl_divergence(mu, logvar)
        compare_value(case, "kld", loss)
        for name, gradient in zip(("mu", "logvar"), torch.autograd.grad(loss, (mu, logvar)), strict=True):
            case.compare(f"grad.kld.{name}", gradient)


def check_objective(case: Case) -> None:
    options = case_options(case)
    weights = loss_weights(options)
    discriminator = MultiScaleDiscriminator(discriminator_config(options)).to(DTYPE).eval()
    load_state(case, discriminator, "state.netD.")
    layout = case_layout(case)
    fake, real = case.input("fake_image").requires_grad_(), case.input("real_image")
    outputs = discriminator(layout, torch.cat([fake, real]))
    judged_fake = [[output[: len(fake)] for output in scale] for scale in outputs]
    judged_real = [[output[len(fake) :] for output in scale] for scale in outputs]

    terms = {"GAN": generator_loss(weights.adversarial_kind, judged_fake)}
    if weights.feature_matching:
        terms["GAN_Feat"] = weights.feature_matching * feature_matching_loss(judged_fake, judged_real)
    if weights.perceptual:
        perceptual = PerceptualLoss(thin_vgg(case), convention=OFFICIAL_SPADE)
        assert not perceptual.missing
        terms["VGG"] = weights.perceptual * perceptual(fake, real)
    for name, term in terms.items():
        compare_value(case, name, term)
        case.compare(f"grad_fake.{name}", torch.autograd.grad(term, fake, retain_graph=True)[0])

    of_fake = discriminator_loss(weights.adversarial_kind, judged_fake, real=False)
    of_real = discriminator_loss(weights.adversarial_kind, judged_real, real=True)
    compare_value(case, "D_Fake", of_fake)
    compare_value(case, "D_real", of_real)
    parameters = {official_names(discriminator)[name]: value for name, value in discriminator.named_parameters()}
    gradients = torch.autograd.grad(of_fake + of_real, list(parameters.values()))
    case.compare_gradients("grad_netD.", dict(zip(parameters, gradients, strict=True)))


def thin_vgg(case: Case) -> VGG19:
    """The narrow VGG-19 of a case: ``vgg.sliceS.N.*`` is torchvision's ``features.N.*``."""
    state = {"features." + name.split(".", 1)[1]: value for name, value in case.state("vgg.slice").items()}
    indices = sorted({int(name.split(".")[1]) for name in state})
    vgg = VGG19([len(state[f"features.{index}.bias"]) for index in indices]).to(DTYPE)
    vgg.load_state_dict(state)
    return vgg


def _scales(case: Case, prefix: str) -> list[list[Tensor]]:
    """The stored outputs of a discriminator by scale and layer; the logits, which come last, want gradients."""
    scales: dict[int, list[Tensor]] = {}
    for name in sorted(case.under(prefix), key=lambda name: tuple(map(int, name.split(".")))):
        scales.setdefault(int(name.split(".")[0]), []).append(case.input(prefix + name))
    for scale in scales.values():
        scale[-1].requires_grad_()
    return list(scales.values())
