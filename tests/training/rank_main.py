"""One process of a distributed training, started by a test: RUN OUT RECIPE_JSON."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from semsynth.config import load_config
from semsynth.training import trainer as trainer_module
from semsynth.training.devices import make_fabric
from semsynth.training.log import LogLine
from semsynth.training.run import RunFolder, RunRecord
from semsynth.training.start import build_recipe, open_data
from semsynth.training.trainer import Trainer


class Quiet:
    def started(self, step: int, total_steps: int) -> None: ...

    def stepped(self, step: int) -> None: ...

    def logged(self, line: LogLine) -> None: ...

    def note(self, text: str) -> None: ...


def main(run: Path, out: Path, recipe_json: Path) -> None:
    torch.set_num_threads(1)
    trainer_module.REFRESH_IMAGES, trainer_module.REFRESH_BATCHES = 4, 2  # as in the fixtures of the tests
    record = load_config(RunRecord, recipe_json)
    samples = open_data(Path(record.data))
    fabric = make_fabric("cpu", 1, record.config["training"]["precision"])  # the environment says how many
    fabric.launch()
    trainer = Trainer(build_recipe(record, samples), samples, RunFolder(run), fabric, Quiet())
    trainer.fit()
    weights = {name: network.state_dict() for name, network in trainer.recipe.networks.items()}
    torch.save(weights, out / f"rank_{fabric.global_rank}_of_{fabric.world_size}.pt")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:4]))
