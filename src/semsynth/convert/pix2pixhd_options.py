"""The official pix2pixHD code's options, as far as they say what to build and how to train it, as our configs.

Names and defaults are those of the official ``options/*.py`` and ``models/*.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from semsynth.classes import NO_CLASSES, VOID
from semsynth.convert.option_files import read_option_file
from semsynth.convert.options import checked_options
from semsynth.data.transforms import Mode, Pipeline
from semsynth.layout import LayoutEncoding
from semsynth.models.instance_encoder import InstanceEncoderConfig
from semsynth.models.patch import PatchDiscriminatorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.recipes.base import Adam, Schedule, Training
from semsynth.recipes.pix2pixhd import LossWeights, Pix2PixHDConfig

MAX_WIDTH, MAX_DEPTH, MAX_BLOCKS = 4096, 16, 1024
"""Channels, halvings or scales, and blocks beyond which options are a mistake: such networks fill any memory."""


class OfficialOptions(BaseModel):
    """Those of the official options that matter here; the others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    label_nc: int = Field(35, ge=0, lt=VOID)
    input_nc: int = Field(3, ge=1)
    no_instance: bool = False
    netG: Literal["global", "local"] = "global"  # noqa: N815  (their name)
    ngf: int = Field(64, ge=1, le=MAX_WIDTH)
    norm: Literal["instance", "batch"] = "instance"
    n_downsample_global: int = Field(4, ge=1, le=MAX_DEPTH)
    n_blocks_global: int = Field(9, ge=0, le=MAX_BLOCKS)
    n_blocks_local: int = Field(3, ge=0, le=MAX_BLOCKS)
    n_local_enhancers: int = Field(1, ge=1, le=MAX_DEPTH)
    niter_fix_global: int = Field(0, ge=0)
    instance_feat: bool = False
    label_feat: bool = False
    feat_num: int = Field(3, ge=1, le=MAX_WIDTH)
    load_features: bool = False
    n_downsample_e: int = Field(4, alias="n_downsample_E", ge=0, le=MAX_DEPTH)
    nef: int = Field(16, ge=1, le=MAX_WIDTH)
    num_d: int = Field(2, alias="num_D", ge=1, le=MAX_DEPTH)
    n_layers_d: int = Field(3, alias="n_layers_D", ge=0, le=MAX_DEPTH)
    ndf: int = Field(64, ge=1, le=MAX_WIDTH)
    lambda_feat: float = 10.0
    no_gan_feat_loss: bool = Field(False, alias="no_ganFeat_loss")
    no_vgg_loss: bool = False
    no_lsgan: bool = False
    lr: float = 2e-4
    beta1: float = 0.5
    niter: int = 100
    niter_decay: int = 100
    batch_size: int = Field(1, alias="batchSize")
    resize_or_crop: Mode = "scale_width"
    load_size: int = Field(1024, alias="loadSize", ge=1)
    fine_size: int = Field(512, alias="fineSize", ge=1)
    no_flip: bool = False

    @property
    def has_features(self) -> bool:
        """Whether the generator reads feature channels."""
        return self.instance_feat or self.label_feat or self.load_features


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
    """Channel order: classes, then the instance boundary; there is no void (255 crashes the official code)."""
    return LayoutEncoding(num_classes=options.label_nc or NO_CLASSES.num_classes, edges=not options.no_instance)


def generator_config(options: OfficialOptions) -> Pix2PixHDGeneratorConfig:
    """The generator that ``options`` describe; officially ``ngf`` is the width of the finest part."""
    enhancers = options.n_local_enhancers if options.netG == "local" else 0
    return Pix2PixHDGeneratorConfig(
        encoding=layout_encoding(options),
        width=options.ngf * 2**enhancers,
        downsamplings=options.n_downsample_global,
        blocks=options.n_blocks_global,
        enhancers=enhancers,
        enhancer_blocks=options.n_blocks_local,
        norm=options.norm,
        features=options.feat_num if options.has_features else 0,
        image_channels=0 if options.label_nc else options.input_nc,
    )


def discriminator_config(options: OfficialOptions) -> PatchDiscriminatorConfig:
    """The discriminator that ``options`` describe; officially the first layer is not counted."""
    return PatchDiscriminatorConfig(
        encoding=layout_encoding(options),
        width=options.ndf,
        layers=options.n_layers_d + 1,
        scales=options.num_d,
        spectral=False,
        norm=options.norm,
        bias=True,
        image_channels=0 if options.label_nc else options.input_nc,
    )


def encoder_config(options: OfficialOptions) -> InstanceEncoderConfig:
    """The feature encoder that ``options`` describe."""
    return InstanceEncoderConfig(
        width=options.nef, downsamplings=options.n_downsample_e, features=options.feat_num, norm=options.norm
    )


def loss_weights(options: OfficialOptions) -> LossWeights:
    """Kind and weights of the loss terms; officially one weight serves both feature terms."""
    return LossWeights(
        adversarial_kind="original" if options.no_lsgan else "least_squares",
        feature_matching=0.0 if options.no_gan_feat_loss else options.lambda_feat,
        perceptual=0.0 if options.no_vgg_loss else options.lambda_feat,
        perceptual_input="official",
    )


def pipeline(options: OfficialOptions) -> Pipeline:
    """How ``options`` prepare photos and layouts."""
    return Pipeline(
        mode=options.resize_or_crop,
        load_size=options.load_size,
        crop_size=options.fine_size,
        multiple=generator_config(options).multiple,
        flip=not options.no_flip,
        official="pix2pixhd",
    )


def recipe_config(options: OfficialOptions) -> Pix2PixHDConfig:
    """Everything: what ``options`` train, and how.

    With ``niter_fix_global`` the official training has two parts; this is then the first one, in which the global
    generator keeps its weights for so many epochs (section 3.2, official ``update_fixed_params``).
    """
    fixed = options.niter_fix_global if options.netG == "local" else 0
    schedule = Schedule(epochs=options.niter, decay_epochs=options.niter_decay)
    adam = Adam(lr=options.lr, beta1=options.beta1, beta2=0.999)
    return Pix2PixHDConfig(
        generator=generator_config(options),
        discriminator=discriminator_config(options),
        encoder=encoder_config(options) if options.instance_feat or options.label_feat else None,
        objects="labels" if options.label_feat else "instances",
        loss=loss_weights(options),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        data=pipeline(options),
        trained="enhancer" if fixed else "everything",
        schedule=Schedule(epochs=fixed) if 0 < fixed < schedule.total_epochs else schedule,
        training=Training(batch_size=options.batch_size),
    )
