"""The page of a set of pictures beside the training photos that they are most like."""

from __future__ import annotations

from pathlib import Path

from semsynth.evaluation.record import MemorisationRecord
from semsynth.pages import render

RECORD, PAGE, PICTURES = "report.json", "report.html", "pictures"


def pair_file(group: str, number: int, kind: str) -> str:
    """Path below the report's folder of a picture of a pair.

    Args:
        group: ``picture`` or ``held_out``.
        number: of the pair, from 1.
        kind: the group, or ``photo`` for the training photo.
    """
    return f"{PICTURES}/{group}_{number}_{kind}.png"


def memorisation_headline(record: MemorisationRecord) -> str:
    """What the page and the command say first."""
    repeated = record.nearer_than_all
    which = f"{repeated} of {record.num_pictures} pictures {'is' if repeated == 1 else 'are'}"
    return (
        f"{which} nearer to a training photo than all of the {record.num_held_out} held-out photos; a picture is "
        f"nearer than a held-out photo in {record.nearer.text(3)} of all comparisons (0.5 is equal)"
    )


def memorisation_page(record: MemorisationRecord) -> str:
    """``report.html``; its pictures lie beside it."""
    return render(
        Path(__file__).with_name("memorisation.html"),
        record=record,
        headline=memorisation_headline(record),
        pair_file=pair_file,
    )
