"""From a layout to its canvas: retrieve a piece for every segment, and paste the pieces back to front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from semsynth.bank.borders import Mask
from semsynth.bank.canvas import Canvas, Placed, build_canvas
from semsynth.bank.choice import choose
from semsynth.bank.memory import MemoryBank, Piece
from semsynth.bank.retrieval import retrieve
from semsynth.bank.roles import Roles
from semsynth.bank.segments import Segment, find_segments
from semsynth.bank.settings import CanvasSettings
from semsynth.images import resize_image
from semsynth.layout import Layout, Size
from semsynth.layout.maps import nearest_centres

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Choices:
    """The segments of a layout, back to front, with the best pieces for each."""

    segments: Sequence[Segment]
    """In the bank's frame."""
    pieces: NDArray[np.int64]
    """[S,k] numbers of pieces in the bank, the best first; -1 where there are no more."""

    def chosen(self, seed: int, own: Mapping[int, int] | None = None) -> NDArray[np.int64]:
        """[S]: the piece of each segment; -1 where the bank has none of its class.

        Args:
            seed: see :func:`semsynth.bank.choice.choose`.
            own: row of a segment -> the number of its piece, 0 for the best, whatever the seed; where there are fewer,
                the last one.
        """
        picked = choose(self.segments, self.pieces, seed)
        for row, rank in (own or {}).items():
            found = self.pieces[row][self.pieces[row] >= 0]
            picked[row] = found[min(rank, len(found) - 1)] if len(found) else -1
        return picked


def find_choices(layout: Layout, bank: MemoryBank, settings: CanvasSettings) -> Choices:
    """Find the pieces that fit the segments of a layout.

    Args:
        layout: of any size.
        bank: of the layout's classes.
        settings: how many pieces for each segment, and what is compared.

    Raises:
        SemsynthError: a layout of other classes than the bank's.
    """
    bank.check_classes(layout.classes)
    small = layout.resized(bank.rules.size)
    labels, segments = small.labels, in_order(segments_of(small, bank), bank.order)
    pieces, _ = retrieve(bank, segments, settings.choices, labels=labels if settings.context else None)
    return Choices(segments, pieces)


def segments_of(layout: Layout, bank: MemoryBank) -> list[Segment]:
    """The segments of a layout of the bank's size; objects of its instance map where those of the bank are such."""
    return find_segments(layout.labels, bank.rules, layout.instances if bank.index.instances else None)


def fill(
    layout: Layout,
    bank: MemoryBank,
    choices: Choices,
    seed: int,
    settings: CanvasSettings,
    own: Mapping[int, int] | None = None,
) -> Canvas:
    """Make the canvas of a layout.

    Args:
        layout: of the size of the picture.
        bank: what the choices are of.
        choices: for this layout.
        seed: which pieces are taken, see :meth:`Choices.chosen`, and which pixels borders lose.
        settings: how canvases are made.
        own: of single segments the number of their piece, see :meth:`Choices.chosen`.
    """
    placed = [
        place(bank, segment, number, layout)
        for segment, number in zip(choices.segments, choices.chosen(seed, own).tolist(), strict=True)
        if number >= 0
    ]
    numbers, roles = np.random.default_rng(seed), Roles.of(bank.classes)
    return build_canvas(layout.labels, placed, roles, numbers, faithful=settings.faithful, elision=settings.elision)


def place(bank: MemoryBank, segment: Segment, number: int, layout: Layout) -> Placed:
    """Put the piece ``number`` of the bank, and a segment, into the frame of a layout of any size."""
    piece, size = bank.piece(number), layout.size
    photo = resize_image(bank.photo(piece.image), size)
    return Placed(
        segment.class_id,
        own_mask(segment, layout, bank.rules.size),
        photo.astype(np.float32) / np.float32(255),
        framed(piece, piece.mask, bank.rules.size, size),
        framed(piece, piece.thin_mask & ~piece.mask, bank.rules.size, size),
        enlarged(bank.labels(piece.image), size),
        piece.image,
    )


def framed(piece: Piece, mask: Mask, frame: Size, size: Size) -> Mask:
    """A mask in the box of a piece of the bank's ``frame``, in a frame of (height, width) ``size``."""
    whole = np.zeros(frame, bool)
    height, width = mask.shape
    whole[piece.top : piece.top + height, piece.left : piece.left + width] = mask
    return enlarged(whole, size)


def enlarged(array: NDArray[T], size: Size) -> NDArray[T]:
    """[h,w] at (height, width) ``size``, resampled as :meth:`Layout.resized` does."""
    if array.shape == size:
        return array
    rows, columns = (nearest_centres(old, new) for old, new in zip(array.shape, size, strict=True))
    picked: NDArray[T] = array[rows[:, None], columns]
    return picked


def in_order(segments: Sequence[Segment], order: Sequence[int]) -> list[Segment]:
    """Segments by their class, back to front; the larger first within a class, and classes without a place first."""
    places = {class_id: place for place, class_id in enumerate(order)}
    return sorted(segments, key=lambda one: (places.get(one.class_id, -1), -int(one.mask.sum())))


def own_mask(segment: Segment, layout: Layout, frame: Size) -> Mask:
    """[H,W]: a segment of the bank's frame where the layout, of any size, really has its class."""
    mask: Mask = enlarged(segment.full_mask(frame), layout.size) & (layout.labels == segment.class_id)
    return mask
