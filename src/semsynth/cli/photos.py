"""Photos of many layouts, a few at a time: memory does not grow with their number."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from semsynth.layout import Condition
    from semsynth.styles.choice import StyleChoice
    from semsynth.synthesizer import Synthesizer


def make_photos(
    synthesizer: Synthesizer, layouts: Iterable[Condition], choices: Sequence[StyleChoice | None]
) -> Iterator[tuple[Condition, int, Image.Image]]:
    """Make a photo of every layout in every style, or the collection that the model makes of it at once.

    Args:
        synthesizer: makes them.
        layouts: of sizes that it makes.
        choices: the styles; as many as a collection has photos, and all None, where there are several without styles.

    Yields:
        The layout, the number of the choice, and the photo; in order.
    """
    from semsynth.synthesizer import BATCH_SIZE

    if len(choices) > 1 and synthesizer.config.images_per_layout > 1:
        for layout in layouts:
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # told as notes already
                collection = synthesizer.variations(layout, len(choices))
            yield from ((layout, number, photo) for number, photo in enumerate(collection))
        return
    remaining = ((layout, number) for layout in layouts for number in range(len(choices)))
    while batch := list(islice(remaining, BATCH_SIZE)):
        given = [choice for _, number in batch if (choice := choices[number]) is not None]
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            made = synthesizer.synthesize_batch([layout for layout, _ in batch], given or None)
        yield from ((layout, number, photo) for (layout, number), photo in zip(batch, made, strict=True))
