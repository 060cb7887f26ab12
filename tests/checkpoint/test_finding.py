"""What names of models stand for."""

from __future__ import annotations

import pytest

from semsynth.checkpoint.finding import find_model
from semsynth.errors import SemsynthError


@pytest.mark.parametrize("name", ["a" * 300, "a" * 5000, "a/" * 3000, "no-such-model", "a\0b"])
def test_names_that_are_no_model_are_one_short_line(name: str) -> None:
    with pytest.raises(SemsynthError, match="model") as caught:
        find_model(name)
    assert len(str(caught.value)) < 800
