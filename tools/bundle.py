"""Train a bundled model, score it, and put it into the package: half-precision weights and a complete card.

    python tools/bundle.py MODEL [--data DIR] [--run RUN] [--steps N] [--set KEY=VALUE ...] [--segmenter SEG]

Everything that makes a model is in ``bundled_models.py``. The same command again resumes a training run that was
stopped.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from bundled_models import MODELS, Bundle, Stage
from PIL import Image
from torch import nn

import semsynth
from semsynth.checkpoint import BUNDLED, Card, load_model, save_model
from semsynth.classes import ClassSet, builtin
from semsynth.cli.progress import ProgressBar, count_bar
from semsynth.data.folder import CLASSES_FILE, DatasetFolder
from semsynth.data.transforms import Pipeline
from semsynth.images import to_tensor
from semsynth.layout import pixels
from semsynth.losses.perceptual import PerceptualLoss
from semsynth.models.vgg import load_vgg19
from semsynth.synthesizer import Synthesizer
from semsynth.training.data import MicroBatches, Share
from semsynth.training.devices import device_name, make_fabric
from semsynth.training.learner import Learner
from semsynth.training.records import new_record
from semsynth.training.run import RunFolder, RunRecord, told
from semsynth.training.start import build_recipe, open_data

SEEDS = range(4)
"""Styles of each layout for the spread."""
LARGEST = 25_000_000
"""Bytes of a bundled model at most."""
TIMED_STEPS = 3


def main() -> None:
    """Estimate, train, score, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--data", type=Path, help="dataset folder; default its place below ../shared/data")
    parser.add_argument("--run", type=Path, help="folder for a run of each stage; default runs/MODEL")
    parser.add_argument("--trained", type=Path, help="run folder that is trained already: score and write it")
    parser.add_argument("--out", type=Path, help="model folder to write; default its place in the package")
    parser.add_argument("--steps", type=int, help="of all stages together; default: bundled_models.py says")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="other settings, for tries")
    parser.add_argument("--perceptual-weights", type=Path, help="file with VGG-19 or its beginning")
    parser.add_argument("--feature-weights", type=Path, help="file with the network of the feature discriminator")
    parser.add_argument("--segmenter", help="who scores: a folder, a Hugging Face id or a class set; default nobody")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    arguments = parser.parse_args()
    bundle = MODELS[arguments.model]
    data = arguments.data or Path("../shared/data") / bundle.data
    check_data(data, bundle)
    if arguments.trained is None:
        stages = bundle.with_steps(arguments.steps)
        print(estimate(bundle, data, stages, arguments), flush=True)
        run = train(bundle, data, stages, arguments)
    else:
        run = RunFolder(arguments.trained)
        run.open()
    with count_bar("encoding") as bar:
        semsynth.fit_styles(run.root, data, device=arguments.device, progress=bar)
    report = evaluate(run, data, arguments.segmenter, arguments.device)
    pipeline = bundle.config(bundle.stages[-1], ClassSet.open(data / CLASSES_FILE), tuple(arguments.set)).data
    scores = score(run.model, data, pipeline, arguments.perceptual_weights) | report
    card = write(run, arguments.out or BUNDLED / arguments.model, bundle, arguments.model, scores)
    print(card.model_dump_json(indent=2))


def check_data(data: Path, bundle: Bundle) -> None:
    """Leave unless ``data`` is a dataset folder of the model's classes."""
    path = data / CLASSES_FILE
    if not path.is_file():
        sys.exit(f"error: {path} does not exist: give the dataset folder with --data DIR (make: DATA=DIR)")
    names = {item.name for item in ClassSet.open(path).classes}
    if names != {item.name for item in builtin(bundle.class_set).classes}:
        sys.exit(f"error: {data} has other classes than '{bundle.class_set}': give the model's own data")


