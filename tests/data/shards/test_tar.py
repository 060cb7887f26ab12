"""Headers of archives."""

from __future__ import annotations

import tarfile

import pytest

from semsynth.data.shards.tar import header


@pytest.mark.parametrize("name", ["a", "frame_0001.image.jpg", "x" * 100, "x" * 101, "y" * 300])
@pytest.mark.parametrize("size", [0, 1, 511, 8**11 - 1, 8**11])
def test_headers_are_those_of_tarfile(name: str, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    assert header(name, size) == info.tobuf(tarfile.PAX_FORMAT)
