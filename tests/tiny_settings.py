"""Systems of a few thousand parameters: every mechanism of a training in a second."""

from __future__ import annotations

QUIET = ("training.log_every=2", "training.sample_every=1000", "training.save_every=1000", "training.workers=0")
"""No loader processes, and nothing saved but in the end."""
TINY = (
    "generator.width=2",
    "generator.hidden=4",
    "generator.crop_size=64",
    "discriminator.width=4",
    "discriminator.max_width=8",
    "data.load_size=72",
    "data.crop_size=64",
    "loss.perceptual=0",
    "training.batch_size=2",
    *QUIET,
    "training.steps=4",
)
STYLED = (
    "generator.input=noise",
    "generator.z_dim=4",
    'encoder={"width": 2, "z_dim": 4, "size": 32}',
    'augmentation={"color": true, "cutout": 0.5}',
    "training.ema=0.9",
)
"""Everything that draws noise, and the moving average."""
IN_FLOAT32 = ("training.precision=32-true", "training.ema=0.9")
PIX2PIXHD = (
    "generator.width=4",
    "generator.downsamplings=2",
    "generator.blocks=1",
    "generator.enhancer_blocks=1",
    "encoder.width=2",
    "encoder.downsamplings=2",
    "discriminator.width=4",
    "discriminator.max_width=8",
    "data.load_size=64",
    "data.aspect_ratio=1.0",
    "loss.perceptual=0",
    "training.batch_size=2",
    *IN_FLOAT32,
    *QUIET,
    "training.steps=3",
)
"""The ``small`` preset (instance encoder, two discriminators) with networks of a few thousand parameters."""
BASELINE = (
    "data.load_size=36",
    "data.crop_size=32",
    "training.batch_size=2",
    *IN_FLOAT32,
    *QUIET,
    "training.steps=3",
)
"""What the papers' baselines have in common."""
PIX2PIX = (
    "generator.width=2",
    "generator.halvings=4",
    "discriminator.width=4",
    "discriminator.max_width=8",
    *BASELINE,
)
OTHER_GENERATOR = (
    "discriminator.width=4",
    "discriminator.max_width=8",
    "data.aspect_ratio=1.0",
    "loss.perceptual=0",
    *BASELINE,
)
UNET_GENERATOR = ("generator.width=2", "generator.halvings=4", *OTHER_GENERATOR)
CRN_GENERATOR = ("generator.refinements=4", "generator.width_scale=0.004", *OTHER_GENERATOR)
GAN_SEGMENTATION = (
    "generator.width=2",
    "generator.halvings=3",
    "discriminator.width=2",
    "discriminator.halvings=2",
    "segmenter.width=2",
    "warm_up_steps=2",
    *BASELINE,
    "training.steps=4",
)
PIXELS_ALONE = ("loss.kind=image_space", *BASELINE)
"""CRN's objective without the perceptual network, whose weights are no part of the repository."""
ENCODER_DECODER = ("generator.width=2", "generator.halvings=3", *PIXELS_ALONE)
FULL_RESOLUTION = ("generator.width=3", "generator.layers=4", "generator.largest_dilation=4", *PIXELS_ALONE)
IMAGE_SPACE = ("generator.refinements=4", "generator.width_scale=0.004", *PIXELS_ALONE)
CRN = (
    "generator.refinements=4",
    "generator.width_scale=0.008",
    "data.crop_size=32",
    "training.batch_size=2",
    *IN_FLOAT32,
    *QUIET,
    "training.log_every=1",
    "training.steps=5",
)
"""The ``small`` preset, whose weights are balanced after an epoch: three steps of the toy data."""
OASIS_SIZES = (
    "generator.width=1",
    "generator.hidden=4",
    "generator.z_dim=3",
    "generator.crop_size=64",
    "discriminator.width=4",
    "data.load_size=72",
    "data.crop_size=64",
)
OASIS = (*OASIS_SIZES, *IN_FLOAT32, *QUIET, "training.steps=4")
SYSTEMS = {
    "crn": ("crn", "small", CRN),
    "oasis": ("oasis", "small", OASIS),
    "spade": ("spade", "default", TINY),
    "pix2pixhd": ("pix2pixhd", "small", PIX2PIXHD),
    "pix2pix": ("pix2pix", "small", PIX2PIX),
    "unet_generator": ("pix2pixhd", "unet_generator", UNET_GENERATOR),
    "crn_generator": ("pix2pixhd", "crn_generator", CRN_GENERATOR),
    "gan_segmentation": ("gan_segmentation", "small", GAN_SEGMENTATION),
    "encoder_decoder": ("encoder_decoder", "small", ENCODER_DECODER),
    "full_resolution": ("full_resolution", "small", FULL_RESOLUTION),
    "image_space": ("image_space", "small", IMAGE_SPACE),
}
"""System, preset and settings by the name that tests call them by."""
