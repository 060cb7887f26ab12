"""Put a trained model into the package: half-precision weights, a complete card, measured scores.

    python tools/bundle.py RUN DATA [--out FOLDER] [--perceptual-weights FILE]

RUN is a run folder or a model folder, DATA the dataset folder whose validation split scores it.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from semsynth.checkpoint import load_model, save_model
from semsynth.data.folder import DatasetFolder
from semsynth.data.transforms import Pipeline
from semsynth.images import to_tensor
from semsynth.losses.perceptual import PerceptualLoss
from semsynth.models.vgg import load_vgg19
from semsynth.synthesizer import Synthesizer

OUT = Path("src/semsynth/models_bundled/facades")
SEEDS = range(4)
"""Styles of each layout for the spread."""

CARD = {
    "name": "facades",
    "licence": (
        "Trained on the CMP Facade Database (Tylecek and Sara 2013), whose authors state no licence and ask for "
        "citation; the perceptual term used VGG-19 (CC BY 4.0). Weights: use as the data allows."
    ),
    "intended_use": (
        "Demonstration, tests and a start for fine-tuning: house fronts at 256x256 from the 12 cmp_facades classes. "
        "Not a measure of what SPADE can do at the paper's size, and no source of facts about real buildings."
    ),
}


def main() -> None:
    """Read the arguments, score, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--perceptual-weights", type=Path)
    parser.add_argument("--recipe", help="how the model was trained, where the run's own card does not say it all")
    arguments = parser.parse_args()
    folder = arguments.run / "model" if (arguments.run / "model").is_dir() else arguments.run
    model = load_model(folder)
    scores = score(folder, DatasetFolder(arguments.data, "val"), arguments.perceptual_weights)
    train = len(DatasetFolder(arguments.data, "train"))
    recipe = arguments.recipe or model.card.recipe
    card = model.card.model_copy(
        update={
            **CARD,
            "recipe": recipe,
            "scores": scores,
            "data": f"{arguments.data.name}, train split, {train} photos",
        }
    )
    save_model(arguments.out, model.config, model.classes, model.networks, card, torch.float16)
    print(card.model_dump_json(indent=2))  # noqa: T201  (a script)


def score(folder: Path, val: DatasetFolder, weights: Path | None) -> dict[str, float]:
    """Distances to the validation photos, each in the style of the photo itself, and the spread over seeds."""
    synthesizer = Synthesizer(load_model(folder))
    perceptual = PerceptualLoss(load_vgg19(weights)) if weights else None
    pipeline = Pipeline(mode="fixed", crop_size=synthesizer.config.crop_size)
    distances, features, spreads = [], [], []
    for index in range(len(val)):
        sample = pipeline.apply(val[index], random.Random(0), train=False)
        assert sample.image is not None
        photo = to_tensor(sample.image)[None]
        style = synthesizer.style(Image.fromarray(sample.image)) if synthesizer.reads_photos else None
        made = to_tensor(np.asarray(synthesizer(sample.layout, style=style)))[None]
        distances.append((made - photo).abs().mean().item() * 127.5)
        if perceptual is not None:
            features.append(perceptual(made, photo).item())
        if synthesizer.has_styles:
            several = synthesizer.synthesize_batch([sample.layout] * len(SEEDS), seeds=list(SEEDS))
            spreads.append(np.stack([np.asarray(one, np.float32) for one in several]).std(0).mean().item())
    scores = {"val: mean absolute difference to the photo, 0..255": distances}
    if features:
        scores["val: VGG-19 distance to the photo (relu1_1 to relu3_1)"] = features
    if spreads:
        scores["val: standard deviation over 4 seeds, 0..255"] = spreads
    return {name: round(sum(values) / len(values), 4) for name, values in scores.items()}


if __name__ == "__main__":
    main()