def estimate(bundle: Bundle, data: Path, stages: Sequence[Stage], arguments: argparse.Namespace) -> str:
    """Time and size, from some throw-away steps of the last stage.

    Leaves if the model would be too large to ship.
    """
    record = new_record(
        bundle.system,
        data,
        preset=bundle.preset,
        overrides=(*stages[-1].settings, *arguments.set),
        perceptual_weights=arguments.perceptual_weights,
        feature_weights=arguments.feature_weights,
    )
    assert isinstance(record, RunRecord)
    steps = sum(stage.steps for stage in stages)
    opened = open_data(record.data)
    recipe = build_recipe(record, opened)
    config, settings = recipe.config, recipe.config.training
    size = check_bytes(recipe.networks[name] for name in recipe.averaged)
    fabric = make_fabric(arguments.device, 1, settings.precision)
    learner = Learner(recipe, fabric, len(opened.train))
    share = Share(settings.batch_size, settings.accumulate)
    batches = MicroBatches(opened.train, config.data, recipe.collate, settings.seed, share)
    batch = [learner.to_device(batches[number]) for number in range(settings.accumulate)]
    learner.train_step(batch)  # the first one prepares
    _synchronize(fabric.device)
    start = time.perf_counter()
    for _ in range(TIMED_STEPS):
        learner.train_step(batch)
    _synchronize(fabric.device)
    seconds = (time.perf_counter() - start) / TIMED_STEPS
    photos = pixels(config.data.output_size or (0, 0))
    return (
        f"{bundle.system}/{bundle.preset}: {steps:,} steps of {settings.batch_size} photos of {photos} on "
        f"{device_name(fabric.device)}: about {seconds * steps / 3600:.1f} hours ({seconds:.2f} s a step) from the "
        f"first step on; the model about {size / 1e6:.1f} MB"
    )


def check_bytes(networks: Iterable[nn.Module]) -> int:
    """Bytes of the weights in half precision; leaves if they are too many to ship."""
    size = 2 * sum(p.numel() for network in networks for p in network.parameters())
    if size > LARGEST:
        sys.exit(f"error: {size / 1e6:.0f} MB of weights, more than {LARGEST / 1e6:.0f} MB may ship: narrow it")
    return size


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def train(bundle: Bundle, data: Path, stages: Sequence[Stage], arguments: argparse.Namespace) -> RunFolder:
    """Train stage after stage, or resume; exits as ``semsynth train`` does when that is stopped.

    Returns:
        The last stage's run.
    """
    root = arguments.run or Path("runs") / arguments.model
    runs = [RunFolder(root / str(number)) for number in range(1, len(stages) + 1)]
    before = None if bundle.init_from is None else BUNDLED / bundle.init_from
    newest = max((number for number, run in enumerate(runs) if run.begun), default=0)
    for number, (stage, run) in enumerate(zip(stages, runs, strict=True)):
        if number >= newest:  # what another stage began with stays
            with ProgressBar() as bar:
                result = train_stage(bundle, data, stage, run, before, arguments, bar)
            if result.signal is not None:
                sys.exit(128 + result.signal)
        before = run.root
    return runs[-1]


def train_stage(
    bundle: Bundle,
    data: Path,
    stage: Stage,
    run: RunFolder,
    before: Path | None,
    arguments: argparse.Namespace,
    bar: ProgressBar,
) -> semsynth.TrainingResult:
    """Begin a stage with the weights of the one before, or continue it."""
    if run.begun:
        return semsynth.resume(run.root, steps=stage.steps, device=arguments.device, progress=bar)
    return semsynth.train(
        bundle.system,
        data,
        run.root,
        preset=bundle.preset,
        steps=stage.steps,
        overrides=(*stage.settings, *arguments.set),
        init_from=before,
        perceptual_weights=arguments.perceptual_weights,
        feature_weights=arguments.feature_weights,
        device=arguments.device,
        progress=bar,
    )


