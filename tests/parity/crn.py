"""Cascaded refinement networks against the official TensorFlow code: forward, losses, gradients, steps of Adam."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from parity.golden import DTYPE, Case
from torch import Tensor

from semsynth.classes import ClassInfo, ClassSet
from semsynth.convert.crn import generator_config, load_official_state, official_names, reordered
from semsynth.data.sample import Batch
from semsynth.data.transforms import Pipeline
from semsynth.layout import LayoutBatch
from semsynth.losses.content import MATCONVNET, PIXEL_RANGE
from semsynth.losses.level_weights import LevelWeights, official_weights
from semsynth.models.crn import CascadedRefinementNetwork
from semsynth.models.vgg import VGG19
from semsynth.ops import doubled_conv
from semsynth.recipes.base import Step
from semsynth.recipes.crn import ContentConfig, CRNConfig, CRNRecipe

MEAN_SHARE = 0.001
"""Of the official loss of collections."""
NEAR_ZERO = 1e-5
"""Gradients below this share of the largest are as much rounding as signal, and Adam divides one by the other; the
official Adam adds its epsilon, 1e-8, at another place, too."""


def check(case: Case) -> None:
    """The case's networks are narrow: by default their enlarged features are convolved directly."""
    for channels in (doubled_conv.WORTHWHILE_CHANNELS, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(doubled_conv, "WORTHWHILE_CHANNELS", channels)
            _check(case)


def _check(case: Case) -> None:
    variables = case.state("state.")
    config = generator_config(variables, False, case.name)
    count = case.opt["diversity_outputs"]
    assert config.encoding.num_classes == case.opt["label_nc"]
    assert config.count == max(1, count)
    assert list(config.widths) == [case.opt["dims"][str(4 << number)] for number in range(config.refinements)]
    generator = config.build().to(DTYPE)
    assert not load_official_state(generator, variables, case.name).unused
    layout = LayoutBatch.from_channels(case.stored("label"), config.encoding)
    assert layout.size == (case.opt["sp"], 2 * case.opt["sp"])
    _check_forward(case, generator, layout)
    if case.opt["lambdas"] is not None:
        recipe, batch = _recipe(case, generator), _batch(case, layout)
        _check_losses(case, recipe, batch)
        _check_training(case, recipe, batch)


def _check_forward(case: Case, generator: CascadedRefinementNetwork, layout: LayoutBatch) -> None:
    height, width = layout.size
    case.compare("label_half", layout.averaged(height // 2, width // 2).permute(0, 2, 3, 1))
    case.compare("resize_bilinear_x2_align_corners", _nhwc(doubled_conv.doubled(_nchw(case.input("resize_in")))))
    features: Tensor | None = None
    with torch.no_grad():
        for number in range(generator.config.refinements):
            features = generator.refine(number, layout, features)
            name = f"act.g_{4 << number}_conv2"
            if name in case:
                case.compare(name, _nhwc(features))
        case.compare("out", _official_range(generator(layout)))
        generator.config = generator.config.model_copy(update={"checkpointing": True})
    case.compare("out (with gradients, checkpointing)", _official_range(generator(layout)))


def _recipe(case: Case, generator: CascadedRefinementNetwork) -> CRNRecipe:
    """The recipe with the case's generator, thin VGG-19 and weights."""
    config = CRNConfig(
        generator=generator.config,
        loss=ContentConfig(weights="official_256p", mean_share=MEAN_SHARE),
        data=Pipeline(mode="none"),
    )
    infos = tuple(ClassInfo(id=i, name=str(i), color=(i, 0, 0)) for i in range(case.opt["label_nc"]))
    recipe = CRNRecipe(config, ClassSet(name="golden", classes=infos), _thin_vgg(case))
    assert not recipe.content.missing
    recipe.networks["generator"] = generator
    recipe.content.weights = LevelWeights(official_weights(*case.opt["lambdas"])).to(DTYPE)
    return recipe


def _thin_vgg(case: Case) -> VGG19:
    """The narrow VGG-19 of a case: the matconvnet file's layers are numbered as torchvision's."""
    state = {f"features.{name}": value for name, value in case.state("vgg.").items()}
    state = {name: value.permute(3, 2, 0, 1) if value.ndim == 4 else value for name, value in state.items()}
    indices = sorted({int(name.split(".")[1]) for name in state})
    vgg = VGG19([len(state[f"features.{index}.bias"]) for index in indices], MATCONVNET, "average").to(DTYPE)
    vgg.load_state_dict(state)
    return vgg


def _batch(case: Case, layout: LayoutBatch) -> Batch:
    """Official scripts may compare several pictures with one photograph."""
    image = _nchw(case.input("real_image")) / (PIXEL_RANGE / 2) - 1
    return Batch(layout, image.expand(len(layout), -1, -1, -1), tuple(map(str, range(len(layout)))))


def _check_losses(case: Case, recipe: CRNRecipe, batch: Batch) -> None:
    out = _nchw(case.input("out")).requires_grad_()
    fakes = out / (PIXEL_RANGE / 2) - 1
    assert isinstance(batch.layout, LayoutBatch)
    costs = recipe.content.costs(fakes, batch.image, batch.layout)  # [L,N,k,P]
    weighted = recipe.content.weights.values[:, None, None, None] * costs
    for level, cost in enumerate(weighted):
        expected = case.stored(f"loss.p{level}")
        actual = cost[0] if expected.ndim == 2 and len(costs[0, 0]) > 1 else cost.mean()
        if actual.ndim == 0:
            expected = expected.sum()  # one picture: nothing to choose from, whatever the class
        case.compare(f"loss.p{level}", actual, expected)
    loss = recipe.content(fakes, batch.image, batch.layout).loss
    case.compare("loss.G_loss", loss)
    case.compare("scalars.G_loss", loss)
    case.compare("grad_out", torch.autograd.grad(loss, out)[0].permute(0, 2, 3, 1))


def _check_training(case: Case, recipe: CRNRecipe, batch: Batch) -> None:
    """Steps of the recipe's phase with the optimiser that the trainer makes of it; one for the gradients at least."""
    (phase,), generator = recipe.phases, recipe.networks["generator"]
    assert isinstance(generator, CascadedRefinementNetwork)
    names = official_names(case.state("state."))
    golden = {
        prefix + name: reordered(name, case.stored(prefix + official), generator.config)
        for prefix in ("grad.", *(f"after{steps}." for steps in _steps(case)))
        for name, official in names.items()
    }
    parameters, adam = dict(generator.named_parameters()), phase.optimizer
    optimizer = torch.optim.Adam(phase.parameters(recipe.networks), adam.lr, (adam.beta1, adam.beta2))
    near_zero = {name: torch.zeros_like(value, dtype=torch.bool) for name, value in parameters.items()}
    for step in range(1, max(_steps(case), default=1) + 1):
        optimizer.zero_grad()
        loss = phase.terms(recipe.networks, batch, Step())["content"]
        loss.backward()
        _compare_scalar(case, f"step{step}.G_loss", loss)
        for name, value in parameters.items():
            assert value.grad is not None
            near_zero[name] |= value.grad.abs() <= NEAR_ZERO * value.grad.abs().max()
            if step == 1:
                case.compare(f"grad.{names[name]}", value.grad, golden[f"grad.{name}"])
        optimizer.step()
        for name, value in parameters.items() if step in _steps(case) else ():
            expected = golden[f"after{step}.{name}"]
            assert float((value.detach() - expected).abs().max()) <= 2 * adam.lr, f"{name} after step {step}"
            case.compare(
                f"after{step}.{names[name]}", torch.where(near_zero[name], expected.to(DTYPE), value.detach()), expected
            )
        _compare_scalar(case, f"loss_after{step}", lambda: phase.terms(recipe.networks, batch, Step())["content"])
    share = sum(int(mask.sum()) for mask in near_zero.values()) / sum(mask.numel() for mask in near_zero.values())
    assert share < 0.1, f"{share:.0%} of the gradients are near zero: the weights were hardly compared"


def _steps(case: Case) -> set[int]:
    """Numbers of steps after which there are weights."""
    return {int(name.split(".")[0]) for name in case.under("after")}


def _compare_scalar(case: Case, name: str, value: Tensor | Callable[[], Tensor]) -> None:
    """Compare a number of the JSON if it is there."""
    if name in case.about.get("scalars", {}):
        case.compare(f"scalars.{name}", value() if callable(value) else value)


def _official_range(images: Tensor) -> Tensor:
    return _nhwc((images + 1) / 2 * PIXEL_RANGE)


def _nchw(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _nhwc(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)
