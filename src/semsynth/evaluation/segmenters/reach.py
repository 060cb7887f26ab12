"""What a folder in the layout of transformers may not say: anything that reaches beyond the folder, or is endless.

transformers (5.x) asks the hub, or looks for packages of code, for some settings of local folders, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from semsynth.documents import read_json
from semsynth.errors import SemsynthError, shortened

INDEX, ADAPTER = "model.safetensors.index.json", "adapter_config.json"
MAX_NUMBER, MAX_LAYERS, MAX_LENGTH = 2**16, 1000, 2**16
_NAMING = re.compile(
    r"implementation|kernel|timm|quantization|auto_map|custom_|adapter|base_model|transformers_weights"
    r"|backbone(?!_config$)|pretrained"
)
"""Keys that can name code or weights: not with texts, mappings or ``true``."""
_PLAIN = ("eager", "sdpa")
"""Ways to compute attention that every installation has."""
_LABELS = ("id2label", "label2id")
_ORIGINS = ("_name_or_path", "name_or_path")
"""Where a folder came from; transformers only shows it."""


def check_folder(folder: Path) -> None:
    """Make sure that a network is complete in its folder.

    Raises:
        SemsynthError: a setting or file refers to something elsewhere, or a number is larger than any network's.
    """
    if (folder / ADAPTER).exists():
        raise SemsynthError(
            f"{folder / ADAPTER}: adapters refer to a network elsewhere: merge them into the network, and give that"
        )
    if (folder / INDEX).exists():
        _check_index(read_json(folder / INDEX), folder / INDEX)
    path = folder / "config.json"
    for key, value in _settings(read_json(path)):
        if _reaches(key, value):
            raise SemsynthError(
                f"{path}: {key} = {shortened(repr(value))} refers to code or weights elsewhere: take it out, or give a "
                "network that is complete in its folder"
            )
        if _is_endless(key, value):
            raise SemsynthError(
                f"{path}: {key} = {shortened(repr(value))} is larger than in any network: restore the file"
            )


def _settings(values: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """All keys with their values, those within mappings and lists included; names of labels are no settings."""
    waiting: list[tuple[str, Any]] = [(key, values)]
    while waiting:
        key, value = waiting.pop()
        if key:
            yield key, value
        if isinstance(value, dict) and key not in _LABELS:
            waiting += value.items()
        elif isinstance(value, list):
            waiting += ((key, one) for one in value[: MAX_LENGTH + 1])


def _reaches(key: str, value: Any) -> bool:
    if value in (None, False, "") or key in (*_LABELS, *_ORIGINS):
        return False
    if _NAMING.search(key):
        return value not in _PLAIN and (value is True or isinstance(value, str | dict))
    if key == "model_type":
        return not (isinstance(value, str) and re.fullmatch(r"(?!timm)[\w.-]{1,64}", value, re.ASCII))
    return isinstance(value, str) and ("/" in value or ":" in value or "\\" in value)


def _is_endless(key: str, value: Any) -> bool:
    if isinstance(value, dict | list):
        return len(value) > MAX_LENGTH
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) > (MAX_LAYERS if "layers" in key or "depth" in key else MAX_NUMBER)


def _check_index(index: Any, path: Path) -> None:
    names = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(names, dict):
        raise SemsynthError(f"{path}: expected a mapping 'weight_map' of tensors to files: restore the file")
    for name in names.values():
        if not (isinstance(name, str) and re.fullmatch(r"[\w-][\w.-]{0,254}\.safetensors", name, re.ASCII)):
            raise SemsynthError(
                f"{path}: {shortened(repr(name))} is no .safetensors file of its folder: restore the file"
            )
