"""The official OASIS code's options, as far as they say what to build and how to train it, as our configs.

Names and defaults are those of the official ``config.py``; what its dataset classes set beside the command line
(``label_nc``, ``semantic_nc``, ``contain_dontcare_label``, ``crop_size``, ``aspect_ratio``) comes from
:data:`DATASETS` where it is not given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from semsynth.convert.option_files import read_option_file
from semsynth.convert.options import checked_options
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding
from semsynth.models.oasis import OASISDiscriminatorConfig, OASISGeneratorConfig
from semsynth.ops.norm import NormKind
from semsynth.recipes.base import Adam, Training
from semsynth.recipes.oasis import LossWeights, OASISConfig

_NORMS: dict[str, NormKind] = {"batch": "batch", "syncbatch": "sync_batch", "instance": "instance"}

DATASETS: dict[str, dict[str, Any]] = {
    "ade20k": {"label_nc": 150, "crop_size": 256, "aspect_ratio": 1.0},
    "cityscapes": {"label_nc": 34, "crop_size": 512, "aspect_ratio": 2.0},
    "coco": {"label_nc": 182, "crop_size": 256, "aspect_ratio": 1.0},
}
"""What the official dataset classes set, by ``dataset_mode``; all three have a channel for void."""


class OfficialOptions(BaseModel):
    """Those of the official options that matter here; the others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    dataset_mode: str = "custom"
    label_nc: int = Field(ge=1, le=4096)
    contain_dontcare_label: bool = True
    crop_size: int = Field(256, ge=32)
    aspect_ratio: float = Field(1.0, gt=0)
    num_res_blocks: Literal[6] = 6
    channels_g: int = Field(64, alias="channels_G", ge=1, le=4096)
    param_free_norm: Literal["batch", "syncbatch", "instance"] = "syncbatch"
    spade_ks: Literal[1, 3, 5] = 3
    no_3dnoise: bool = False
    z_dim: int = Field(64, ge=1)
    no_spectral_norm: bool = False
    no_balancing_inloss: bool = False
    no_labelmix: bool = False
    lambda_labelmix: float = 10.0
    add_vgg_loss: bool = False
    lambda_vgg: float = 10.0
    lr_g: float = 1e-4
    lr_d: float = 4e-4
    beta1: float = 0.0
    beta2: float = 0.999
    no_ema: bool = Field(False, alias="no_EMA")
    ema_decay: float = Field(0.9999, alias="EMA_decay")
    batch_size: int = Field(1, ge=1)


def read_options(path: Path) -> OfficialOptions:
    """Read options from JSON, or from the ``opt.txt`` that official training writes.

    Raises:
        SemsynthError: unreadable, or with values that cannot be.
    """
    return parse_options(read_option_file(path), str(path))


def parse_options(values: Any, source: str) -> OfficialOptions:
    """Check a dictionary of official options.

    Raises:
        SemsynthError: values that cannot be, or a dataset that neither is known nor described.
    """
    if isinstance(values, dict) and "label_nc" not in values and "opt" not in values:
        known = DATASETS.get(str(values.get("dataset_mode")))
        if known is None:
            raise SemsynthError(f"{source} names no dataset_mode of {', '.join(DATASETS)}: give label_nc")
        values = {**values, **known}
    return checked_options(OfficialOptions, values, source)


def layout_encoding(options: OfficialOptions) -> LayoutEncoding:
    """Void's channel comes first; without one, ``label_nc`` still counts one class less than there are channels."""
    if options.contain_dontcare_label:
        return LayoutEncoding(num_classes=options.label_nc, void="before")
    return LayoutEncoding(num_classes=options.label_nc)


def generator_config(options: OfficialOptions) -> OASISGeneratorConfig:
    """What generator to build."""
    return OASISGeneratorConfig(
        encoding=layout_encoding(options),
        width=options.channels_g,
        crop_size=options.crop_size,
        aspect_ratio=options.aspect_ratio,
        z_dim=0 if options.no_3dnoise else options.z_dim,
        norm=_NORMS[options.param_free_norm],
        kernel_size=options.spade_ks,
        spectral=not options.no_spectral_norm,
    )


def discriminator_config(options: OfficialOptions) -> OASISDiscriminatorConfig:
    """What discriminator to build; the official widths are constants."""
    return OASISDiscriminatorConfig(encoding=layout_encoding(options), spectral=not options.no_spectral_norm)


def recipe_config(options: OfficialOptions) -> OASISConfig:
    """How to train, at the official sizes."""
    return OASISConfig(
        generator=generator_config(options),
        discriminator=discriminator_config(options),
        loss=LossWeights(
            balanced=not options.no_balancing_inloss,
            label_mix="none" if options.no_labelmix else "official",
            label_mix_consistency=options.lambda_labelmix,
            perceptual=options.lambda_vgg if options.add_vgg_loss else 0.0,
        ),
        generator_optimizer=Adam(lr=options.lr_g, beta1=options.beta1, beta2=options.beta2),
        discriminator_optimizer=Adam(lr=options.lr_d, beta1=options.beta1, beta2=options.beta2),
        data=Pipeline(mode="fixed", crop_size=options.crop_size, aspect_ratio=options.aspect_ratio),
        training=Training(
            batch_size=options.batch_size, ema=0.0 if options.no_ema else options.ema_decay, ema_warm_up=False
        ),
    )
