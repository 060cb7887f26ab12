"""``semsynth synthesize --region-seed``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import CLASSES, save_tiny_oasis
from typer.testing import CliRunner

from semsynth.cli.main import app

UPPER, LOWER, ABSENT = CLASSES.classes[1], CLASSES.classes[2], CLASSES.classes[5]


@pytest.fixture
def label_map(tmp_path: Path) -> Path:
    labels = np.full((64, 64), UPPER.id, np.uint8)
    labels[32:] = LOWER.id
    Image.fromarray(labels).save(tmp_path / "map.png")
    save_tiny_oasis(tmp_path / "model")
    return tmp_path / "map.png"


def synthesize(label_map: Path, out: str, *options: str) -> tuple[int, str]:
    folder = label_map.parent
    arguments = ["synthesize", str(label_map), "--model", str(folder / "model"), "--out", str(folder / out), *options]
    result = CliRunner().invoke(app, arguments)
    text = f"{result.output}{result.exception or ''}"
    return result.exit_code, text


def test_another_seed_for_a_class_makes_another_picture(label_map: Path) -> None:
    for out, options in (
        ("plain", ("--seed", "3")),
        ("named", ("--seed", "3", "--region-seed", f"{LOWER.name}=9")),
        ("numbered", ("--seed", "3", "--region-seed", f"{LOWER.id}=9")),
    ):
        assert synthesize(label_map, out, "--precision", "float32", *options)[0] == 0
    plain, named, numbered = (
        np.asarray(Image.open(label_map.parent / out / "map.png")) for out in ("plain", "named", "numbered")
    )
    assert np.array_equal(named, numbered)
    assert not np.array_equal(plain, named)


def test_notes_and_errors(label_map: Path) -> None:
    code, text = synthesize(label_map, "absent", "--region-seed", f"{ABSENT.name}=1")
    assert code == 0
    assert f"has no '{ABSENT.name}'" in text
    for wrong in ("door", "=3", f"{LOWER.name}=x"):
        code, text = synthesize(label_map, "wrong", "--region-seed", wrong)
        assert code != 0
        assert "expected REGION=SEED" in text
    code, text = synthesize(label_map, "wrong", "--region-seed", "sofa=3")
    assert code != 0
    assert "no class 'sofa'" in text
    assert not (label_map.parent / "wrong").exists()
