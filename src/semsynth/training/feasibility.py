"""What can be known before training: whether settings, data, devices and memory go together.

In this order, from what costs nothing to one forward pass: the batch among devices, the sizes of photos, the memory of
a step's pictures, the memory of the networks while they are made, and a forward pass of every phase on one micro-batch.
Every message names the setting to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from semsynth.data.condition_folder import ConditionFolder
from semsynth.data.folder import DatasetFolder
from semsynth.data.sample import Samples
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError, shortened
from semsynth.files import machine_memory
from semsynth.images import open_image, read_image_bytes
from semsynth.layout import Size, pixels
from semsynth.models.generator import GeneratorConfig
from semsynth.recipes.base import RecipeConfig
from semsynth.training.data import Share

LOOKED_AT = 64
"""Of how many photos the size is looked at, spread evenly, where the data's mode leaves sizes as they are."""
_MAPS = 16
"""Feature maps of a generator's full size that a step keeps at the very least, as multiples of its width."""
_STATES = 4
"""Weights, gradients and Adam's two averages."""


def check_share(config: RecipeConfig, devices: int) -> Share:
    """Make sure that a step's images divide among devices and micro-batches.

    Raises:
        SemsynthError: they do not.
    """
    return Share(config.training.batch_size, config.training.accumulate, 0, devices)


def check_pictures(config: RecipeConfig, train: Samples, share: Share, memory: int | None) -> None:
    """Make sure that the generator makes pictures of the data's sizes, and that a micro-batch of them is not too large.

    Args:
        config: the recipe's.
        train: the training samples as stored.
        share: of one process.
        memory: bytes of the device; None: unknown.

    Raises:
        SemsynthError: it does not, photos of a batch have several sizes, or they fill the memory.
    """
    size = config.data.output_size
    if size is None:
        size = _common_size(config, train, share)
    generator = getattr(config, "generator", None)
    width = max(8, getattr(generator, "width", 0))
    needed = size[0] * size[1] * share.micro_batch_size * width * _MAPS * 4
    if memory is not None and needed > memory:
        raise SemsynthError(
            f"a step of {share.micro_batch_size} image(s) of {pixels(size)} per device needs more than "
            f"{needed / 2**30:,.0f} GiB of memory, and there are {memory / 2**30:,.0f}: lower training.batch_size, "
            "data.crop_size or generator.width, or raise training.accumulate, with `overrides`"
        )


def _common_size(config: RecipeConfig, train: Samples, share: Share) -> Size:
    """The largest size of photos whose sizes the data's mode leaves alone, once all of them are found to do."""
    data: Pipeline = config.data
    generator = getattr(config, "generator", None)
    found: dict[Size, Size] = {}
    for stored in _stored_sizes(train):
        found.setdefault(data.size_of(stored), stored)
    for made, stored in found.items():
        possible = [made]
        if isinstance(generator, GeneratorConfig):
            fixed = generator.output_size
            possible = generator.sizes.nearest(made) if fixed is None else [fixed]
        if made not in possible:
            raise SemsynthError(
                f"data.mode={data.mode} makes {pixels(made)} of photos of {pixels(stored)}, and this generator makes "
                f"{' or '.join(map(pixels, possible))}: give `overrides=data.mode=fixed`, "
                "`overrides=data.mode=resize_and_crop`, or other sizes of data and generator"
            )
    if len(found) > 1 and share.micro_batch_size > 1:
        some = " and ".join(pixels(size) for size in list(found)[:2])
        raise SemsynthError(
            f"data.mode={data.mode} leaves photos of several sizes ({some}), which make no batch of "
            f"{share.micro_batch_size}: give `overrides=data.mode=fixed` or `overrides=data.mode=resize_and_crop`, "
            "or one image per device and micro-batch"
        )
    return max(found, key=lambda size: size[0] * size[1])


def _stored_sizes(train: Samples) -> Iterator[Size]:
    if isinstance(train, DatasetFolder | ConditionFolder):
        files = list(train.files[0].values())
        for path in files[:: -(-len(files) // LOOKED_AT)]:
            with open_image(read_image_bytes(path), str(path)) as image:
                yield image.size[1], image.size[0]
    else:
        yield train[0].size


@contextmanager
def within_memory() -> Iterator[None]:
    """Refuse networks, made inside, whose training would need more than this machine's memory.

    Raises:
        SemsynthError: while the first tensors beyond it are made, before anything is written to them.
    """
    memory, made = machine_memory(), 0

    def count(module: nn.Module, name: str, parameter: Any) -> None:
        nonlocal made
        made += 0 if parameter is None or parameter.is_meta else parameter.numel() * parameter.element_size()
        if memory is not None and made * _STATES > memory:
            raise _too_large(memory)

    handle = nn.modules.module.register_module_parameter_registration_hook(count)
    try:
        yield
    except MemoryError as error:
        raise _too_large(memory) from error
    except RuntimeError as error:
        if "alloc" in str(error) or "storage size" in str(error).lower():
            raise _too_large(memory) from error
        raise
    finally:
        handle.remove()


def _too_large(memory: int | None) -> SemsynthError:
    there = "" if memory is None else f", which are {memory / 2**30:,.0f} GiB"
    return SemsynthError(
        f"the networks and what training keeps of each weight fill this machine's memory{there}: lower the networks' "
        "widths (generator.width, discriminator.width) or depths with `overrides`"
    )


@contextmanager
def first_pass() -> Iterator[None]:
    """Explain what a first forward pass, inside, raises where settings do not fit together.

    Raises:
        SemsynthError: for errors of shapes, and where memory ran out.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise SemsynthError(
            "one image does not fit into the device's memory: lower data.crop_size or the networks' widths with "
            "`overrides`"
        ) from error
    except (RuntimeError, ValueError, IndexError, ZeroDivisionError, OverflowError, MemoryError) as error:
        reason = shortened(str(error).partition("\n")[0]) or type(error).__name__
        raise SemsynthError(
            f"these settings do not go together, the first forward pass ends with '{reason}': enlarge data.crop_size, "
            "or lower the depths of the networks (layers, scales, halvings, downsamplings), with `overrides`"
        ) from error


def device_memory(fabric: Fabric) -> int | None:
    """Bytes of the memory of a training's device; None: unknown."""
    if fabric.device.type == "cuda":
        return int(torch.cuda.get_device_properties(fabric.device).total_memory)
    return machine_memory()
