"""Exported generators make what the model folder makes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from export.graphs import MODELS, given_to, photos, save

from semsynth.export import SUFFIXES, ExportFormat, export_model, open_exported

FORMATS: list[ExportFormat] = ["onnx", "torch"]
QUICK = {"spade from noise, with edges", "pix2pixhd, two scales, instances and features", "crn", "oasis"}


def by_weight(name: str, kind: ExportFormat) -> object:
    """The four papers' systems in ONNX are quick tests, everything else takes longer together."""
    marks = [] if name in QUICK and kind == "onnx" else [pytest.mark.slow]
    return pytest.param(name, kind, marks=marks, id=f"{name}, {kind}")


def difference(made: torch.Tensor, wanted: torch.Tensor) -> float:
    assert made.shape == wanted.shape
    assert wanted.std() > 0.02, "a picture of one colour shows nothing"
    return float((made - wanted).abs().max())


@pytest.mark.parametrize(("name", "kind"), [by_weight(name, kind) for kind in FORMATS for name in MODELS])
def test_an_exported_model_makes_the_same_pictures(name: str, kind: ExportFormat, tmp_path: Path) -> None:
    config = MODELS[name]()
    model = save(tmp_path / "model", config)
    out = tmp_path / f"model{SUFFIXES[kind]}"
    record = export_model(model, out, kind)
    given = given_to(config, record.graph.size)
    exported = open_exported(out)
    made = exported.photograph([given.condition], None if given.style is None else given.style[None])
    assert difference(made, photos(model, given)) < 1e-4
