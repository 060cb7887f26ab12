"""Exported models at work: ONNX Runtime, or torch for its archives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsynth.errors import SemsynthError, shortened
from semsynth.exporting.archive import load_archive
from semsynth.exporting.onnx_check import read_onnx
from semsynth.exporting.record import SUFFIXES, ExportRecord
from semsynth.extras import require
from semsynth.images import to_tensor
from semsynth.layout import Condition, ConditionPicture, Layout
from semsynth.models.description import Sizes
from semsynth.models.generator import GeneratorConfig
from semsynth.styles.bank import StyleBank

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Run = Callable[[Mapping[str, NDArray[np.generic]]], NDArray[np.float32]]
"""The graph: inputs by name to images [N*k,3,H,W]."""


class ExportedModel:
    """A generator from a file. Threads may share it: it makes one photograph at a time."""

    def __init__(self, record: ExportRecord, run: Run, device: torch.device) -> None:
        """Use ``run``, whose inputs are as ``record`` says."""
        self.record = record
        self.device = device
        self.dtype: torch.dtype = torch.float16 if record.graph.dtype == "fp16" else torch.float32
        self._run = run
        self._lock = threading.Lock()

    @property
    def config(self) -> GeneratorConfig:
        """Of the generator."""
        return self.record.model.generator

    @property
    def bank(self) -> StyleBank | None:
        """The modes of objects' features, where the model had any."""
        styles = self.record.graph.styles
        if not styles:
            return None
        modes = {class_id: torch.tensor(centres, dtype=torch.float32) for class_id, centres in styles.items()}
        return StyleBank(modes, len(next(iter(styles.values()))[0]), names=self.record.graph.style_names)

    @property
    def sizes(self) -> Sizes:
        """The sizes that the graph makes: fewer than the generator, as sides were recorded as at least two steps."""
        graph = self.record.graph
        return Sizes(graph.step, smallest=2 * graph.step) if graph.step else Sizes(only=graph.size)

    def photograph(self, conditions: Sequence[Condition], styles: Tensor | None) -> Tensor:
        """Make photographs.

        Args:
            conditions: N of one size that the graph makes, or one that meets N styles.
            styles: [N,...] as the generator's style, or None.

        Returns:
            [N*k,3,H,W] float32 on the CPU.
        """
        count = len(conditions) if styles is None else len(styles)
        given = list(conditions) * count if len(conditions) == 1 else list(conditions)
        with self._lock:  # memory of one photo at a time, as many as there are
            made = [self._run(self._feeds(one, None if styles is None else styles[i])) for i, one in enumerate(given)]
        return torch.from_numpy(np.concatenate(made))

    def _feeds(self, condition: Condition, style: Tensor | None) -> dict[str, NDArray[np.generic]]:
        feeds: dict[str, NDArray[np.generic]] = {}
        for one in self.record.graph.inputs:
            if isinstance(condition, ConditionPicture):
                feeds[one.name] = to_tensor(condition.pixels)[None].numpy()
            elif one.name == "labels":
                feeds[one.name] = condition.labels.astype(np.int32)[None]
            elif one.name == "instances":
                feeds[one.name] = _instances(condition)[None]
            else:
                assert style is not None
                whole = len(one.shape) == 4 and style.dim() == 1  # a vector where a map is read
                spread = style[:, None, None].expand(-1, *condition.size) if whole else style
                feeds[one.name] = spread[None].float().contiguous().numpy()
        return feeds


def open_exported(path: Path, device: str = "auto") -> ExportedModel:
    """Read an exported model.

    Args:
        path: a file of :func:`semsynth.exporting.export_model`.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        SemsynthError: no such file, none of ours, a damaged one, or a runtime or device that is not there.
    """
    if not path.is_file():
        raise SemsynthError(f"there is no file {path}: make it with 'semsynth export MODEL --out {path}'")
    return _open_onnx(path, device) if path.suffix == SUFFIXES["onnx"] else _open_archive(path, device)


def _open_onnx(path: Path, device: str) -> ExportedModel:
    require("onnx", f"{path}: running it", "onnx", "onnxruntime")
    import onnxruntime

    there = onnxruntime.get_available_providers()
    cuda = device.startswith("cuda") or (device == "auto" and "CUDAExecutionProvider" in there)
    if (cuda and "CUDAExecutionProvider" not in there) or device not in ("auto", "cpu", "cuda"):
        raise SemsynthError(
            f"this ONNX Runtime does not run on '{device}': choose auto or cpu, or install its GPU build"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors, which come as exceptions, too
    providers = [*(["CUDAExecutionProvider"] if cuda else []), "CPUExecutionProvider"]
    data = read_onnx(path)
    try:
        session = onnxruntime.InferenceSession(data, options, providers=providers)
    except Exception as error:  # its own exceptions have no base class but this
        raise SemsynthError(
            f"{path} is no ONNX file, or damaged ({shortened(error)}): export the model again"
        ) from error
    record = ExportRecord.of_entries(session.get_modelmeta().custom_metadata_map, str(path))
    return ExportedModel(record, _session_run(session), torch.device("cuda" if cuda else "cpu"))


def _session_run(session: InferenceSession) -> Run:
    def run(feeds: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        (images,) = session.run(None, dict(feeds))
        return np.asarray(images, np.float32)

    return run


def _open_archive(path: Path, device: str) -> ExportedModel:
    if device not in ("auto", "cpu"):
        raise SemsynthError(f"{path} was recorded for CPUs: choose auto or cpu, or load the model folder on '{device}'")
    program, entries = load_archive(path)
    record = ExportRecord.of_entries(entries, str(path))
    module = program.module(check_guards=False)
    names = [one.name for one in record.graph.inputs]
    style = next((name for name in names[1:] if name != "instances"), None)

    def run(feeds: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        order = (names[0], "instances" if "instances" in names else None, style)
        with torch.inference_mode():
            images: Tensor = module(*(None if name is None else torch.from_numpy(feeds[name]) for name in order))
        return images.numpy()

    return ExportedModel(record, run, torch.device("cpu"))


def _instances(layout: Layout) -> NDArray[np.int32]:
    if layout.instances is None:
        raise SemsynthError("this network reads instance boundaries: give an instance map with each label map")
    return layout.instances
