"""From a loaded model to an exported file."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from semsynth.checkpoint import CONFIG, LoadedModel
from semsynth.errors import SemsynthError
from semsynth.exporting.graph import GeneratorGraph, inputs_of
from semsynth.exporting.record import SUFFIXES, DType, ExportFormat, ExportRecord, GraphRecord, TensorRecord
from semsynth.extras import require
from semsynth.files import sha256, write_atomically
from semsynth.layout import Size, pixels
from semsynth.models.description import Sizes
from semsynth.models.generator import GeneratorConfig, LayoutGenerator
from semsynth.styles.bank import StyleBank

if TYPE_CHECKING:
    from torch.export import ExportedProgram

OPSET = 18
"""Of ONNX: the newest operators that graphs use are of it, and what torch's exporter writes without conversion."""
LARGEST_ONNX = 2**31 - 2**24
"""Bytes of weights, with room for the graph."""
DTYPES: dict[DType, torch.dtype] = {"fp32": torch.float32, "fp16": torch.float16}


def export_model(
    model: LoadedModel,
    out: Path,
    export_format: ExportFormat,
    *,
    dtype: DType = "fp32",
    size: Size | None = None,
    dynamic_size: bool = False,
) -> ExportRecord:
    """Write the generator of a model as a file that stands alone.

    Spectral and batch norms are folded. Label ids go in, [N,H,W], and no one-hot tensor; what varies the photographs is
    an input, too: see :func:`semsynth.exporting.graph.inputs_of`. N is 1, or any number with ``dynamic_size``.

    Args:
        model: it stays as it is.
        out: the file, named as its format wants it; it must not be there yet.
        export_format: of the file.
        dtype: of weights and arithmetic.
        size: (height, width) of the photographs; None: the model's own.
        dynamic_size: whether the size, and the number of layouts, stay free.

    Returns:
        What the file says of itself.

    Raises:
        SemsynthError: a size that the generator does not make, a name that does not fit, or a file that is there.
    """
    suffix = SUFFIXES[export_format]
    if out.suffix != suffix:
        raise SemsynthError(f"{out}: files of this format end with {suffix}: name it {out.with_suffix(suffix).name}")
    if out.exists():
        raise SemsynthError(f"{out} is there already: remove it, or choose another file")
    if export_format == "onnx":
        require("onnx", "exporting to ONNX", "onnxscript")
    generator = model.networks["generator"]
    assert isinstance(generator, LayoutGenerator)
    sizes = generator.config.sizes
    size = sizes.default(model.config.trained_size) if size is None else _possible(sizes, size)
    step = _step(generator.config) if dynamic_size else 0
    if step and min(size) < 2 * step:
        size = max(size[0], 2 * step), max(size[1], 2 * step)
    record = _record(model, size, step, dtype)
    graph = GeneratorGraph(generator, model.classes, DTYPES[dtype]).eval()
    if export_format == "onnx":
        _check_bytes(graph, out)
    program = _recorded(graph, record.graph)
    if export_format == "onnx":
        write_atomically(out, lambda partial: _save_onnx(program, record, partial))
    else:
        write_atomically(out, lambda partial: _save_archive(program, record, partial))
    return record


def _check_bytes(graph: GeneratorGraph, out: Path) -> None:
    """One file of ONNX holds 2 GiB at most (a limit of protocol buffers)."""
    count = sum(tensor.numel() * tensor.element_size() for tensor in graph.state_dict().values())
    if count > LARGEST_ONNX:
        raise SemsynthError(
            f"{out}: {count / 2**30:.1f} GiB of weights are more than an ONNX file holds (2): choose `dtype=fp16`, or "
            "`format=torch`"
        )


def _possible(sizes: Sizes, size: Size) -> Size:
    near = sizes.nearest(size)
    if size not in near:
        raise SemsynthError(
            f"`size={pixels(size)}`: this model cannot make it, but {' or '.join(pixels(one) for one in near)}"
        )
    return size


