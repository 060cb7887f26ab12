"""The list of operators that archives may call is what our own exports call, and nothing else."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from exporting.graphs import MODELS, save

from semsynth.exporting import export_model
from semsynth.exporting.operators import OPERATORS


def called(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("models/model.json"))
        program = json.loads(archive.read(name))
    return {node["target"] for node in program["graph_module"]["graph"]["nodes"]}


@pytest.mark.slow
def test_operators_are_those_of_all_families(tmp_path: Path) -> None:
    found: set[str] = set()
    for number, make in enumerate(MODELS.values()):
        model = save(tmp_path / str(number), make())
        config = model.config.generator
        forms = [("fp32", False), ("fp16", False)] + ([("fp32", True)] if config.sizes.only is None else [])
        for dtype, free in forms:
            out = tmp_path / f"{number}-{dtype}-{free}.pt2"
            export_model(model, out, "torch", dtype=dtype, dynamic_size=free)  # type: ignore[arg-type]
            found |= called(out)
            out.unlink()
    assert found == OPERATORS