def evaluate(run: RunFolder, data: Path, segmenter: str | None, device: str) -> dict[str, float]:
    """Scores by the protocol ``semsynth-2026``, each beside that of the real photos; none without a segmenter."""
    if segmenter is None:
        return {}
    out = run.root / "report"
    report = semsynth.evaluate(str(run.root), data, out=out, segmenter=segmenter, samples=5, device=device)
    names = {
        "mean IoU": "mean_iou",
        "mean IoU of the real photos": "oracle/mean_iou",
        "kernel distance": "kernel_distance",
        "kernel distance of halves of the real photos": "real_halves/kernel_distance",
        "diversity of 5 seeds": "styles/diversity",
        "diversity of the real photos": "styles/photos",
    }
    prefix = f"val, {report.record.protocol.protocol.name}"
    return {
        f"{prefix}: {said}": round(float(report.scores[name]), 4)
        for said, name in names.items()
        if name in report.scores
    }


def score(folder: Path, data: Path, pipeline: Pipeline, weights: Path | None) -> dict[str, float]:
    """Distances to the validation photos, each in the style of the photo itself, and the spread over seeds."""
    synthesizer, val = Synthesizer(load_model(folder)), DatasetFolder(data, "val")
    perceptual = PerceptualLoss(load_vgg19(weights)) if weights else None
    distances, features, spreads = [], [], []
    for index in range(len(val)):
        sample = pipeline.apply(val[index], random.Random(0), train=False)
        assert sample.image is not None
        photo = to_tensor(sample.image)[None]
        style = synthesizer.style(Image.fromarray(sample.image)) if synthesizer.reads_photos else None
        made = to_tensor(np.asarray(synthesizer(sample.condition, style=style)))[None]
        distances.append((made - photo).abs().mean().item() * 127.5)
        if perceptual is not None:
            features.append(perceptual(made, photo).item())
        if synthesizer.has_styles:
            several = synthesizer.synthesize_batch([sample.condition] * len(SEEDS), seeds=list(SEEDS))
            spreads.append(np.stack([np.asarray(one, np.float32) for one in several]).std(0).mean().item())
    scores = {"val: mean absolute difference to the photo, 0..255": distances}
    if features:
        scores["val: VGG-19 distance to the photo (relu1_1 to relu3_1)"] = features
    if spreads:
        scores["val: standard deviation over 4 seeds, 0..255"] = spreads
    return {name: round(sum(values) / len(values), 4) for name, values in scores.items()}


def write(run: RunFolder, out: Path, bundle: Bundle, name: str, scores: dict[str, float]) -> Card:
    """The model folder that ships; leaves, writing nothing, if it is too large."""
    model = load_model(run.model)
    check_bytes(model.networks.values())
    cards = list(history(run))
    changes = {
        "name": name,
        "recipe": "; then ".join(
            f"{card.steps:,} steps ({card.images_seen:,} images): {card.recipe}" for card in cards
        ),
        "steps": sum(card.steps for card in cards),
        "images_seen": sum(card.images_seen for card in cards),
        "seconds": round(sum(card.seconds for card in cards), 1),
        "licence": bundle.licence,
        "intended_use": bundle.intended_use,
        "scores": scores,
    }
    card = model.card.model_copy(update=changes)
    save_model(out, model.config, model.classes, model.networks, card, torch.float16)
    return card


def history(run: RunFolder) -> Iterator[Card]:
    """The cards of a run and of those that it goes on from, the first one first."""
    record, model = run.open(), load_model(run.model)
    recipe = told(record, model.classes)
    if record.init_from is not None:
        before = RunFolder(Path(record.init_from))
        if before.record.is_file():
            yield from history(before)
        else:
            card = load_model(before.root).card
            recipe += f", begins with {card.name} of {card.created[:10]} ({card.images_seen:,} images)"
    yield model.card.model_copy(update={"recipe": recipe})


if __name__ == "__main__":
    try:
        main()
    except semsynth.SemsynthError as error:
        sys.exit(f"error: {error}")
