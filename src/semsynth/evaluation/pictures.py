"""Pictures of every origin, brought to a protocol's sizes in one way."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from semsynth.data.listing import list_pictures, pairing_problems
from semsynth.data.sample import Sample
from semsynth.errors import SemsynthError
from semsynth.evaluation.protocols.definition import Resampling
from semsynth.files import sha256
from semsynth.images import decode_image, to_tensor
from semsynth.layout import Size, pixels
from semsynth.pixel_format import rgb
from semsynth.synthesizer import Synthesizer

Picture = NDArray[np.uint8]
"""[H,W,3]."""


class PictureSource(Protocol):
    """Where the pictures come from that are evaluated."""

    name: str
    """What reports call it."""
    fingerprint: str
    """Changes whenever the pictures could."""

    def pictures(self, samples: Sequence[Sample], number: int) -> list[Picture]:
        """Sample ``number`` (from 0) of every layout; of any size."""
        ...


class ModelPictures:
    """Synthesised when they are asked for; the style of each depends on its name and number alone."""

    def __init__(
        self,
        synthesizer: Synthesizer,
        name: str,
        fingerprint: str,
        size: Size | None,
        seed: int = 0,
        batch_size: int = 4,
    ) -> None:
        """Wrap a model.

        Args:
            synthesizer: the model; it must read label maps.
            name: what reports call it.
            fingerprint: SHA-256 of its folder's ``config.json``, which holds those of the weights.
            size: (height, width) that layouts are resized to (nearest); None: as they are.
            seed: of styles.
            batch_size: layouts that go through the network together.
        """
        self.synthesizer, self.name, self.fingerprint = synthesizer, name, fingerprint
        self.size, self.seed, self.batch_size = size, seed, batch_size

    def pictures(self, samples: Sequence[Sample], number: int) -> list[Picture]:
        """One photo of each layout."""
        reader = self.synthesizer.conditions
        layouts = [sample.layout.resized(self.size or sample.size) for sample in samples]
        conditions = [reader.fit(reader.open(layout))[0] for layout in layouts]  # the protocol resizes the photos
        choices = [self.synthesizer.style(seed=self._seed(sample, number)) for sample in samples]
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of styles without a bank
            made = self.synthesizer.synthesize_arrays(conditions, choices, self.batch_size)
        of_collection = number if self.synthesizer.config.images_per_layout > 1 else 0
        return [rgb(photos[of_collection], "a picture of this model") for photos in made]

    def _seed(self, sample: Sample, number: int) -> int | None:
        if not self.synthesizer.has_styles:
            return None
        return self.synthesizer.picture_seed(self.seed, sample.name, number)


class FolderPictures:
    """Files named like the evaluated images: outputs of another program, or photos."""

    def __init__(self, folder: Path, names: Sequence[str], split: Sequence[str], size: Size | None) -> None:
        """List the folder.

        Args:
            folder: one picture per image.
            names: of the evaluated images.
            split: of all images of the split: their pictures may be there, too.
            size: (height, width) that the pictures must have, unless they are as large as their label map.

        Raises:
            SemsynthError: missing or extra pictures; the message lists them.
        """
        self.folder, self.name, self.size = folder, str(folder), size
        self._paths = named_files(folder, names, split)
        self.fingerprint = files_digest(list(self._paths.values()))

    def pictures(self, samples: Sequence[Sample], number: int) -> list[Picture]:
        """Read them; there is one per layout.

        Raises:
            SemsynthError: a damaged file, or one of another size.
        """
        return [self._read(sample) for sample in samples]

    def _read(self, sample: Sample) -> Picture:
        path = self._paths[sample.name]
        picture = decode_image(path)
        size = picture.shape[0], picture.shape[1]
        if size not in (self.size, sample.size):
            wanted = f"{pixels(self.size)}, the protocol's size, or " if self.size else ""
            raise SemsynthError(
                f"{path} is {pixels(size)}: it must be {wanted}{pixels(sample.size)}, as its label map is"
            )
        return picture


class RealPhotos:
    """The dataset's own photos."""

    name, fingerprint = "real photos", "real photos"

    def pictures(self, samples: Sequence[Sample], number: int) -> list[Picture]:
        """The samples' photos."""
        return [sample.rgb for sample in samples if sample.image is not None]


def named_files(folder: Path, names: Sequence[str], split: Sequence[str]) -> dict[str, Path]:
    """The files called ``names``; those of other images of the split may lie beside them.

    Raises:
        SemsynthError: missing or extra files; the message lists them.
    """
    found = list_pictures(folder)
    others = set(split) - set(names)
    problems = pairing_problems(
        names, [name for name in found if name not in others], folder.name, "image", "rename them"
    )
    if problems:
        raise SemsynthError(f"{folder} does not fit the evaluated images: {'; '.join(problems)}")
    return {name: found[name] for name in names}


def resampled(picture: Picture, size: Size | None, how: Resampling) -> Tensor:
    """[H,W,3] uint8 -> [3,h,w] float32 in [-1,1]; ``size`` None keeps the size."""
    if size is None or size == picture.shape[:2]:
        return to_tensor(picture)
    if how.quantised and (how.antialias or how.filter == "nearest"):
        kernel = {
            "nearest": Image.Resampling.NEAREST,
            "bilinear": Image.Resampling.BILINEAR,
            "bicubic": Image.Resampling.BICUBIC,
        }[how.filter]
        return to_tensor(np.asarray(Image.fromarray(picture).resize((size[1], size[0]), kernel)))
    return resampled_tensor(to_tensor(picture)[None], size, how)[0]


def resampled_tensor(images: Tensor, size: Size | None, how: Resampling) -> Tensor:
    """[N,3,H,W] -> [N,3,h,w], both in [-1,1]; ``size`` None keeps the size."""
    if size is None or size == images.shape[2:]:
        return images
    if how.filter == "nearest":
        resized = F.interpolate(images, size=size, mode="nearest-exact")
    else:
        resized = F.interpolate(images, size=size, mode=how.filter, align_corners=False, antialias=how.antialias)
    resized = resized.clamp(-1, 1)
    return resized.add(1).mul(127.5).round().div(127.5).sub(1) if how.quantised else resized


def files_digest(paths: Sequence[Path]) -> str:
    """SHA-256 of the files' contents, in order."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(bytes.fromhex(sha256(path)))
    return digest.hexdigest()


def bytes_digest(contents: Iterable[bytes]) -> str:
    """:func:`files_digest` of files with these contents."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def stack(pictures: Sequence[Picture], size: Size | None, how: Resampling) -> list[Tensor]:
    """Batches [n,3,h,w] of neighbours of one size."""
    batches: list[list[Tensor]] = []
    for one in (resampled(picture, size, how) for picture in pictures):
        if batches and batches[-1][0].shape == one.shape:
            batches[-1].append(one)
        else:
            batches.append([one])
    return [torch.stack(batch) for batch in batches]
