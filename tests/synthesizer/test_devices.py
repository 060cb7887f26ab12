from __future__ import annotations

import pytest
import torch

from semsynth.errors import SemsynthError
from semsynth.synthesizer import choose_device, choose_dtype


def test_devices_and_precisions() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(SemsynthError, match="'abacus'"):
        choose_device("abacus")
    if not torch.cuda.is_available():
        with pytest.raises(SemsynthError, match="'cuda'"):
            choose_device("cuda")
    assert choose_dtype("float32", torch.device("cpu")) == torch.float32
    assert choose_dtype("bfloat16", torch.device("cpu")) == torch.bfloat16
    assert choose_dtype("auto", torch.device("mps")) == torch.float32
