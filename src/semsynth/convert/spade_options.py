"""The official SPADE code's options, as far as they say what to build and how to train it, as our configs.

Names and defaults are those of the official ``options/*.py``, ``models/*.py`` and ``models/networks/*.py``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from semsynth.classes import VOID
from semsynth.convert.option_files import read_option_file
from semsynth.convert.options import checked_options
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding
from semsynth.losses.adversarial import AdversarialKind
from semsynth.models.patch import PatchDiscriminatorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.models.style_encoder import StyleEncoderConfig
from semsynth.ops.conv_norm import ConvNormKind
from semsynth.ops.norm import NormKind
from semsynth.recipes.base import Adam, Schedule, Training
from semsynth.recipes.spade import LossWeights, SPADEConfig

STYLE_DIM = 256
"""The encoder's two linear layers have this many outputs whatever ``z_dim`` says."""

_GENERATOR_NORMS: dict[str, NormKind] = {"batch": "batch", "syncbatch": "sync_batch", "instance": "instance"}
_CONV_NORMS: dict[str, ConvNormKind] = {
    "": "none",
    "none": "none",
    "instance": "instance",
    "batch": "batch",
    "sync_batch": "sync_batch",
}
_GAN_MODES: dict[str, AdversarialKind] = {
    "hinge": "hinge",
    "ls": "least_squares",
    "original": "original",
    "w": "wasserstein",
}
_UPSAMPLINGS: dict[str, Literal[5, 6, 7]] = {"normal": 5, "more": 6, "most": 7}


