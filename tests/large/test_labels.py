"""Label maps in strips: the ids and symbols of maps that are read at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import CLASSES

from semsynth.errors import SemsynthError
from semsynth.images import save_png
from semsynth.large import labels, png
from semsynth.large.labels import label_strips, map_size, store_symbols
from semsynth.layout import Layout, LayoutBatch, LayoutEncoding, Size
from semsynth.layout.stored import SymbolFile

ENCODING = LayoutEncoding(num_classes=CLASSES.num_classes, void="after")


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of few rows."""
    monkeypatch.setattr(png, "STRIP_PIXELS", 1000)
    monkeypatch.setattr(labels, "STRIP_PIXELS", 300)


def save_colors(path: Path, layout: Layout) -> None:
    save_png(path, layout.colors())


def save_bmp(path: Path, layout: Layout) -> None:
    Image.fromarray(np.where(layout.labels == 65535, 255, layout.labels).astype(np.uint8)).save(path, "BMP")


@pytest.mark.parametrize("save", [Layout.save, save_colors, save_bmp])
@pytest.mark.parametrize("size", [(96, 160), (64, 33), (200, 190)])
def test_symbols_are_those_of_the_layout(size: Size, save: object, label_map: Path, tmp_path: Path) -> None:
    layout, path = Layout.open(label_map, CLASSES), tmp_path / "other"
    if save is Layout.save:
        layout.save(path)
    else:
        save(path, layout)  # type: ignore[operator]
    file, told = SymbolFile.of(tmp_path / "symbols", size, ENCODING), []
    store_symbols(path, CLASSES, ENCODING, file, lambda done, total: told.append((done, total)))
    wanted = LayoutBatch.from_layouts([layout.resized(size)], ENCODING).full.symbols[0]
    assert np.array_equal(file.read(np.arange(size[0]), np.arange(size[1])), wanted)
    assert told[-1] == (size[0], size[0])
    assert map_size(path) == (96, 160)


def test_ids_outside_the_classes_name_file_and_rows(label_map: Path, tmp_path: Path) -> None:
    numbers = np.asarray(Image.open(label_map)).copy()
    numbers[90, 5] = 77
    save_png(tmp_path / "wrong.png", numbers)
    strips = label_strips(tmp_path / "wrong.png", CLASSES)
    assert next(strips)[0] == slice(0, 6)
    with pytest.raises(
        SemsynthError, match=r"wrong\.png, rows 90 to 96: ids outside the class set .*: 77 \(1 pixels\)"
    ):
        list(strips)


def test_a_cut_map_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    save_png(path, np.random.default_rng(0).integers(1, 3, (64, 64)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:200])
    encoding = LayoutEncoding(num_classes=CLASSES.num_classes)
    file = SymbolFile.of(tmp_path / "symbols", (64, 64), encoding)
    with pytest.raises(SemsynthError) as error:
        store_symbols(path, CLASSES, encoding, file)
    assert str(error.value) == f"{path} is truncated or damaged: restore the file"
    assert not file.path.exists()
