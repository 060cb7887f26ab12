"""Large pictures as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsynth.errors import SemsynthError
from semsynth.large.writing import Format, is_big, write_picture


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_the_pixels_come_back(form: Format, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 517, 3), np.uint8)
    (tmp_path / "pixels").write_bytes(pixels.tobytes())
    told: list[tuple[int, int]] = []
    out = tmp_path / "folder" / "picture"
    write_picture(tmp_path / "pixels", (300, 517), out, form, lambda done, total: told.append((done, total)))
    with Image.open(out) as image:
        assert image.format == form.upper()
        assert np.array_equal(np.asarray(image), pixels)
    assert told[-1] == (300, 300)
    assert [one.name for one in out.parent.iterdir()] == ["picture"]


def test_a_tiff_has_tiles(tmp_path: Path) -> None:
    import tifffile

    (tmp_path / "pixels").write_bytes(bytes(3 * 300 * 517))
    write_picture(tmp_path / "pixels", (300, 517), tmp_path / "picture.tif", "tiff")
    with tifffile.TiffFile(tmp_path / "picture.tif") as file:
        assert file.pages[0].tile == (256, 256)
        assert not file.is_bigtiff


def test_where_a_tiff_has_to_be_big() -> None:
    assert not is_big((30_000, 47_000))
    assert is_big((38_000, 38_000))


def test_missing_pixels_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "pixels").write_bytes(bytes(100))
    with pytest.raises(SemsynthError, match=r"pixels is truncated: remove its folder and begin again"):
        write_picture(tmp_path / "pixels", (9, 9), tmp_path / "picture.png", "png")
    assert [one.name for one in tmp_path.iterdir()] == ["pixels"]
