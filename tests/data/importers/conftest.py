from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from official_trees import numbers, photo

from semsynth.images import save_png


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    """Cityscapes' tree, with pictures of noise: three to train on, one to validate, one to test."""
    root = tmp_path / "cs"
    for split, city, count in (("train", "aachen", 2), ("train", "ulm", 1), ("val", "bonn", 1), ("test", "bern", 1)):
        for index in range(count):
            name = f"{city}_000000_00{index:04d}"
            folder = root / "gtFine" / split / city
            save_png(folder / f"{name}_gtFine_labelIds.png", numbers(34))
            save_png(folder / f"{name}_gtFine_instanceIds.png", numbers(34_000, np.uint16))
            save_png(folder / f"{name}_gtFine_color.png", photo())
            save_png(root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png", photo(index))
    return root
