"""Every golden case, dispatched on what its JSON says was run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from parity import (
    crn,
    data_transforms,
    oasis_losses,
    oasis_networks,
    oasis_training,
    pix2pixhd_losses,
    pix2pixhd_networks,
    spade_losses,
    spade_networks,
    spade_training,
)
from parity.golden import Case, Check, golden_folders

from semsynth.recipes import RECIPES

CHECKS: dict[tuple[str, str], Check] = {
    ("spade", "models.networks.generator.SPADEGenerator"): spade_networks.check_generator,
    ("spade", "models.networks.discriminator.MultiscaleDiscriminator"): spade_networks.check_discriminator,
    ("spade", "models.networks.encoder.ConvEncoder"): spade_networks.check_encoder,
    ("spade", "models.networks.loss.GANLoss / KLDLoss"): spade_losses.check_loss_functions,
    (
        "spade",
        "models.pix2pix_model.Pix2PixModel.compute_generator_loss / compute_discriminator_loss",
    ): spade_losses.check_objective,
    ("spade", "trainers.pix2pix_trainer.Pix2PixTrainer"): spade_training.check_training,
    ("spade", "data.base_dataset.get_params / get_transform"): data_transforms.check_data_transforms,
    ("pix2pixhd", "models.networks.GlobalGenerator"): pix2pixhd_networks.check_generator,
    ("pix2pixhd", "models.networks.LocalEnhancer"): pix2pixhd_networks.check_generator,
    ("pix2pixhd", "models.networks.MultiscaleDiscriminator"): pix2pixhd_networks.check_discriminator,
    (
        "pix2pixhd",
        "models.networks.Encoder; Pix2PixHDModel.encode_features / sample_features",
    ): pix2pixhd_networks.check_encoder,
    ("pix2pixhd", "models.pix2pixHD_model.Pix2PixHDModel.forward (losses)"): pix2pixhd_losses.check_objective,
    ("pix2pixhd", "Pix2PixHDModel.forward + train.py iteration body"): pix2pixhd_losses.check_training,
    **{
        ("crn", f"demo_{size}p.py: recursive_generator{losses}"): crn.check
        for size in (256, 512, 1024)
        for losses in ("", ", build_vgg19, compute_error, G_loss")
    },
    ("pix2pixhd", "data.base_dataset.get_params / get_transform"): data_transforms.check_data_transforms,
    ("oasis", "models.generator.OASIS_Generator"): oasis_networks.check_generator,
    ("oasis", "models.discriminator.OASIS_Discriminator"): oasis_networks.check_discriminator,
    ("oasis", "OASIS_Generator / OASIS_Discriminator at published size"): oasis_networks.check_published_shapes,
    ("oasis", "models.models.generate_labelmix"): oasis_losses.check_label_mix,
    (
        "oasis",
        "models.losses.losses_computer (loss, loss_labelmix), models.models.generate_labelmix",
    ): oasis_losses.check_losses,
    (
        "oasis",
        "models.models.OASIS_model + the loop body of train.py + utils.utils.update_EMA",
    ): oasis_training.check_training,
}
"""(system, what was run) -> the test."""

CASES = sorted(path for folder in golden_folders() for path in folder.glob("*.json"))


def test_there_are_cases() -> None:
    empty = [folder for folder in golden_folders() if not any(folder.glob("*.json"))]
    if not empty:
        return
    reason = f"{empty[0]} holds no cases: set SEMSYNTH_GOLDEN to their folders"
    if os.environ.get("SEMSYNTH_REQUIRE_SHARED") == "1" or "SEMSYNTH_GOLDEN" in os.environ:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden(path: Path, record_property: Callable[[str, object], None]) -> None:
    case = Case(path)
    check = find_check(case)
    try:
        check(case)
        case.finish()
    finally:
        record_property("parity", case.summary())  # printed at the end: see the terminal summary in tests/conftest.py


def find_check(case: Case) -> Check:
    """The test that claims ``case``; skips cases of systems that do not exist here, fails where none claims it."""
    system = case.system
    assert system is not None, f"{case.name} is of an unknown commit: add it to SYSTEMS"
    check = CHECKS.get((system, case.cls))
    if check is None and system not in RECIPES:
        pytest.skip(f"system not built yet: {system}")
    assert check is not None, f"no test claims {case.name}: add '{case.cls}' to CHECKS"
    return check
