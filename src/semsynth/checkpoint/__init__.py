"""The model folder: what training exports and inference loads.

``config.json`` (what to build, and the checksum of every other file that must fit it), one
``NAME.safetensors`` per network, ``classes.json`` (what the label ids mean) and ``card.json`` (where the
model comes from). Loading reads JSON and tensors only: it never runs code from the folder.
"""

from __future__ import annotations

from semsynth.checkpoint.finding import BUNDLED, HUB_ID, bundled_models, find_model
from semsynth.checkpoint.folder import (
    CARD,
    CLASSES,
    CONFIG,
    LoadedModel,
    is_model_folder,
    load_model,
    read_config,
    save_model,
    weight_files,
)
from semsynth.checkpoint.systems import (
    FORMAT,
    MODELS,
    Card,
    GeneratorModel,
    ModelConfig,
    OASISModel,
    Pix2PixHDModel,
    SIMSModel,
    SPADEModel,
    model_config,
)

__all__ = [
    "BUNDLED",
    "CARD",
    "CLASSES",
    "CONFIG",
    "FORMAT",
    "HUB_ID",
    "MODELS",
    "Card",
    "GeneratorModel",
    "LoadedModel",
    "ModelConfig",
    "OASISModel",
    "Pix2PixHDModel",
    "SIMSModel",
    "SPADEModel",
    "bundled_models",
    "find_model",
    "is_model_folder",
    "load_model",
    "model_config",
    "read_config",
    "save_model",
    "weight_files",
]
