"""The memory that decoding a large map takes above Pillow's own picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PEAK = """
import resource, sys
from pathlib import Path
from PIL import Image
from semsynth.classes import builtin
from semsynth.layout import Layout
from semsynth.layout.label_files import read_instances

classes, path = builtin("cmp_facades"), Path(sys.argv[2])
if sys.argv[1] == "pillow":
    Image.open(path).load()
elif sys.argv[1] == "instances":
    read_instances(path)
else:
    Layout.open(path, classes)
print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
SIDE = 4096


def peak(what: str, path: Path) -> int:
    return int(subprocess.run([sys.executable, "-c", PEAK, what, path], capture_output=True, check=True).stdout)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["L", "P", "I;16", "RGB", "RGBA"])
def test_at_most_six_bytes_per_pixel(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    if mode in ("RGB", "RGBA"):
        image = Image.new(mode, (SIDE, SIDE), (0, 0, 170, 255)[: len(mode)])  # the first class of the set
    else:
        image = Image.fromarray(np.ones((SIDE, SIDE), np.uint16 if mode == "I;16" else np.uint8))
    (image if mode != "P" else image.convert("P")).save(path)
    decoder = peak("pillow", path)
    for what in ("labels", "instances"):
        assert peak(what, path) - decoder <= 6 * SIDE**2 + 2**25  # strips, and one table of 2^16 ids
