"""OASIS's losses, their gradients and LabelMix against the official ones."""

from __future__ import annotations

import torch
from parity.golden import Case
from parity.oasis_networks import case_layout
from parity.spade_losses import compare_value
from torch import Tensor

from semsynth.convert.oasis_options import parse_options, recipe_config
from semsynth.layout import LayoutBatch, LayoutEncoding, Level
from semsynth.losses.n_plus_one import (
    class_weights,
    judged_as_classes,
    judged_as_fake,
    label_mix,
    label_mix_consistency,
    label_mix_mask,
    official_coins,
)


def official_mask(level: Level, draws: list[int]) -> Tensor:
    """The mask that the official code makes of its coins, one for each class of the batch, ascending."""
    present = level.symbols.unique().tolist()
    coins = torch.zeros(1, level.encoding.num_labels + 1, dtype=torch.bool)
    for channel, coin in zip(present, draws, strict=True):
        coins[0, channel] = coin == 1
    return label_mix_mask(level, official_coins(coins, level))


def check_losses(case: Case) -> None:
    loss = recipe_config(parse_options({**case.opt, "batch_size": 1}, case.name)).loss
    level = case_layout(case).full
    fake, real, mixed = (case.input(f"logits_{name}").requires_grad_() for name in ("fake", "real", "mixed"))
    mask = official_mask(level, case.section("labelmix_draws"))
    case.require_equal("mask", mask)
    case.compare("mixed_image", label_mix(mask, case.input("real_image"), case.input("fake_image")))
    losses = {
        "D_fake": (judged_as_fake(fake), {"fake": fake}),
        "D_real": (judged_as_classes(real, level, loss.balanced), {"real": real}),
        "G": (judged_as_classes(fake, level, loss.balanced), {"fake": fake}),
    }
    if case.opt["no_labelmix"]:
        case.not_applicable("logits that no loss of the case reads", "logits_mixed")
    else:
        consistency = label_mix_consistency(mask.double(), real, fake, mixed)
        case.compare("scalars.LabelMix_without_lambda", consistency)
        inputs = {"fake": fake, "real": real, "mixed": mixed}
        losses["LabelMix"] = loss.label_mix_consistency * consistency, inputs
    stored = {name.partition(".")[0] for name in case.under("grad.")}
    for name, (value, inputs) in losses.items():
        compare_value(case, name, value)
        if name not in stored:
            continue
        gradients = torch.autograd.grad(value, list(inputs.values()), retain_graph=True)
        for of, gradient in zip(inputs, gradients, strict=True):
            case.compare(f"grad.{name}.logits_{of}", gradient)
    _compare_weights(case, level, loss.balanced)


def _compare_weights(case: Case, level: Level, balanced: bool) -> None:
    labels = level.symbols.long()
    counts = torch.bincount(labels.flatten(), minlength=level.encoding.num_labels).tolist()
    if case.opt["contain_dontcare_label"]:
        counts[0] = case.section("class_pixel_counts")[0]  # officially set to 0, or not, before it was stored
    assert counts == case.section("class_pixel_counts")
    weights = class_weights(level, torch.float64)[1:] if balanced else torch.ones(level.encoding.num_labels)
    case.compare("weight_map", weights[labels][:, None])
    case.require_equal("target_real", labels + 1)
    case.require_equal("target_fake", torch.zeros_like(labels))


def check_label_mix(case: Case) -> None:
    for name, about in case.section("cases").items():
        labels = case.stored(f"{name}.label")[:, 0].long()
        assert labels.unique().tolist() == about["classes"] == case.stored(f"{name}.classes").tolist()
        level = LayoutBatch.from_channels(labels, LayoutEncoding(num_classes=about["num_classes"])).full
        draws = case.stored(f"{name}.draws")
        assert draws.tolist() == about["draws"]
        masks = torch.stack([official_mask(level, one) for one in about["draws"]])
        case.require_equal(f"{name}.masks", masks)
        images = case.input(f"{name}.real_image"), case.input(f"{name}.fake_image")
        case.compare(f"{name}.mixed_image", label_mix(masks[0], *images))
        overwritten = sum(
            bool((mask != _independent(level, one)).any()) for mask, one in zip(masks, draws, strict=True)
        )
        case.compare(f"cases.{name}.cases_where_class0_is_overwritten", float(overwritten))


def _independent(level: Level, draws: Tensor) -> Tensor:
    """The mask of the same coins where no class reads another one's."""
    coins = torch.zeros(1, level.encoding.num_labels + 1, dtype=torch.bool)
    coins[0, level.symbols.unique().long()] = draws.bool()
    return label_mix_mask(level, coins)
