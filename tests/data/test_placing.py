"""Files put in place in parallel."""

from __future__ import annotations

import pytest

from semsynth.data.placing import in_parallel
from semsynth.data.progress import silent
from semsynth.errors import SemsynthError


def test_the_first_error_ends_it() -> None:
    begun: list[int] = []

    def work(item: int) -> None:
        begun.append(item)
        if item == 3:
            raise SemsynthError("item 3")

    with pytest.raises(SemsynthError, match="item 3"):
        in_parallel(work, range(10_000), silent)
    assert len(begun) < 10_000
