"""The paired transforms against SPADE's and pix2pixHD's: exact equality, faults included."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from parity.golden import Case
from torch import Tensor

from semsynth.classes import VOID, VOID_8BIT, ClassInfo, ClassSet
from semsynth.data.sample import Sample
from semsynth.data.transforms import Pipeline
from semsynth.images import to_tensor
from semsynth.layout import Layout

BYTES = ClassSet(name="bytes", classes=tuple(ClassInfo(id=i, name=str(i), color=(i, i, i)) for i in range(VOID_8BIT)))


def check_data_transforms(case: Case) -> None:
    labels = case.stored("in_label").numpy().astype(np.uint16)
    layout = Layout(np.where(labels == VOID_8BIT, np.uint16(VOID), labels), BYTES, case.stored("in_instance").numpy())
    sample = Sample(case.name, layout, case.stored("in_image").numpy())
    for run in case.section("cases"):
        pipeline = official_pipeline(case.system, run["opt"])
        train, seed = run["opt"]["isTrain"], run["python_random_seed"]
        draw = pipeline.draw(layout.size, random.Random(seed), train)
        assert [draw.x, draw.y] == run["params"]["crop_pos"]
        assert draw.flip == run["params"]["flip"]
        result = pipeline.apply(sample, random.Random(seed), train)
        assert result.image is not None
        assert result.layout.instances is not None
        image = to_tensor(result.image)
        assert list(image.shape) == run["shape"]
        index = run["index"]
        case.require_equal(f"{index}.image", image)
        case.require_equal(f"{index}.label", as_bytes(result.layout))
        case.require_equal(f"{index}.instance", torch.from_numpy(result.layout.instances)[None])


def official_pipeline(system: str | None, options: dict[str, Any]) -> Pipeline:
    """The pipeline that an official option file asks for."""
    multiple = 32
    if system == "pix2pixhd":
        local = 2 ** options["n_local_enhancers"] if options["netG"] == "local" else 1
        multiple = 2 ** options["n_downsample_global"] * local
    return Pipeline(
        mode=options["preprocess_mode" if system == "spade" else "resize_or_crop"],
        load_size=options["load_size" if system == "spade" else "loadSize"],
        crop_size=options["crop_size" if system == "spade" else "fineSize"],
        aspect_ratio=options["aspect_ratio"],
        flip=not options["no_flip"],
        multiple=multiple,
        official="spade" if system == "spade" else "pix2pixhd",
    )


def as_bytes(layout: Layout) -> Tensor:
    """[1,H,W]: the ids as an 8-bit file holds them."""
    labels = layout.labels.astype(np.int64)
    return torch.from_numpy(np.where(labels == VOID, VOID_8BIT, labels))[None]
