"""A look at some of the files before training: data sets are seldom checked, and some faults cost days."""

from __future__ import annotations

import logging
from contextlib import suppress

from semsynth.data.coverage import class_pixels, coverage
from semsynth.data.folder import DatasetFolder
from semsynth.data.orientations import turned_photos
from semsynth.data.sample import Samples
from semsynth.data.shards.remote import StreamedSplit
from semsynth.errors import SemsynthError
from semsynth.layout import Layout

_log = logging.getLogger(__name__)

LOOKED_AT = 16
"""Label maps that are looked at."""
HEADERS = 200
"""About how many photos' headers are."""


def first_look(samples: Samples, called: str) -> None:
    """Log what is odd about some of the label maps and photos that a training will read.

    Args:
        samples: a split; of one that is downloaded piece by piece, the first piece is looked at.
        called: what messages call it.

    Raises:
        SemsynthError: all label maps were looked at, and hold nothing but void.
    """
    _tell_coverage(samples, called)
    if isinstance(samples, DatasetFolder):
        photos = samples.photos
        line = turned_photos(called, photos[:: max(1, len(photos) // HEADERS)])
        if line:
            _log.warning("%s", line)


def _tell_coverage(samples: Samples, called: str) -> None:
    """Of up to ``LOOKED_AT`` label maps, evenly spaced."""
    within = samples.blocks[0] if isinstance(samples, StreamedSplit) else len(samples)
    numbers = sorted({within * place // LOOKED_AT for place in range(LOOKED_AT)}) if within else []
    pixels, classes = None, None
    for number in numbers:
        with suppress(SemsynthError):  # a damaged file is told of where it is read
            condition = samples[number].condition
            if isinstance(condition, Layout):
                classes = condition.classes
                pixels = class_pixels(condition) if pixels is None else pixels + class_pixels(condition)
    if pixels is None or classes is None:
        return
    looked_at = "" if len(numbers) == len(samples) else f" ({len(numbers)} of {len(samples)} label maps)"
    found = coverage(f"{called}{looked_at}", pixels, classes)
    if found.nothing and not looked_at:
        raise SemsynthError(found.problem)
    if found.line:
        _log.warning("%s", found.line)
