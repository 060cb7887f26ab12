"""``semsynth convert pix2pixhd``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from official_pix2pixhd import CLUSTERS, FEATURES, OPTIONS, Harmful, boxed, networks, official_state, save
from typer.testing import CliRunner, Result

from semsynth.cli.main import app
from semsynth.images import decode_image, save_png
from semsynth.styles.bank import STYLES


def convert(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["convert", "pix2pixhd", *map(str, arguments)])
    assert "Traceback" not in result.output
    return result


def synthesize(folder: Path, name: str) -> Result:
    """A photo of ``map.png`` with the styles in ``NAME.json``."""
    words = ("synthesize", folder / "map.png", "--instances", folder / "instances", "--model", folder / "model")
    more = ("--object-styles", folder / f"{name}.json", "--out", folder / name, "--device", "cpu")
    return CliRunner().invoke(app, list(map(str, (*words, *more))))


@pytest.mark.parametrize("with_encoder", [True, False])
def test_a_converted_model_synthesises_with_its_styles(tmp_path: Path, with_encoder: bool) -> None:
    made = networks(FEATURES)
    checkpoint, options = save(tmp_path, FEATURES, *(made if with_encoder else made[:1]))
    np.save(tmp_path / "clusters.npy", CLUSTERS)
    model = tmp_path / "model"
    result = convert(checkpoint, "--options", options, "--clusters", tmp_path / "clusters.npy", "--out", model)
    assert result.exit_code == 0, result.output
    assert (model / STYLES).is_file()
    assert ("no feature encoder" in result.stderr) != with_encoder
    labels = np.zeros((16, 16), np.uint8)
    labels[:, 8:] = 2
    save_png(tmp_path / "map.png", labels)
    save_png(tmp_path / "instances/map.png", labels)
    photos = []
    for name, styles in (("first", {"0": 0}), ("second", {"0": 1}), ("vector", {"0": CLUSTERS[0][1].tolist()})):
        (tmp_path / f"{name}.json").write_text(json.dumps(styles))
        shown = synthesize(tmp_path, name)
        assert shown.exit_code == 0, shown.output
        photos.append(decode_image(tmp_path / name / "map.png").astype(int))
    assert np.array_equal(photos[1], photos[2])  # a mode is its vector
    assert np.abs(photos[0] - photos[1])[:, :4].max() > 5
    (tmp_path / "third.json").write_text('{"0": 2}')
    refused = synthesize(tmp_path, "third")
    assert refused.exit_code == 2
    assert "there is no mode 2 of class 0; it has 0 to 1" in refused.stderr


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _drop(path: Path) -> None:
    state = torch.load(path, weights_only=True)
    del state["model.4.bias"]
    torch.save(state, path)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated generator": (lambda folder: _truncate(folder / "latest_net_G.pth"), "latest_net_G.pth is cut off"),
    "truncated encoder": (lambda folder: _truncate(folder / "latest_net_E.pth"), "latest_net_E.pth is cut off"),
    "truncated clusters": (lambda folder: _truncate(folder / "clusters.npy"), "clusters.npy is no file of clustered"),
    "a tensor is missing": (lambda folder: _drop(folder / "latest_net_E.pth"), "model.4.bias is missing"),
    "another width": (
        lambda folder: (folder / "opt.json").write_text(json.dumps({**FEATURES, "ngf": 8})),
        "ngf 8 (opt.json) instead of 4 (read off model.1.weight)",
    ),
    "another number of features": (
        lambda folder: np.save(folder / "clusters.npy", {1: np.zeros((2, 4))}),
        "clusters.npy does not fit the options: the modes of class 1 are [2, 4], the model reads [k,3]",
    ),
    "code in the clusters": (
        lambda folder: (folder / "clusters.npy").write_bytes(boxed({0: Harmful(folder / "executed")})),
        "it names posix.system",
    ),
    "code in the checkpoint": (
        lambda folder: torch.save({"model.1.weight": Harmful(folder / "executed")}, folder / "latest_net_G.pth"),
        "nothing in it was run",
    ),
    "no features": (
        lambda folder: (folder / "opt.json").write_text(json.dumps(OPTIONS)),
        "its 7 input channels do not say instance_feat, label_feat: give --set instance_feat=",
    ),
    "NaN": (
        lambda folder: torch.save(
            {**official_state(networks(FEATURES)[0]), "model.1.bias": torch.full((4,), torch.nan)},
            folder / "latest_net_G.pth",
        ),
        "holds NaN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_conversion_is_one_line_and_writes_nothing(tmp_path: Path, fault: str) -> None:
    checkpoint, options = save(tmp_path, FEATURES, *networks(FEATURES))
    np.save(tmp_path / "clusters.npy", CLUSTERS)
    damage, message = FAULTS[fault]
    damage(tmp_path)
    before = sorted(tmp_path.iterdir())
    clusters, out = tmp_path / "clusters.npy", tmp_path / "new/model"
    result = convert(checkpoint, "--options", options, "--clusters", clusters, "--out", out)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(path for path in tmp_path.iterdir() if path.name != "new") == before
    assert not list(tmp_path.glob("new/**/*"))


def test_a_model_is_never_replaced(tmp_path: Path) -> None:
    checkpoint, options = save(tmp_path, OPTIONS, networks(OPTIONS)[0])
    assert convert(checkpoint, "--options", options, "--out", tmp_path / "model").exit_code == 0
    result = convert(checkpoint, "--options", options, "--out", tmp_path / "model")
    assert result.exit_code == 2
    assert "there is a model already" in result.stderr
