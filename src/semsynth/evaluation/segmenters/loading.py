"""A segmenter from whatever names one."""

from __future__ import annotations

from pathlib import Path

from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters.espnet import ESPNetSegmenter, read_espnet
from semsynth.evaluation.segmenters.hugging_face import HuggingFaceSegmenter, load_segmenter
from semsynth.synthesizer.devices import choose_device

AnySegmenter = HuggingFaceSegmenter | ESPNetSegmenter


def open_segmenter(source: str | Path, mapping: str | None = None, device: str = "auto") -> AnySegmenter:
    """Load a segmenter, ready to label.

    Args:
        source: a bundled one's class set, a folder in the layout of transformers, a Hugging Face id, or a file with
            ESPNet's weights.
        mapping: what the outputs mean, see :func:`~semsynth.evaluation.segmenters.hugging_face.load_segmenter`.
        device: ``auto`` or any name that torch knows.

    Raises:
        SemsynthError: no such segmenter, a damaged one, or one without mapping.
    """
    if not Path(source).is_file():
        return load_segmenter(source, mapping, device)
    if mapping is not None:
        raise SemsynthError(f"{source} is of a network whose outputs are known: leave the mapping {mapping} out")
    return read_espnet(Path(source), choose_device(device))
