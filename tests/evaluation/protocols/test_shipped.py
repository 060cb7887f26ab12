"""The protocols that ship with the package."""

from __future__ import annotations

import pytest
from flags import CLASSES

from semsynth.errors import SemsynthError
from semsynth.evaluation.protocols.shipped import find_protocol, shipped


def test_every_shipped_protocol_names_its_source_and_is_complete() -> None:
    found = [one for variants in shipped().values() for one in variants.values()]
    assert [one.name for one in found] == sorted({one.name for one in found}, key=[o.name for o in found].index)
    assert {"pix2pixhd-2018", "spade-2019/ade20k", "oasis-2021/cityscapes", "semsynth-2026"} <= {o.name for o in found}
    for one in found:
        assert len(one.source) > 80
        assert one.synthesis_size is not None
    assert shipped()["spade-2019"]["cityscapes"].segmenter_size == (1024, 2048)
    assert find_protocol("semsynth-2026-512x256", CLASSES).synthesis_size == (256, 512)
    with pytest.raises(SemsynthError, match="there is no protocol 'clean'"):
        find_protocol("clean", CLASSES)
    with pytest.raises(SemsynthError, match="between 32 and 8192"):
        find_protocol("semsynth-2026-9x9", CLASSES)
