"""What a step of training asks of a device that is not the CPU: nothing from another device, and no answers.

Torch's ``meta`` device stands for a GPU: its tensors have no values, so whatever would wait for one raises an error
there, and so does whatever was made on the CPU.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from backbone_weights import save_mobilenet
from lightning_fabric import Fabric
from lightning_fabric.accelerators import CPUAccelerator
from lightning_fabric.strategies import SingleDeviceStrategy
from safetensors.torch import save_file
from tiny_settings import STYLED, SYSTEMS
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from semsynth.models.vgg import VGG19
from semsynth.training.learner import Learner
from semsynth.training.trainer import Trainer

Start = Callable[..., Trainer]
META = torch.device("meta")
WAITING = {"_local_scalar_dense", "nonzero", "equal", "masked_select", "bincount", "unique", "_unique2", "unique_dim"}
"""Operations that tell the host something, or make a tensor whose size only the device knows."""
FEATURES = (
    'feature_discriminator={"backbone": "mobilenet_v1", "size": null, "width": 4, "mixed_channels": [4, 4, 4, 4]}'
)
AIDS = (
    FEATURES,
    "gradient_penalty.weight=1",
    "gradient_penalty.every=1",
    'augmentation={"color": true, "cutout": 0.5}',
    "training.ema=0.9",
)
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    **{system: (system, ()) for system in SYSTEMS},
    "spade_styles": ("spade", STYLED),
    "spade_aids": ("spade", (*AIDS, "loss.pixels=1")),
    "spade_noise": ("spade", ("generator.noise_injection=true", "training.accumulate=2")),
    "oasis_aids": ("oasis", AIDS),
    "oasis_label_mix": ("oasis", ("loss.label_mix=official", "training.ema=0.9")),
    "pix2pixhd_features": ("pix2pixhd", (FEATURES,)),
    "crn_collection": ("crn", ("generator.count=2", "loss.mean_share=0.001")),
}
"""System and more settings by name."""
QUICK = ("spade_styles", "gan_segmentation", "crn_collection", "image_space")
"""On the ``meta`` device, where each operation is described in Python."""


class Watch(TorchDispatchMode):
    """Collects operations that somebody objects to, with the line of the package that asked for each."""

    def __init__(self, objects: Callable[[str, Any], bool]) -> None:
        super().__init__()
        self.objects = objects
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if self.objects(func.overloadpacket.__name__, (args, kwargs, result)):
            frames = [one for one in traceback.extract_stack() if "/src/semsynth/" in one.filename]
            where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
            self.found.append(f"{func} at {where}")
        return result


def travels(name: str, values: Any) -> bool:
    """Whether something goes from the CPU to the device, or is needed on both; a number goes with the operation."""
    tensors = [one for one in tree_leaves(values) if isinstance(one, Tensor) and one.ndim > 0]
    return len({one.device.type for one in tensors}) > 1


def waits(name: str, values: Any) -> bool:
    """Whether it would make the host wait for a GPU."""
    args = values[0]
    by_mask = name in ("index", "index_put", "index_put_") and any(
        isinstance(one, Tensor) and one.dtype in (torch.bool, torch.uint8) for one in tree_leaves(args[1])
    )
    return name in WAITING or by_mask or (name == "repeat_interleave" and len(args) == 1)


class MetaAccelerator(CPUAccelerator):
    """Torch's device of tensors without values."""

    def setup_device(self, device: torch.device) -> None:
        assert device == META


class MetaFabric(Fabric):
    """Takes parameters that have no values to its optimisers; Lightning's own refuses them."""

    def setup_optimizers(self, *optimizers: Any) -> Any:
        return optimizers[0]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Thin random networks: MobileNet, and VGG-19 up to its third block."""
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("networks")
    said = {"input": "RGB order, range 0..255, minus (123.68,116.779,103.939), no std division"}
    save_file(VGG19([4, 4, 4, 4, 6, 6]).state_dict(), folder / "vgg.safetensors", said)
    return {"features": save_mobilenet(folder), "perceptual": folder / "vgg.safetensors"}


@pytest.fixture
def trainer(case: str, start: Start, networks: dict[str, Path]) -> Trainer:
    """Of a system with its aids, on the CPU."""
    system, settings = CASES[case]
    features = networks["features"] if FEATURES in settings else None
    perceptual = networks["perceptual"] if system == "crn" else None
    return start("run", *settings, system=system, features=features, perceptual=perceptual)


@pytest.fixture
def without_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ``meta`` device has none."""
    monkeypatch.setattr(torch, "autocast", lambda *args, **more: nullcontext())


@pytest.mark.usefixtures("without_autocast")
@pytest.mark.parametrize(
    "case", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def test_everything_is_made_where_the_networks_are(trainer: Trainer) -> None:
    """The windows of layouts are found on the CPU, in the data workers; constants are moved in the first step."""
    learner = Learner(trainer.recipe, MetaFabric(strategy=SingleDeviceStrategy(META, MetaAccelerator())), 6)
    batches = [learner.to_device(trainer.batches[0])] * trainer.settings.accumulate
    learner.train_step(batches)
    learner.generate(trainer.recipe.networks, trainer.batches[0])
    with Watch(travels) as watch:
        learner.train_step(batches)
        learner.generate(trainer.recipe.networks, batches[0])
    assert watch.found == []
    if learner.ema is not None:
        assert {value.device for value in learner.ema.networks["generator"].state_dict().values()} == {META}


@pytest.mark.parametrize("case", CASES)
def test_no_step_waits_for_the_device(trainer: Trainer) -> None:
    batches = [trainer.learner.to_device(trainer.batches[0])] * trainer.settings.accumulate
    with Watch(waits) as watch:
        trainer.learner.train_step(batches)
    assert watch.found == []


def test_what_would_be_found() -> None:
    mask = torch.tensor([True, False])
    with Watch(waits) as watch:
        float(mask.sum())
        mask[mask]
        mask.nonzero()
        mask[torch.tensor([0])]
    assert [one.split(" ")[0] for one in watch.found] == [
        "aten._local_scalar_dense.default",
        "aten.index.Tensor",
        "aten.nonzero.default",
    ]
    with Watch(travels) as watch:
        torch.zeros(2, device=META) + torch.zeros(())
        torch.zeros(2).to(META)
    assert watch.found == ["aten._to_copy.default at nowhere"]
