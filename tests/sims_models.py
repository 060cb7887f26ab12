"""Models of SIMS whose network is new."""

from __future__ import annotations

from pathlib import Path

import torch
from toy_bank import SIDE

from semsynth.bank.settings import CanvasSettings
from semsynth.checkpoint import Card, SIMSModel, save_model
from semsynth.data.toy import TOY_CLASSES
from semsynth.data.transforms import Pipeline


def write_model(folder: Path, memory: CanvasSettings, doublings: int = 0) -> Path:
    """A model of toy scenes."""
    generator = {"family": "sims", "encoding": {"num_classes": TOY_CLASSES.num_classes, "void": "after"}}
    values = {"generator": {**generator, "width_scale": 0.02, "doublings": doublings}}
    config = SIMSModel.model_validate({**values, "memory": memory, "data": Pipeline(mode="fixed", crop_size=SIDE)})
    torch.manual_seed(1)
    save_model(folder, config, TOY_CLASSES, config.build(), Card(name="Pieces"))
    return folder