class OfficialOptions(BaseModel):
    """Those of the official options that matter here; the others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    netG: Literal["spade"] = "spade"  # noqa: N815  (their name)
    dataset_mode: str = "custom"
    label_nc: int = Field(ge=1, lt=VOID)
    contain_dontcare_label: bool = False
    no_instance: bool = False
    ngf: int = Field(64, ge=1, le=4096)
    norm_g: str = Field("spectralspadesyncbatch3x3", alias="norm_G")
    num_upsampling_layers: Literal["normal", "more", "most"] = "normal"
    crop_size: int = Field(256, ge=32)
    aspect_ratio: float = Field(1.0, gt=0)
    use_vae: bool = False
    z_dim: int = Field(256, ge=1)
    nhidden: int = Field(128, ge=1)
    """No option but a constant of ``normalization.py``."""
    ndf: int = 64
    norm_d: str = Field("spectralinstance", alias="norm_D")
    n_layers_d: int = Field(4, alias="n_layers_D")
    num_d: int = Field(2, alias="num_D")
    norm_e: str = Field("spectralinstance", alias="norm_E")
    gan_mode: Literal["hinge", "ls", "original", "w"] = "hinge"
    no_gan_feat_loss: bool = Field(False, alias="no_ganFeat_loss")
    no_vgg_loss: bool = False
    lambda_feat: float = 10.0
    lambda_vgg: float = 10.0
    lambda_kld: float = 0.05
    lr: float = 2e-4
    no_ttur: bool = Field(False, alias="no_TTUR")
    beta1: float | None = None
    """None: 0 with the two time-scale update rule, 0.5 without."""
    beta2: float | None = None
    """None: 0.9 with the two time-scale update rule, 0.999 without."""
    niter: int = 50
    niter_decay: int = 0
    d_steps_per_g: int = Field(1, alias="D_steps_per_G")
    batch_size: int = Field(1, alias="batchSize")
    preprocess_mode: str = "resize_and_crop"
    load_size: int = 286
    no_flip: bool = False


def read_options(path: Path) -> OfficialOptions:
    """Read options from JSON, or from the ``opt.txt`` that official training writes.

    Raises:
        SemsynthError: unreadable, or with values that cannot be.
    """
    return parse_options(read_option_file(path), str(path))


def parse_options(values: Any, source: str) -> OfficialOptions:
    """Check a dictionary of official options; one inside another under the key ``opt`` is taken, too."""
    return checked_options(OfficialOptions, values, source)


def layout_encoding(options: OfficialOptions) -> LayoutEncoding:
    """Channel order.

    ADE20K's dataset class means to shift labels by one and does not (its ``postprocess`` returns nothing): in its
    published models channel 0 is "unknown" and channel 150, meant for void, is the last class.
    """
    num_classes = options.label_nc
    void: Literal["none", "after"] = "after" if options.contain_dontcare_label else "none"
    if options.dataset_mode == "ade20k" and void == "after":
        num_classes, void = num_classes + 1, "none"
    return LayoutEncoding(num_classes=num_classes, void=void, edges=not options.no_instance)


def generator_config(options: OfficialOptions) -> SPADEGeneratorConfig:
    """The generator that ``options`` describe."""
    match = re.fullmatch(r"(spectral)?spade(batch|syncbatch|instance)([135])x\3", options.norm_g)
    if match is None:
        raise SemsynthError(
            f"norm_G '{options.norm_g}' is unknown: expected [spectral]spade(batch|syncbatch|instance)KxK, K 1, 3 or 5"
        )
    spectral, norm, kernel = match.groups()
    return SPADEGeneratorConfig.model_validate(
        {
            "encoding": layout_encoding(options),
            "width": options.ngf,
            "crop_size": options.crop_size,
            "aspect_ratio": options.aspect_ratio,
            "upsamplings": _UPSAMPLINGS[options.num_upsampling_layers],
            "norm": _GENERATOR_NORMS[norm],
            "kernel_size": int(kernel),
            "hidden": options.nhidden,
            "spectral": spectral is not None,
            "input": "noise" if options.use_vae else "layout",
            "z_dim": options.z_dim,
        }
    )


def discriminator_config(options: OfficialOptions) -> PatchDiscriminatorConfig:
    """The discriminator that ``options`` describe."""
    spectral, norm = _conv_norm(options.norm_d, "norm_D")
    return PatchDiscriminatorConfig(
        encoding=layout_encoding(options),
        width=options.ndf,
        layers=options.n_layers_d,
        scales=options.num_d,
        spectral=spectral,
        norm=norm,
    )


def encoder_config(options: OfficialOptions) -> StyleEncoderConfig:
    """The style encoder that ``options`` describe; officially it exists with ``use_vae`` only."""
    if options.crop_size < 256:
        raise SemsynthError(f"crop_size {options.crop_size}: the official style encoder needs 256 or more")
    spectral, norm = _conv_norm(options.norm_e, "norm_E")
    return StyleEncoderConfig(width=options.ngf, z_dim=STYLE_DIM, spectral=spectral, norm=norm)


def loss_weights(options: OfficialOptions) -> LossWeights:
    """Kind and weights of the loss terms."""
    return LossWeights(
        adversarial_kind=_GAN_MODES[options.gan_mode],
        feature_matching=0.0 if options.no_gan_feat_loss else options.lambda_feat,
        perceptual=0.0 if options.no_vgg_loss else options.lambda_vgg,
        perceptual_input="official",
        kl=options.lambda_kld,
    )


def recipe_config(options: OfficialOptions) -> SPADEConfig:
    """Everything: what ``options`` train, and how."""
    factor = 1 if options.no_ttur else 2
    beta1, beta2 = (0.5, 0.999) if options.no_ttur else (0.0, 0.9)
    beta1 = beta1 if options.beta1 is None else options.beta1
    beta2 = beta2 if options.beta2 is None else options.beta2
    pipeline = {
        "mode": options.preprocess_mode,
        "load_size": options.load_size,
        "crop_size": options.crop_size,
        "aspect_ratio": options.aspect_ratio,
        "flip": not options.no_flip,
        "official": "spade",
    }
    return SPADEConfig(
        generator=generator_config(options),
        discriminator=discriminator_config(options),
        encoder=encoder_config(options) if options.use_vae else None,
        loss=loss_weights(options),
        generator_optimizer=Adam(lr=options.lr / factor, beta1=beta1, beta2=beta2),
        discriminator_optimizer=Adam(lr=options.lr * factor, beta1=beta1, beta2=beta2),
        discriminator_steps_per_generator=options.d_steps_per_g,
        data=Pipeline.model_validate(pipeline),
        schedule=Schedule(epochs=options.niter, decay_epochs=options.niter_decay),
        training=Training(batch_size=options.batch_size),
    )


def _conv_norm(name: str, option: str) -> tuple[bool, ConvNormKind]:
    """Whether convolutions are spectrally normalised, and what follows them."""
    spectral = name.startswith("spectral")
    norm = _CONV_NORMS.get(name.removeprefix("spectral"))
    if norm is None:
        raise SemsynthError(f"{option} '{name}' is unknown: expected [spectral](instance|batch|sync_batch|none)")
    return spectral, norm
