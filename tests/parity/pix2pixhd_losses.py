"""pix2pixHD's losses and their gradients, and iterations of its training, against the official ones."""

from __future__ import annotations

import torch
from parity.golden import DTYPE, Case
from parity.phases import adam_of, run_phase
from parity.pix2pixhd_networks import case_condition, case_options, compare_state, load_state
from parity.spade_losses import compare_value, thin_vgg
from torch import Tensor

from semsynth.classes import ClassInfo, ClassSet
from semsynth.convert.pix2pixhd import official_names
from semsynth.convert.pix2pixhd_options import recipe_config
from semsynth.data.sample import Batch
from semsynth.layout_ops.objects import ObjectMap
from semsynth.losses.perceptual import PerceptualLoss
from semsynth.models.input_convention import OFFICIAL_SPADE
from semsynth.models.patch import MultiScaleDiscriminator
from semsynth.recipes.base import Phase, Step
from semsynth.recipes.pix2pixhd import Pix2PixHDRecipe

NETWORKS = {"netG": "generator", "netD": "discriminator", "netE": "encoder"}
TERMS = {
    "adversarial": "G_GAN",
    "feature_matching": "G_GAN_Feat",
    "perceptual": "G_VGG",
    "fake": "D_fake",
    "real": "D_real",
}
KEPT = "gradients of weights that keep their values, which are not computed here"
SINGLE_PRECISION = "how far the official code's own single precision strays; here everything runs in double precision"


def check_objective(case: Case) -> None:
    recipe, batch = _recipe(case), _batch(case)
    load_state(case, recipe.networks["discriminator"], "state.netD.")
    fake = case.input("fake_image").requires_grad_()
    networks = {**recipe.networks, "generator": _Constant(fake)}
    generator, discriminator = recipe.phases
    step = Step()
    terms = generator.terms(networks, batch, step)
    for name, term in terms.items():
        weighted = generator.weights[name] * term
        compare_value(case, TERMS[name], weighted)
        case.compare(f"grad_fake.{TERMS[name]}", torch.autograd.grad(weighted, fake, retain_graph=True)[0])
    terms = discriminator.terms(networks, batch, step)
    for name, term in terms.items():
        compare_value(case, TERMS[name], 2 * discriminator.weights[name] * term)  # officially halved when added up
    network = recipe.networks["discriminator"]
    names = official_names(network, features=not case.opt["no_ganFeat_loss"])
    parameters = {names[name]: value for name, value in network.named_parameters()}
    loss = sum(discriminator.weights[name] * term for name, term in terms.items())
    gradients = dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))
    vanishing = case.compare_gradients("grad_netD.", gradients)
    assert set(vanishing) == {names[f"{conv}.bias"] for conv in _before_instance_norm(network)}


def _before_instance_norm(discriminator: torch.nn.Module) -> list[str]:
    """Convolutions whose bias a normalisation takes away again."""
    assert isinstance(discriminator, MultiScaleDiscriminator)
    config = discriminator.config
    return [
        f"scales.{scale}.convs.{layer}"
        for scale in range(config.scales)
        for layer in range(1, config.layers)
        if config.norm != "none"
    ]


class _Constant(torch.nn.Module):
    """A generator that always makes the same picture."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.image = image

    def forward(self, *_: object) -> Tensor:
        return self.image


def check_training(case: Case) -> None:
    recipe, batch = _recipe(case), _batch(case)
    used = {official: name for official, name in NETWORKS.items() if name in recipe.networks}
    for official, name in used.items():
        load_state(case, recipe.networks[name].train(), f"state.{official}.")
    optimizers = {phase.name: adam_of(recipe, phase) for phase in recipe.phases}
    steps = max(int(name.split(".")[0]) for name in case.under("after"))
    fakes: list[Tensor] = []
    recipe.networks["generator"].register_forward_hook(lambda module, inputs, output: fakes.append(output.detach()))
    for step in range(1, steps + 1):
        shared = Step(step - 1)
        for phase in recipe.phases:
            values = run_phase(recipe, phase, batch, shared, optimizers[phase.name])
            for name, value in values.items():
                halved = 2 if phase.name == "discriminator" else 1
                case.compare(f"losses_float64.step{step}.{TERMS[name]}", halved * value)
            if step == 1:
                _compare_gradients(case, recipe, phase)
        assert len(fakes) == step, "one picture per step: the discriminator judges that of the generator's phase"
        case.compare(f"fake.step{step}", fakes[-1])
        for official, name in used.items():
            compare_state(case, recipe.networks[name], f"after{step}.{official}.")
    for key in case.about:
        if key.startswith("f32_vs_f64"):
            case.not_applicable(SINGLE_PRECISION, key)
        elif key == "losses_float32":
            case.not_applicable(SINGLE_PRECISION, *(f"{key}.{name}" for name in case.about[key]))


def _recipe(case: Case) -> Pix2PixHDRecipe:
    config = recipe_config(case_options(case))
    infos = tuple(ClassInfo(id=i, name=str(i), color=(0, 0, 0)) for i in range(config.generator.encoding.num_classes))
    perceptual = None
    if config.loss.perceptual:
        perceptual = PerceptualLoss(thin_vgg(case), convention=OFFICIAL_SPADE)
        assert not perceptual.missing
    recipe = Pix2PixHDRecipe(config, ClassSet(name="golden", classes=infos), perceptual)
    for network in recipe.networks.values():
        network.to(DTYPE)
    return recipe


def _batch(case: Case) -> Batch:
    image = case.input("image")
    pooled_by = case.stored("label" if case.opt.get("label_feat") else "instance")[:, 0]
    names = tuple(str(i) for i in range(len(image)))
    return Batch(case_condition(case), image, names, ObjectMap.of(pooled_by))


def _compare_gradients(case: Case, recipe: Pix2PixHDRecipe, phase: Phase) -> None:
    for official, name in NETWORKS.items():
        if name not in phase.trains:
            continue
        network = recipe.networks[name]
        names = official_names(network, features=not case.opt["no_ganFeat_loss"])
        prefix = f"grad.{official}."
        moved = {key for key, _ in network.named_parameters() if phase.moves is None or phase.moves(name, key)}
        kept = [prefix + names[key] for key, _ in network.named_parameters() if key not in moved]
        case.not_applicable(KEPT, *(key for key in kept if key in case))
        gradients = {names[key]: value.grad for key, value in network.named_parameters() if key in moved}
        case.compare_gradients(
            prefix, {key: value for key, value in gradients.items() if value is not None}, left_out=kept
        )
