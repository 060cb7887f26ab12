"""Whether a picture can be made at once in the memory that there is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch

from semsynth.errors import SemsynthError
from semsynth.files import machine_memory
from semsynth.images import MAX_PIXELS
from semsynth.large.labels import map_size
from semsynth.layout import Size, pixels
from semsynth.synthesizer import choose_device, load
from semsynth.synthesizer.map_files import list_maps

DEFAULT_TILE = 1024
"""Side of a tile in pixels, where nobody names one: about a gigabyte for each worker with the bundled models."""
_SMALL = 2048 * 2048
"""Pixels of pictures that are made at once without asking."""


def needs_tiles(maps: Sequence[str | Path], model: str | Path, size: Size | None, device: str) -> str | None:
    """Why photos of label maps have to be made in tiles.

    Args:
        maps: label maps, and folders of them.
        model: as in :func:`semsynth.load`.
        size: (height, width) of the photos; None: that of each map, or the nearest that the model makes.
        device: where they are made.

    Returns:
        A reason; None: they fit into memory, the model cannot make tiles, or the maps cannot be read, of which whoever
        reads them says more.

    Raises:
        SemsynthError: there is no such model.
    """
    sizes = _map_sizes(maps)
    if not sizes:
        return None
    largest = max(sizes, key=lambda path: _area(sizes[path]))
    if _area(sizes[largest]) > MAX_PIXELS:
        return f"{largest} is {pixels(sizes[largest])}, more than is read at once"
    if _area(size or sizes[largest]) <= _SMALL or Path(model).is_file():
        return None
    synthesizer, chosen = load(model, "cpu", "float32"), choose_device(device)
    photo = synthesizer.conditions.sizes.nearest(size or sizes[largest])[0]
    try:
        needed = synthesizer.bytes_at_once(photo)
    except SemsynthError:  # it makes no tiles
        return None
    there = _memory(chosen)
    if there is None or needed <= there:
        return None
    return f"a photo of {pixels(photo)} takes about {needed / 2**30:.0f} GiB at once, and there are {there / 2**30:.0f}"


def _map_sizes(maps: Sequence[str | Path]) -> dict[Path, Size]:
    """Of those that can be read."""
    found: dict[Path, Size] = {}
    with suppress(SemsynthError):
        for one in list_maps(maps, Path()):
            with suppress(SemsynthError):
                found[one.path] = map_size(one.path)
    return found


def _area(size: Size) -> int:
    return size[0] * size[1]


def _memory(device: torch.device) -> int | None:
    """Bytes; None where the system does not tell."""
    return torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else machine_memory()
