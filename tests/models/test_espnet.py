"""ESPNet: read from files of either decoder, whose names and shapes alone say which."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from semsynth.errors import SemsynthError
from semsynth.models.espnet import ESPNet, espnet
from semsynth.models.weights_file import read_weights


def saved(path: Path, classes: int, with_picture: bool) -> ESPNet:
    """A network of random weights and statistics, in a file as the authors name its tensors."""
    torch.manual_seed(classes)
    network = ESPNet(classes, with_picture).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    state = {name: value for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    save_file(state, path)
    return network


@pytest.mark.parametrize(("classes", "with_picture", "last"), [(20, False, 36), (12, True, 31)])
def test_a_file_says_which_decoder_it_has(tmp_path: Path, classes: int, with_picture: bool, last: int) -> None:
    network = saved(tmp_path / "a.safetensors", classes, with_picture)
    assert network.conv.conv.weight.shape[1] == last
    read = espnet(read_weights(tmp_path / "a.safetensors"))
    image = torch.rand(2, 3, 24, 40)
    with torch.no_grad():
        found, expected = read(image), network(image)
    assert found.shape == (2, classes, 24, 40)
    torch.testing.assert_close(found, expected)


def test_branches_are_summed_in_turn(tmp_path: Path) -> None:
    """Dilations 4, 8 and 16 add up to what came before them; the first two stand alone."""
    pyramid = saved(tmp_path / "a.safetensors", 20, False).encoder.level2[0]
    x = torch.rand(1, 12, 9, 9)
    with torch.no_grad():
        d1, d2, d4, d8, d16 = (getattr(pyramid, f"d{n}")(x) for n in (1, 2, 4, 8, 16))
        found = pyramid.combined(x)
    torch.testing.assert_close(found, torch.cat([d1, d2, d2 + d4, d2 + d4 + d8, d2 + d4 + d8 + d16], 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("classifier.weight"), "has no decoder"),
        (lambda state: state.pop("encoder.b2.act.weight"), r"has no 'encoder\.b2\.act\.weight'"),
        (lambda state: state.update({"br.bias": torch.zeros(3)}), r"'br\.bias' is \(3,\)"),
        (lambda state: state.update({"br.bias": torch.full((20,), torch.nan)}), r"'br\.bias' holds NaN"),
    ],
)
def test_another_file_is_one_line(tmp_path: Path, change, message: str) -> None:
    saved(tmp_path / "a.safetensors", 20, False)
    state = dict(read_weights(tmp_path / "a.safetensors").tensors)
    change(state)
    save_file(state, tmp_path / "b.safetensors")
    with pytest.raises(SemsynthError, match=message):
        espnet(read_weights(tmp_path / "b.safetensors"))
