"""One process of distributed trainings, one after the other, started by a test: OUT RECIPE_JSON ..."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch

from semsynth.config import load_config
from semsynth.training import trainer as trainer_module
from semsynth.training.devices import make_fabric
from semsynth.training.observer import SILENT
from semsynth.training.run import RunFolder, RunRecord
from semsynth.training.start import build_recipe, open_data
from semsynth.training.trainer import Trainer


def train(run: Path, recipe_json: Path) -> None:
    """Leaves the networks in ``run/RANK.pt``."""
    record = load_config(RunRecord, recipe_json)
    samples = open_data(Path(record.data))
    fabric = make_fabric("cpu", 1, record.config["training"]["precision"])  # the environment says how many
    fabric.launch()
    trainer = Trainer(build_recipe(record, samples), samples, RunFolder(run), fabric, SILENT)
    trainer.fit()
    weights = {name: network.state_dict() for name, network in trainer.recipe.networks.items()}
    torch.save(weights, run / f"{fabric.global_rank}.pt")


def main(out: Path, *recipes: Path) -> None:
    """Runs go to ``out/0``, ``out/1``, ..."""
    torch.set_num_threads(1)
    warnings.simplefilter("error", FutureWarning)  # each process would repeat it
    warnings.filterwarnings("error", "Grad strides", UserWarning)  # likewise
    trainer_module.REFRESH_IMAGES, trainer_module.REFRESH_BATCHES = 4, 2  # as in the fixtures of the tests
    for number, recipe_json in enumerate(recipes):
        train(out / str(number), recipe_json)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
