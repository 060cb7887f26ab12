"""Training pairs: a photo whose own pixels are cut out with the shapes of other photos' segments.

Source: the official code, which makes five versions of every photo beforehand; here a pair is made when it is needed,
and every visit has another one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage

from semsynth.bank.borders import Mask, band, bounding_box, random_half, side_of
from semsynth.bank.canvas import Canvas
from semsynth.bank.colour_transfer import transfer_colours
from semsynth.bank.filling import framed, in_order, own_mask, segments_of
from semsynth.bank.memory import MemoryBank
from semsynth.bank.retrieval import retrieve
from semsynth.bank.segments import Segment
from semsynth.classes import VOID
from semsynth.config import Config
from semsynth.data.sample import Sample
from semsynth.errors import SemsynthError
from semsynth.layout import Layout


class PairRules(Config):
    """How training pairs are made; the defaults are the official code's."""

    photos: int = Field(100, ge=1, le=10**6)
    """Other photos, drawn for every pair, among which the best shapes are looked for."""
    recoloured: float = Field(0.2, ge=0, le=1)
    """Probability that a segment gets the colours of the photo whose shape it has."""
    elision: float = Field(0.05, ge=0, le=1)
    """Side of the square that widens the border of a piece, as a share of the height; half of the pixels in the band
    become white."""
    rotation: float = Field(2.5, ge=0, le=180)
    """Label noise as published: degrees by which a segment turns at most."""


@dataclass(frozen=True, eq=False)
class Stencil:
    """A segment of a photo, and the shape that it is cut with."""

    class_id: int
    own: Mask
    """[H,W]: the segment."""
    other: Mask
    """[H,W]: a segment of another photo."""
    photo: int
    """That photo's number in the bank."""


def make_pair(sample: Sample, bank: MemoryBank, rules: PairRules, faithful: bool, rng: np.random.Generator) -> Canvas:
    """Make the canvas of a training photo, and the layout that goes with it.

    Args:
        sample: of any size.
        bank: with other photos; the sample's own one is left out by its name.
        rules: how.
        faithful: whether pieces stay inside their segments and the layout stays as it is; otherwise it gets noise
            where shapes differ, as published.
        rng: everything is drawn from it.

    Raises:
        SemsynthError: a sample without photo, or of other classes than the bank's.
    """
    if sample.image is None:
        raise SemsynthError(f"'{sample.name}' has no photo: a training pair needs one")
    photo = sample.image.astype(np.float32) / np.float32(255)
    colour, filled = np.zeros_like(photo), np.zeros(sample.size, bool)
    labels = sample.layout.labels.copy()
    for one in find_stencils(sample, bank, rules, rng):
        piece, support = photo, one.own & one.other
        if rng.random() < rules.recoloured:
            piece = recoloured(photo, one.own, bank.photo(one.photo))
            support = support if faithful else one.other & _box_of(one.own)
        white = random_half(band(support, side_of(rules.elision, sample.size[0])), rng)
        colour[support], filled[support] = piece[support], True
        colour[white], filled[white] = 1, True
        if not faithful:
            add_label_noise(labels, one, rng.uniform(-rules.rotation, rules.rotation))
    return Canvas(colour, filled, labels)


def find_stencils(sample: Sample, bank: MemoryBank, rules: PairRules, rng: np.random.Generator) -> list[Stencil]:
    """Find a shape for every segment among photos that are drawn; segments back to front."""
    layout, names = sample.layout, np.array(bank.photos)
    bank.check_classes(layout.classes)
    others = np.flatnonzero(names != sample.name)
    among = np.zeros(len(names), bool)
    among[rng.choice(others, min(rules.photos, len(others)), replace=False)] = True
    segments = in_order(segments_of(layout.resized(bank.rules.size), bank), bank.order)
    numbers, _ = retrieve(bank, segments, 1, among=among)  # [S,1]
    found = zip(segments, numbers[:, 0].tolist(), strict=True)
    stencils = [_stencil(segment, bank, number, layout) for segment, number in found if number >= 0]
    return [one for one in stencils if one.own.any()]


def recoloured(photo: NDArray[np.float32], own: Mask, other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A photo [H,W,3], 0..1, with the colours of another one in the bounding box of a segment.

    Args:
        photo: the photo.
        own: [H,W], the segment.
        other: [h,w,3], the other photo, perhaps of another size; its colours in the same box are taken.
    """
    box = bounding_box(own)
    scale = [new / old for old, new in zip(own.shape, other.shape[:2], strict=True)]
    there = tuple(
        slice(int(side.start * factor), max(int(side.start * factor) + 1, round(side.stop * factor)))
        for side, factor in zip(box, scale, strict=True)
    )
    changed = photo.copy()
    changed[box] = transfer_colours(photo[box], other[there].reshape(-1, 3) / 255)
    return changed


def add_label_noise(labels: NDArray[np.uint16], one: Stencil, degrees: float) -> None:
    """Make a layout, in place, as wrong as retrieved shapes will make it.

    The segment gets its class; around it, what the turned segment or the other shape covers becomes void.
    """
    turned = ndimage.rotate(one.own.astype(np.uint8), degrees, reshape=False, order=0) > 0
    labels[one.own] = one.class_id
    labels[(turned | one.other) & ~one.own] = VOID


def _stencil(segment: Segment, bank: MemoryBank, number: int, layout: Layout) -> Stencil:
    piece, frame = bank.piece(number), bank.rules.size
    other = framed(piece, piece.mask, frame, layout.size)
    return Stencil(segment.class_id, own_mask(segment, layout, frame), other, piece.image)


def _box_of(mask: Mask) -> Mask:
    box = np.zeros_like(mask)
    box[bounding_box(mask)] = True
    return box
