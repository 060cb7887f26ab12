"""A generator's family whose file lies outside the package, found as if it lay in ``semsynth/models``."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path

import semsynth.models
from semsynth.bulk.engine import Make, OpenMaker
from semsynth.bulk.local import local_engine
from semsynth.bulk.task import BulkTask, Outcome

FOLDER = Path(__file__).parent / "models/families"


def workers_with_family(
    open_maker: OpenMaker, tasks: Sequence[BulkTask], tell: Callable[[str], None]
) -> Generator[Outcome, None, None]:
    """One worker process of the local engine, which finds the family, too."""
    yield from local_engine(["cpu"])(partial(_open_with_family, open_maker), tasks, tell)


def _open_with_family(open_maker: OpenMaker, device: str) -> Make:
    semsynth.models.__path__.append(str(FOLDER))
    return open_maker(device)
