"""The commands of README and docs, and what makes them small enough for a test: files, thin networks, few steps."""

from __future__ import annotations

import dataclasses
import itertools
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_segmenters
import torch
from backbone_weights import efficientnet_state
from lightning_fabric import Fabric
from safetensors.torch import save_file

from semsynth.api import training as api
from semsynth.classes import ClassSet, builtin
from semsynth.comparison.configs import scale_widths
from semsynth.config import validated
from semsynth.data.facades import draw_facade
from semsynth.data.folder import save_classes
from semsynth.images import save_png
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components
from semsynth.recipes import RECIPES
from semsynth.recipes.base import RecipeConfig
from semsynth.training import records, trainer
from semsynth.training.data import Share
from semsynth.training.devices import make_fabric

REPOSITORY = Path(__file__).resolve().parent.parent
DOCUMENTS = [REPOSITORY / "README.md", *sorted(REPOSITORY.glob("docs/**/*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""A block of a document: its language, which shells may leave out, and its text."""
_TORCHRUN = re.compile(
    r".*\btorchrun (--nnodes (?P<nodes>\d+) )?--nproc-per-node (?P<devices>\d+).* -m semsynth (?P<rest>.*)"
)
_TWO_STEPS = {"steps": 2, "warmup": 1, "validate_every": 2}
_SIDE = 64
"""Of drawn label maps and photos."""

NOT_RUN = {
    r"--help$": "prints a text",
    r"^(doctor|demo)\b": "tests/cli run them",
    r"^studio\b|^study serve\b": "serve until Ctrl-C: tests/studio and tests/study/server",
    r"^train pix2pixhd .*--stages|^train pix2pixhd --resume": "three stages: tests/training/test_stages.py",
    r"--instances INST.png": "needs objects of these numbers: tests/cli/test_synthesize.py",
    r"--count 9": "needs a model of collections: tests/cli/test_collections.py",
    r"^study analyse (?!.*--simulated)": "needs people's answers: tests/study",
    r"^study simulate .*--server|^study mturk\b|--db postgresql": "need a server",
    r"--engine ray": "tests/bulk/test_ray_engine.py",
    r"^push\b|me/mine|somebody/fronts": "need the Hugging Face Hub: tests/hub",
    r"https://|s3://": "need a network: tests/data/shards",
    r"^data import (?!folder|edges|unlabelled)": "need downloads: tests/data/importers import drawn ones",
    r"^data export\b": "tests/data/exporters",
    r"--void 0|--map 255": "need label maps with such ids: tests/data/importers",
    r"^convert\b|models/coco|--model MODEL\b": "need official checkpoints: tests/convert",
    r"paper_tables|quality": "train a whole paper's table: tests/comparison",
}
"""Commands that the test leaves out, by a pattern of what follows ``semsynth``, and why."""


def commands_of(document: Path) -> list[list[str]]:
    """What follows ``semsynth`` in the document's blocks, in order; ``torchrun`` becomes ``--devices``."""
    found = []
    shell = "".join(text for language, text in FENCE.findall(document.read_text("utf-8")) if language in ("", "sh"))
    for line in re.sub(r"\\\n\s*", "", shell).splitlines():
        started = _TORCHRUN.match(line)
        if started is not None:
            line = f"semsynth {started['rest']} --devices {started['devices']} --nodes {started['nodes'] or 1}"
        if line.startswith("semsynth "):
            found.append(shlex.split(line, comments=True)[1:])
    return found


def reason_to_leave_out(arguments: list[str]) -> str | None:
    """Why a command is not run; None: it is."""
    return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, shlex.join(arguments))), None)


def shortened(arguments: list[str]) -> list[str]:
    """The same command with few steps and small files, on a CPU."""
    text = shlex.join(arguments)
    text = re.sub(r"(--steps |steps=)\d+", r"\g<1>2", text)
    text = re.sub(r"--count (300|200)", "--count 10", text)
    text = re.sub(r"--frames \d+", "--frames 2", text)
    text = re.sub(r"\bVGG19\b", "vgg19.pth", text)
    text = re.sub(r"--feature-weights FILE", "--feature-weights efficientnet.safetensors", text)
    text = (
        text.replace("/data/", "")
        .replace("/mnt/", "")
        .replace("other-report", "report")
        .replace("--confidence 0.5", "--confidence 0")
    )
    if arguments[:2] == ["segmenter", "train"] and "--resume" not in arguments:
        text += " --set augmentation.crop_size=32 --set warmup=1 --set batch_size=2"
        text += "" if "--steps" in arguments else " --steps 2"
    return shlex.split(text)


def make_ready(arguments: list[str], folder: Path) -> None:
    """Train ``runs/facades`` for a command that reads it, as its reader has done; lay out ``SRC`` as an import says."""
    given = dict(itertools.pairwise(arguments))
    if given.get("folder") == "SRC":
        shutil.rmtree(folder / "SRC")
        _write_dataset(folder / "SRC", builtin("cmp_facades"), {"": 4}, instances=False)
        for labels in list((folder / "SRC/labels").iterdir()):
            labels.rename(labels.with_stem(labels.stem + given.get("--label-suffix", "")))
        for kind in ("images", "labels"):
            (folder / "SRC" / kind).rename(folder / "SRC" / given.get(f"--{kind}", kind))
    if "runs/facades" in arguments and arguments[0] != "train" and not (folder / "runs/facades").exists():
        data = folder / "DATA/cmp_facades"
        api.train("spade", data, folder / "runs/facades", preset="small", perceptual=False)


