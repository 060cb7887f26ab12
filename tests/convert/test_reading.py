"""One network is found in a file whatever wraps it, and other files are told what they are."""

from __future__ import annotations

import argparse
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from semsynth.checkpoint.official import describe_checkpoint
from semsynth.convert.reading import read_network
from semsynth.errors import SemsynthError

STATE = {
    "fc.weight": torch.arange(4.0).reshape(1, 4, 1, 1),
    "head_0.norm_0.mlp_shared.0.weight": torch.ones(2, 4, 3, 3),
    "head_0.norm_0.param_free_norm.num_batches_tracked": torch.tensor(5),
}
DISCRIMINATOR = {"discriminator_0.model0.0.weight": torch.ones(1)}


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in state.items()}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        prefixed(STATE, "module."),
        prefixed(STATE, "module.netG."),
        {"state_dict": STATE, "epoch": 20},
        {"model": prefixed(STATE, "module."), "optimizer": {"state": {}, "lr": 1e-4}},
        {**prefixed(STATE, "netG."), **prefixed(DISCRIMINATOR, "netD.")},
        {"netG": prefixed(STATE, "x."), "netEMA": STATE},
        {name: value.double() if value.is_floating_point() else value for name, value in STATE.items()},
        {name: value.half() if value.is_floating_point() else value for name, value in STATE.items()},
    ],
    ids=["plain", "module", "module.netG", "wrapped", "both", "with D", "with EMA", "double", "half"],
)
@pytest.mark.parametrize("new_format", [True, False])
def test_the_generator_is_found(tmp_path: Path, content: Any, new_format: bool) -> None:
    torch.save(content, tmp_path / "g.pth", _use_new_zipfile_serialization=new_format)
    state = read_network(tmp_path / "g.pth", "spade", "generator").state
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], STATE[name]) and state[name].dtype == STATE[name].dtype for name in STATE)


def test_safetensors_are_told_by_content(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "g.pth")
    assert torch.equal(read_network(tmp_path / "g.pth", None, "generator").state["fc.weight"], STATE["fc.weight"])


def _tar(path: Path) -> None:
    torch.save(STATE, path.with_name("x.pth"))
    with tarfile.open(path, "w:gz") as archive:
        archive.add(path.with_name("x.pth"), "mine/latest_net_G.pth")


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mine/latest_net_G.pth", b"x")


def _cut(path: Path) -> None:
    torch.save(STATE, path)
    path.write_bytes(path.read_bytes()[:700])


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "tar": (_tar, "is an archive: unpack it; the weights in it are mine/latest_net_G.pth"),
    "zip": (_zip, "is an archive: unpack it; the weights in it are mine/latest_net_G.pth"),
    "page": (lambda path: path.write_text("<!DOCTYPE html><title>Warning</title>"), r"is a web page \('Warning'\)"),
    "pointer": (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "cut": (_cut, r"is cut off or damaged \(700 bytes\)"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "matlab": (lambda path: path.write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200)), "is a MATLAB or HDF5 file"),
    "module": (lambda path: torch.save(torch.nn.Conv2d(1, 1, 1), path), "class torch.nn.modules.conv.Conv2d"),
    "arguments": (lambda path: torch.save({"a": argparse.Namespace()}, path), "class argparse.Namespace"),
    "discriminator": (lambda path: torch.save(DISCRIMINATOR, path), "is a discriminator of the official SPADE code"),
    "another system": (
        lambda path: torch.save({"body.0.norm_0.mlp_shared.0.weight": torch.ones(1)}, path), "semsynth convert oasis"
    ),
    "other tensors": (lambda path: torch.save({"a.b": torch.ones(1)}, path), r"holds no network .* \(it holds a\.b\)"),
    "two": (lambda path: torch.save({"a": STATE, "b": STATE}, path), "several networks of this kind, under a, b"),
    "NaN": (lambda path: torch.save({**STATE, "fc.bias": torch.tensor([torch.nan])}, path), "fc.bias holds NaN"),
    "a view": (lambda path: torch.save({**STATE, "fc.bias": torch.ones(1).expand(9)}, path), "not a plain array"),
    "folder": (lambda path: path.mkdir(), "."),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_other_files_in_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "latest_net_G.pth"
    make, message = KINDS[kind]
    make(path)
    with pytest.raises(SemsynthError, match=message) as caught:
        read_network(path, "spade", "generator")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_given_as_a_model_names_the_command(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE}, tmp_path / "latest_net_G.pth")
    for path in (tmp_path, tmp_path / "latest_net_G.pth"):
        assert f"semsynth convert spade {path} --out DIR" in str(describe_checkpoint(path))
    assert describe_checkpoint(tmp_path / "absent") is None
