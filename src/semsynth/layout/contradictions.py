"""Label maps that contradict what they should hold: what is said of them, with counts and the way out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.classes import VOID, ClassSet
from semsynth.errors import SemsynthError
from semsynth.images import palette
from semsynth.layout.legend import Legend

_SHOWN = 8
"""How many ids or colours a message lists."""


def unknown_ids(labels: NDArray[np.uint16], classes: ClassSet) -> SemsynthError:
    """What to say of ids that no class has: [N] pixels with such ids."""
    ids, counts = np.unique(labels, return_counts=True)
    found = ", ".join(f"{i} ({n} pixels)" for i, n in zip(ids[:_SHOWN], counts[:_SHOWN], strict=True))
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return SemsynthError(
        f"ids outside the class set '{classes.name}': {found}{more}; map them to its classes or to void on "
        f"import, with `semsynth data import folder --map {ids[0]}:CLASS` or `--void {ids[0]}`"
    )


def unknown_colors(pixels: NDArray[np.int32], grey: bool, legend: Legend) -> SemsynthError:
    """What to say of colours that are not exactly one class's.

    Args:
        pixels: [2^24] of every such colour.
        grey: whether the whole map has no other colours than greys.
        legend: what colours mean.
    """
    values = np.flatnonzero(pixels)
    total = int(pixels[values].sum())
    most = values[np.argsort(-pixels[values], kind="stable")[:_SHOWN]].tolist()
    more = f" and {len(values) - len(most)} more" if len(values) > len(most) else ""
    name = legend.classes.name
    if grey and _are_ids(values & 0xFF, legend):
        listed = ", ".join(f"{color & 0xFF} ({pixels[color]} pixels)" for color in most)
        return SemsynthError(
            f"this map of three channels holds no colours but greys: {listed}{more}; if they are ids of '{name}', "
            "export it with one channel, or import it with `semsynth data import folder --labels-hold ids`"
        )
    shared = [color for color in most if color in legend.shared_colors]
    if shared:
        color = shared[0]
        users = "; ".join(
            f"{_hex(one)} ({pixels[one]} pixels) is {', '.join(map(legend.name, legend.shared_colors[one]))}"
            for one in shared
        )
        choice = f"{_hex(color)}:{legend.shared_colors[color][0]}"
        return SemsynthError(
            f"classes of '{name}' share a colour that this map holds: {users}; give a map of ids, or say on import "
            f"which one it is, with `semsynth data import folder --map '{choice}'` or `--void '{_hex(color)}'`"
        )
    listed = ", ".join(f"{_hex(color)} ({pixels[color]} pixels)" for color in most)
    return SemsynthError(
        f"{total} pixels of {len(values)} colours outside the class set '{name}': {listed}{more}; export it without "
        f"anti-aliasing, in the set's colours, or say on import what they are, with `semsynth data import folder --map "
        f"'{_hex(most[0])}:CLASS'` or `--void '{_hex(most[0])}'`"
    )


class PaletteError(SemsynthError):
    """A palette says other classes than its indices."""


def check_palette(image: Image.Image, used: NDArray[np.int64], legend: Legend) -> None:
    """Refuse a palette that says other classes than its indices.

    Chance matches of single colours among unknown ones say nothing: half of the used entries have to be colours of the
    set (or black) before one of them contradicts its index.

    Args:
        image: of mode P.
        used: [256] pixels of every index.
        legend: what indices and colours mean.

    Raises:
        PaletteError: indices that are drawn in other classes' colours.
    """
    colors = {index: color for index, color in enumerate(palette(image) or []) if used[index]}
    owners = {index: legend.colors_of_classes.get(color, []) for index, color in colors.items()}
    wrong = [index for index, ids in owners.items() if ids and int(legend.table_8bit[index]) not in ids]
    known = sum(bool(ids) or colors[index] == 0 for index, ids in owners.items())
    if not wrong or 2 * known < len(colors):
        return
    shown = ", ".join(
        f"index {index} ({used[index]} pixels) is drawn in the colour of {legend.name(owners[index][0])}"
        for index in wrong[:3]
    )
    more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
    raise PaletteError(
        f"its palette contradicts its indices, which are read as ids: {shown}{more}; import it with `semsynth data "
        "import folder --labels-hold colors` if the colours are right, or with `--labels-hold ids` if the indices are"
    )


def _are_ids(numbers: NDArray[np.integer], legend: Legend) -> bool:
    meaning = legend.table_8bit[numbers]
    return bool(np.isin(meaning, [*legend.classes.ids, VOID]).all())


def _hex(color: int) -> str:
    return f"#{color:06x}"
