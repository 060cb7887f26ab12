"""``semsynth.export``: a model, by name, as a file for other programs."""

from __future__ import annotations

from pathlib import Path

from semsynth.checkpoint import find_model, load_model
from semsynth.errors import SemsynthError
from semsynth.exporting.record import SUFFIXES, DType, ExportFormat, ExportRecord
from semsynth.exporting.writing import export_model
from semsynth.layout import Size


def export(
    model: str | Path,
    out: str | Path,
    format: ExportFormat | None = None,
    *,
    dtype: DType = "fp32",
    size: Size | None = None,
    dynamic_size: bool = False,
) -> ExportRecord:
    """Write a model's generator as one file that stands alone: label ids in, photos out.

    Weights are folded; the class set, the encoding, sizes, the model's hash and its card go along.
    ``semsynth.load(out)`` runs the file, and so do ONNX runtimes and ``torch.export.load``.

    Args:
        model: a bundled model's name, a model or run folder, or a Hugging Face id.
        out: the file to make, ``MODEL.onnx`` or, for torch, ``MODEL.pt2``; it must not exist yet.
        format: ``onnx``, or ``torch`` for an archive of ``torch.export``. None: what the name of ``out`` says.
        dtype: of weights and arithmetic, ``fp32`` or ``fp16``; inputs and outputs stay fp32.
        size: (height, width) of the photos. None: the model's own.
        dynamic_size: whether the size and the number of layouts stay free.

    Returns:
        What the file says of itself: ``record.graph`` lists its inputs and its output.

    Raises:
        SemsynthError: no such model, a size that it does not make, a name that does not fit the format, or a file that
            exists already.
    """
    path = Path(out)
    if size is not None and dynamic_size:
        raise SemsynthError("`dynamic_size` leaves the size free: leave out `size`")
    named = next((kind for kind, suffix in SUFFIXES.items() if suffix == path.suffix), None)
    chosen = format or named
    if chosen is None:
        raise SemsynthError(f"{path}: name it MODEL.onnx or MODEL.pt2, or give its `format`")
    loaded = load_model(find_model(model))
    return export_model(loaded, path, chosen, dtype=dtype, size=size, dynamic_size=dynamic_size)