def make_room(arguments: list[str], folder: Path) -> None:
    """Remove what a name in capitals stood for in an earlier command: to readers it is another name every time."""
    given = dict(itertools.pairwise(arguments))
    out = arguments[4] if arguments[:2] == ["data", "import"] and len(arguments) > 4 else given.get("--out", "")
    if out.isupper() and "--resume" not in arguments:
        shutil.rmtree(folder / out, ignore_errors=True)


# Files ------------------------------------------------------------------------------------------------------------


def write_files(root: Path) -> None:
    """Everything that documents call by a name of their reader's: ``MAP.png``, ``DATA``, ``VGG19`` ..."""
    classes = builtin("cmp_facades")
    for name in ("DATA", "SRC", "my_data"):
        _write_dataset(root / name, classes, {"train": 4, "val": 3} if name == "DATA" else {"": 4})
    for name in ("DATA/cmp_facades", "cmp_facades", "DATA/camvid", "DATA/labelmefacade", "DATA/cityscapes"):
        kind = builtin(Path(name).name)
        _write_dataset(root / name, kind, {"train": 4, "val": 3}, instances=kind.name == "cityscapes")
    front = instances_from_components(draw_facade(0, _SIDE))
    for place in ("MAP.png", "labels.png", "DIR/a.png"):
        front.save(root / place)
    for seed in range(3):
        draw_facade(seed, _SIDE).save(root / "frames" / f"{seed}.png")
    front.save_instances(root / "INST.png")
    front.save_instances(root / "INSTANCES" / "MAP.png")
    for name in ("PHOTO.jpg", "PHOTO.png", "house.jpg", *(f"PHOTOS/{number}.png" for number in range(3))):
        save_png(root / name, front.colors())
    (root / "styles.json").write_text('{"door": "oak"}')
    save_png(root / "EDGE.png", np.zeros((_SIDE, _SIDE, 3), np.uint8))
    for name in ("OURS", "THEIRS", "out/ours", "out/crn"):
        shutil.copytree(root / "DATA" / "val" / "images", root / name)
    small_segmenters.train(
        root / "DATA", root / "SEG", settings=small_segmenters.SETTINGS.model_copy(update=_TWO_STEPS)
    )
    torch.manual_seed(0)
    sizes = {0: (2, 3), 2: (2, 2), 5: (2, 2)}
    weights = {f"features.{index}.weight": torch.randn(*shape, 3, 3) for index, shape in sizes.items()}
    torch.save(weights | {f"features.{index}.bias": torch.zeros(2) for index in sizes}, root / "vgg19.pth")
    save_file(efficientnet_state(), root / "efficientnet.safetensors")


def _write_dataset(root: Path, classes: ClassSet, splits: dict[str, int], *, instances: bool = True) -> None:
    save_classes(root, classes)
    for split, count in splits.items():
        for seed in range(count):
            drawn = draw_facade(seed, _SIDE).labels
            layout = Layout(
                drawn if classes.name == "cmp_facades" else classes.ids[drawn % classes.num_classes], classes
            )
            layout = instances_from_components(layout)
            layout.save(
                root / split / "labels" / f"{seed}.png",
                root / split / "instances" / f"{seed}.png" if instances else None,
            )
            save_png(root / split / "images" / f"{seed}.png", layout.colors())


# Networks and trainings -------------------------------------------------------------------------------------------


def make_trainings_small(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Train thin networks on small pictures for two steps, on one CPU, with the weights in ``root``."""
    systems = {name: dataclasses.replace(one, presets=_Small(one.presets)) for name, one in RECIPES.items()}
    monkeypatch.setattr(records, "RECIPES", systems)
    monkeypatch.setattr("semsynth.comparison.configs.RECIPES", systems)
    monkeypatch.setattr("semsynth.models.vgg.downloaded", lambda *arguments: root / "vgg19.pth")
    monkeypatch.setattr(trainer, "REFRESH_IMAGES", 4)
    monkeypatch.setattr(trainer, "REFRESH_BATCHES", 2)
    asked = []

    def on_one_cpu(device: str = "auto", devices: int = 1, precision: str = "float32", nodes: int = 1) -> Fabric:
        asked.append(devices * nodes)
        return make_fabric("cpu")

    def checked(root: Path, record: Any, *arguments: Any, **named: Any) -> Any:
        for config in [record.config] if isinstance(record, records.RunRecord) else record.stages.values():
            Share(config["training"]["batch_size"], config["training"]["accumulate"], 0, asked[-1])
        return run(root, record, *arguments, **named)

    run = api.run_training
    monkeypatch.setattr(api, "make_fabric", on_one_cpu)
    monkeypatch.setattr(api, "run_training", checked)


class _Small(dict[str, Callable[..., RecipeConfig]]):
    """Presets by name, of thin networks on small pictures."""

    def __init__(self, presets: Any) -> None:
        super().__init__({name: lambda *given, one=one: small(one(*given)) for name, one in presets.items()})


def small(config: RecipeConfig) -> RecipeConfig:
    """The configuration with thin networks, small pictures and two steps."""
    values = scale_widths(config, 0.07).model_dump()
    halvings, (height, width) = 0, config.data.output_size or (0, 0)
    while min(height, width) >> halvings >= 2 * _SIDE:
        halvings += 1
    while (
        values["generator"].get("family") == "sims"
        and min(height, width) >> halvings < _SIDE << values["generator"]["doublings"]
    ):
        halvings -= 1
    for section in (values["data"], values["generator"]):
        for key in ("crop_size", "load_size"):
            if key in section:
                section[key] >>= halvings
    for key in ("refinements", "halvings"):  # of a cascade, and of a U-Net that ends at one pixel
        if key in values["generator"]:
            values["generator"][key] -= halvings
    if "warm_up_steps" in values:
        values["warm_up_steps"] = 1
    values["training"] |= {"steps": 2, "workers": 0, "precision": "32-true"}
    return validated(type(config), values, "a small preset")