def _step(config: GeneratorConfig) -> int:
    """What sides of all sizes are multiples of.

    Raises:
        SemsynthError: there is one size only.
    """
    if config.sizes.only is not None:
        raise SemsynthError(
            f"this model makes photos of {pixels(config.sizes.only)} and of no other size: leave out `dynamic_size`"
        )
    return config.export_step


def _record(model: LoadedModel, size: Size, step: int, dtype: DType) -> ExportRecord:
    config = model.config.generator
    bank = StyleBank.load(model.folder, model.config.style_weights)
    fixed = {} if step else {"N": 1, "H": size[0], "W": size[1]}
    inputs = [
        one.model_copy(update={"shape": tuple(fixed.get(str(side), side) for side in one.shape)})
        for one in inputs_of(config, model.classes)
    ]
    count = config.images_per_layout
    images = count if not step else "N" if count == 1 else f"{count}*N"
    about = "RGB, from -1 to 1" if count == 1 else f"RGB near [-1,1], the {count} pictures of a layout together"
    output = TensorRecord(
        name="image", dtype="float32", shape=(images, 3, fixed.get("H", "H"), fixed.get("W", "W")), about=about
    )
    graph = GraphRecord(
        inputs=tuple(inputs),
        output=output,
        dtype=dtype,
        size=size,
        step=step,
        model=sha256(model.folder / CONFIG),
        styles={} if bank is None else {key: centres.tolist() for key, centres in bank.modes.items()},
        style_names={} if bank is None else {key: list(names) for key, names in bank.names.items()},
    )
    return ExportRecord(graph=graph, model=model.config, classes=model.classes, card=model.card)


def _recorded(graph: GeneratorGraph, record: GraphRecord) -> ExportedProgram:
    """Record what the generator does with example inputs."""
    count = 2 if record.step else 1  # torch takes 1 for a constant
    sides = {"N": count, "H": record.size[0], "W": record.size[1]}
    given: dict[str, Tensor] = {}
    shapes: dict[str, Any] = {}
    free = _free_sides(record.step)
    for one in record.inputs:
        shape = [sides.get(side, 0) if isinstance(side, str) else side for side in one.shape]
        dtype = torch.int32 if one.dtype == "int32" else torch.float32
        given[one.name] = torch.zeros(shape, dtype=dtype)
        shapes[one.name] = {axis: free[side] for axis, side in enumerate(one.shape) if isinstance(side, str)}
    condition, *others = given
    instances = "instances" if "instances" in given else None
    style = next((name for name in others if name != "instances"), None)
    names = (condition, instances, style)
    arguments = tuple(None if name is None else given[name] for name in names)
    dynamic = tuple(None if name is None else shapes[name] for name in names) if record.step else None
    with _quiet():
        return torch.export.export(graph, arguments, dynamic_shapes=dynamic, strict=False)


def _free_sides(step: int) -> dict[str, Any]:
    if not step:
        return {}
    rows, columns = (torch.export.Dim(name, min=2, max=2**16 // step) for name in ("rows", "columns"))
    sides = (rows, columns) if step == 1 else (step * rows, step * columns)
    return {"N": torch.export.Dim("N", min=1, max=2**10), "H": sides[0], "W": sides[1]}


def _save_onnx(program: ExportedProgram, record: ExportRecord, path: Path) -> None:
    with _quiet():
        made = torch.onnx.export(
            program,
            input_names=[one.name for one in record.graph.inputs],
            output_names=[record.graph.output.name],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert made is not None
    made.model.metadata_props.update(record.entries())
    made.save(path, external_data=False)


def _save_archive(program: ExportedProgram, record: ExportRecord, path: Path) -> None:
    # Without example inputs, which would be pickled, and without guards, which are code: readers refuse both.
    program._example_inputs = None
    program._guards_code = []
    made = BytesIO()  # torch's writer, which is C++, ends the process when a disk is full
    with _quiet():
        torch.export.save(program, made, extra_files=record.entries())
    path.write_bytes(made.getbuffer())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporters' remarks on their own insides are of no use to users."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
