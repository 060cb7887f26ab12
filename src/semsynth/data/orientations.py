"""Photos that are not stored as viewers show them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from semsynth.errors import SHOWN_PROBLEMS, SemsynthError
from semsynth.images import picture_header


def turned_photos(called: str, photos: Iterable[Path]) -> str | None:
    """A line, if some photos have an EXIF orientation: label maps may have been drawn on other pixels.

    Args:
        called: where they lie.
        photos: the files; those that cannot be read are passed over.
    """
    turned = []
    for path in photos:
        with suppress(SemsynthError):
            orientation = picture_header(path).orientation
            turned += [] if orientation == 1 else [f"{path} ({orientation})"]
    if not turned:
        return None
    few = ", ".join(turned[:SHOWN_PROBLEMS])
    more = f" and {len(turned) - SHOWN_PROBLEMS} more" if len(turned) > SHOWN_PROBLEMS else ""
    return (
        f"{called}: {len(turned)} photo{'s are' if len(turned) > 1 else ' is'} read turned or mirrored, as the EXIF "
        f"orientation says and viewers show: {few}{more}; label maps have to show them so, too"
    )
