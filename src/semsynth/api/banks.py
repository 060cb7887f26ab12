"""The memory bank that belongs to a model."""

from __future__ import annotations

import shutil
from pathlib import Path

from semsynth.bank.index import INDEX
from semsynth.bank.settings import FOLDER
from semsynth.checkpoint import SIMSModel, find_model, read_config
from semsynth.errors import SemsynthError
from semsynth.files import explained, partial_path, sweep_partial_files


def attach_bank(model: str | Path, bank: str | Path) -> Path:
    """Copy the memory bank that a model was trained with into the model folder, where everything finds it first.

    The model and its bank can then be moved together. Only the files that the bank lists are copied.

    Args:
        model: a model or run folder, or a Hugging Face id.
        bank: the bank's folder.

    Returns:
        The copy.

    Raises:
        SemsynthError: a model that uses no bank, another bank than the one it was trained with, a model folder that
            holds a bank already, or a full disk.
    """
    folder = find_model(model)
    config = read_config(folder)
    if not isinstance(config, SIMSModel):
        raise SemsynthError(f"{model} is a model of '{config.system}', which uses no memory bank: give one of SIMS")
    target = folder / FOLDER
    if target.exists():
        raise SemsynthError(f"{target} is there already: remove it first, if it is not the model's bank")
    opened = config.memory.model_copy(update={"bank": str(bank)}).open()
    sweep_partial_files(folder)
    staging = partial_path(target)
    try:
        with explained(target):
            staging.mkdir()
            for name in (INDEX, *(one.file for one in opened.index.files)):
                shutil.copyfile(opened.folder / name, staging / name)
            staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target
