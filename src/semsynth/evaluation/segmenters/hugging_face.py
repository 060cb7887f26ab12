"""Segmentation networks of the transformers library, from a folder or from the hub."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semsynth.checkpoint import BUNDLED, Card, find_model
from semsynth.checkpoint.hub_traffic import no_requests
from semsynth.classes import ClassSet
from semsynth.config import load_config
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters.mappings import OutputMapping, find_mapping
from semsynth.evaluation.segmenters.reach import check_folder
from semsynth.extras import require
from semsynth.files import sha256
from semsynth.synthesizer.devices import choose_device
from semsynth.tensor_files import HALF_AND_SINGLE, few_problems, misfits, read_safetensors

WEIGHTS, CARD = "model.safetensors", "card.json"
ATTENTION = "eager"
"""Always given: a configuration could name a package or a repository of kernels."""
_SPARE_NUMBERS = 2**24
"""Of a network beyond its stored weights; what is missing is told by its name."""
BUNDLED_SEGMENTERS = BUNDLED / "segmenters"
"""Where the segmenters that ship with the package lie, each in a folder named like its class set."""


class HuggingFaceSegmenter:
    """An ``AutoModelForSemanticSegmentation`` with a mapping of its outputs."""

    def __init__(
        self, network: nn.Module, mapping: OutputMapping, name: str, fingerprint: str, card: Card | None = None
    ) -> None:
        """Take over the network: it can only infer from now on."""
        self.name, self.fingerprint, self.card = name, fingerprint, card or Card()
        self.trained_on = self.card.data
        self.classes = mapping.predicted()
        self.network = network.eval().requires_grad_(False)
        self.device: torch.device = next(network.parameters()).device
        self._mean, self._std = (
            torch.tensor(values, device=self.device).view(1, 3, 1, 1) for values in (mapping.mean, mapping.std)
        )
        index = self.classes.index_of_id
        rows = [(int(index[i]), channel) for channel, i in enumerate(mapping.outputs) if i is not None]
        self._sources = [[channel for row, channel in rows if row == k] for k in range(self.classes.num_classes)]

    def logits(self, images: Tensor) -> Tensor:
        """[N,3,H,W] in [-1,1] -> [N,K,h,w]; of several outputs for one class the best counts."""
        with torch.inference_mode():
            outputs: Tensor = self.network(pixel_values=self._prepared(images)).logits.float()
        if all(len(channels) == 1 for channels in self._sources):
            return outputs[:, [channels[0] for channels in self._sources]]
        return torch.stack([outputs[:, channels].amax(1) for channels in self._sources], 1)

    def maps(self, images: Tensor) -> list[Tensor]:
        """The encoder's feature maps [N,C,h,w], finest first.

        Raises:
            SemsynthError: this network gives none.
        """
        with torch.inference_mode():
            outputs = self.network(pixel_values=self._prepared(images), output_hidden_states=True)
        found = [state.float() for state in getattr(outputs, "hidden_states", None) or () if state.ndim == 4]
        if not found:
            raise SemsynthError(
                f"the segmenter {self.name} gives no feature maps: choose other features, for example `features=random`"
            )
        return found

    def _prepared(self, images: Tensor) -> Tensor:
        return ((images.to(self.device) + 1) / 2 - self._mean) / self._std


def bundled_segmenters() -> dict[str, Path]:
    """Class set name -> folder of the segmenters that ship with the package."""
    return {folder.name: folder for folder in sorted(BUNDLED_SEGMENTERS.glob("*")) if (folder / WEIGHTS).is_file()}


def bundled_segmenter_for(classes: ClassSet) -> str | None:
    """Name of the segmenter that ships with the package for classes of these ids and names; None: there is none."""
    for name, folder in bundled_segmenters().items():
        known = load_config(OutputMapping, folder / "segmenter.json")
        if ClassSet(name=name, classes=known.classes).meanings == classes.meanings:
            return name
    return None


def load_segmenter(source: str | Path, mapping: str | None = None, device: str = "auto") -> HuggingFaceSegmenter:
    """Load a segmenter, ready to label.

    Args:
        source: a bundled one's class set, a folder in the layout of transformers, or a Hugging Face id.
        mapping: a ready mapping's name or a mapping file; None: the one in the folder, or the one that fits.
        device: ``auto`` or any name that torch knows.

    Raises:
        SemsynthError: no such segmenter, a damaged one, or one without mapping.
    """
    folder = bundled_segmenters().get(str(source)) or _find(source)
    config = _network_config(folder)
    found = find_mapping(mapping, folder, config.id2label)
    weights = folder / WEIGHTS
    if found.sha256 and weights.is_file() and sha256(weights) != found.sha256:
        raise SemsynthError(
            f"{weights} is damaged or belongs to another segmenter (its checksum differs from the one in "
            "segmenter.json): copy the whole folder again"
        )
    network = _read_network(folder, config).to(choose_device(device))
    if not (folder / "segmenter.json").is_file():
        found = found.model_copy(update=_stated_normalisation(folder))
    card = load_config(Card, folder / CARD) if (folder / CARD).is_file() else None
    return HuggingFaceSegmenter(network, found, Path(source).name, _fingerprint(folder, found), card)


def _find(source: str | Path) -> Path:
    try:
        return find_model(source)
    except SemsynthError as error:
        if Path(source).exists() or "hub" in str(error):
            raise SemsynthError(f"no segmenter in {source}: {error}") from error
        known = ", ".join(bundled_segmenters()) or "this installation has none"
        raise SemsynthError(
            f"there is no segmenter '{source}': give a bundled one ({known}), a folder with config.json and {WEIGHTS}, "
            "or a Hugging Face id; 'semsynth segmenter train' makes one"
        ) from error


def _network_config(folder: Path) -> Any:
    require("evaluate", "a segmenter", "transformers")
    from transformers import AutoConfig, AutoModelForSemanticSegmentation

    check_folder(folder)
    try:
        with no_requests():
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the library raises many kinds on values that it does not expect
        raise SemsynthError(f"{folder / 'config.json'} is no network's: {_first_line(error)}") from error
    if type(config) not in AutoModelForSemanticSegmentation._model_mapping:
        raise SemsynthError(
            f"{folder} holds a '{config.model_type}' network, which does not label pixels: give a model for semantic "
            "segmentation, for example a SegFormer"
        )
    return config


def _read_network(folder: Path, config: Any) -> nn.Module:
    from transformers import AutoModelForSemanticSegmentation
    from transformers.utils import logging

    # The library prints bars and reports of its own; what is wrong is said below.
    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        with no_requests():
            _check_count(folder, AutoModelForSemanticSegmentation, config)
            network, report = AutoModelForSemanticSegmentation.from_pretrained(
                folder,
                config=config,
                local_files_only=True,
                use_safetensors=True,
                attn_implementation=ATTENTION,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except SemsynthError:
        raise
    except Exception as error:  # the library raises many kinds on damaged files
        raise SemsynthError(f"the weights in {folder} cannot be read ({_first_line(error)}): copy it again") from error
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise SemsynthError(
            f"the weights in {folder} lack {len(missing)} tensors, for example {missing[0]}: they are of a network "
            "without trained segmentation head, or incomplete"
        )
    found: nn.Module = network
    _check_numbers(found, folder)
    return found


def _check_numbers(network: nn.Module, folder: Path) -> None:
    """Refuse weights that are no numbers, or of a number format that the library converts without a word."""
    for path in sorted(folder.glob("*.safetensors")):
        stored, _ = read_safetensors(path)
        expected = {name: value for name, value in network.state_dict().items() if name in stored}
        problems = misfits(expected, {name: stored[name] for name in expected}, HALF_AND_SINGLE)
        if problems:
            raise SemsynthError(f"{path} is damaged: {few_problems(problems)}: copy the folder again")


def _check_count(folder: Path, kind: Any, config: Any) -> None:
    """Refuse a configuration of a network that is much larger than its weights, before memory is taken for it."""
    with torch.device("meta"):
        network = kind.from_config(config, attn_implementation=ATTENTION)
    wanted = sum(one.numel() for one in network.parameters())
    stored = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    if wanted > stored + _SPARE_NUMBERS:  # a number takes a byte at least
        raise SemsynthError(
            f"{folder / 'config.json'} describes a network of {wanted:,} numbers, and its weights have {stored:,} "
            "bytes: copy the folder again"
        )


def _stated_normalisation(folder: Path) -> dict[str, Any]:
    """Mean and deviation of ``preprocessor_config.json``, where the folder has one."""
    path = folder / "preprocessor_config.json"
    values = read_json(path) if path.is_file() else {}
    if not values.get("do_normalize", True):
        return {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    given = {"mean": values.get("image_mean"), "std": values.get("image_std")}
    return {key: tuple(map(float, value)) for key, value in given.items() if value is not None}


def _fingerprint(folder: Path, mapping: OutputMapping) -> str:
    """SHA-256 of all weight files, the network's configuration and the mapping."""
    digest = hashlib.sha256(mapping.model_dump_json(exclude={"sha256"}).encode())
    for path in (*sorted(folder.glob("*.safetensors")), folder / "config.json"):
        digest.update(bytes.fromhex(sha256(path)))
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
