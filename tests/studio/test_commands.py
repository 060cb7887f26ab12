"""``semsynth studio`` and ``semsynth render``."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import save_tiny_model
from typer.testing import CliRunner, Result

from semsynth.api.studio import fits, segment_with
from semsynth.classes import builtin
from semsynth.cli.main import app
from semsynth.data.facades import draw_facade
from semsynth.images import decode_image, save_png
from semsynth.layout import Layout
from semsynth.synthesizer import load


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def assert_refused(result: Result, *words: object) -> None:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: ")
    for word in words:
        assert str(word) in result.stderr


def get(port: int, address: str, **headers: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", address, headers=headers)
        return connection.getresponse().status


def test_the_command_serves_until_it_is_ended(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "semsynth", "studio", str(model), "--port", "0", "--token", "secret-token"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ}
    )
    assert process.stdout is not None
    found = re.fullmatch(
        r"semsynth studio: http://127\.0\.0\.1:(\d+)/\?token=secret-token\n", process.stdout.readline()
    )
    assert found is not None
    port = int(found[1])
    assert get(port, "/api/health") == 200
    assert get(port, "/api/models") == 401
    assert get(port, "/api/models", Authorization="Bearer secret-token") == 200
    assert get(port, "/api/health", Host="evil.example") == 403
    assert_refused(run("studio", model, "--port", port), f"port {port}", "--port")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_a_free_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("studio", "--port", port)
    assert_refused(result, f"port {port}", "in use")
    free = re.search(r"--port (\d+)", result.stderr)
    assert free is not None
    assert int(free[1]) > port


def test_what_the_studio_refuses(model: Path, tmp_path: Path) -> None:
    assert_refused(run("studio", "--host", "no.such.host.invalid", "--port", 0), "no.such.host.invalid")
    assert_refused(run("studio", "--port", 0, "--token", "short"), "--token", "8")
    assert_refused(run("studio", tmp_path / "nothing", "--port", 0), "nothing")
    assert_refused(run("studio", model, "--port", 0, "--data", tmp_path / "nowhere"), "nowhere")
    assert_refused(run("studio", model, "--port", 0, "--segmenter", tmp_path / "nowhere"), "nowhere")


class Brightness:
    """Dark is the first class, bright the second."""

    name, fingerprint, classes = (
        "brightness",
        "",
        builtin("cmp_facades").model_copy(update={"classes": builtin("cmp_facades").classes[:2]}),
    )

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        assert max(images.shape) <= 1024
        mean = images.mean(1, keepdim=True)
        return torch.cat([-mean, mean], 1)


def test_segmenters_label_photos_at_any_size() -> None:
    classes = builtin("cmp_facades")
    segmenter = Brightness()
    assert fits(segmenter, classes)
    assert not fits(segmenter, builtin("cityscapes"))
    photo = np.zeros((40, 3000, 3), np.uint8)
    photo[:, 1500:] = 255
    layout = segment_with(segmenter, classes)(photo, (20, 60))
    ids = [item.id for item in classes.classes[:2]]
    assert layout.size == (20, 60)
    assert (layout.labels[:, :28] == ids[0]).all()
    assert (layout.labels[:, 32:] == ids[1]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_photos_of_few_pixels_are_labelled(size: tuple[int, int]) -> None:
    class Strided(Brightness):
        def logits(self, images: torch.Tensor) -> torch.Tensor:
            assert min(images.shape[2:]) >= 32  # as the strides of common networks add up
            return super().logits(images)

    assert segment_with(Strided(), builtin("cmp_facades"))(np.zeros((*size, 3), np.uint8), size).size == size


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    for seed in range(3):
        draw_facade(seed, 32).save(tmp_path / "frames" / f"frame_{seed}.png")
    return tmp_path / "frames"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_sequence_in_the_style_of_a_photo(model: Path, frames: Path, tmp_path: Path) -> None:
    style = tmp_path / "style.png"
    save_png(style, np.full((40, 30, 3), (200, 100, 50), np.uint8))
    result = run("render", frames, "--model", model, "--style", style, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (0, f"3 photos in {tmp_path / 'out'}\n"), result.output
    assert names(tmp_path / "out") == ["frame_0.png", "frame_1.png", "frame_2.png", "render.json"]
    synthesizer = load(model)
    for seed in range(3):
        expected = np.asarray(synthesizer(draw_facade(seed, 32), style=Image.open(style))).astype(int)
        made = decode_image(tmp_path / "out" / f"frame_{seed}.png")
        assert np.abs(made - expected).max() <= 2


def test_an_interrupted_sequence_goes_on(model: Path, frames: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["render", frames, "--model", model, "--seed", 5, "--out", out]
    assert run(*command).exit_code == 0
    before = {name: ((out / name).stat().st_mtime_ns, (out / name).read_bytes()) for name in names(out)}
    (out / "frame_1.png").unlink()
    result = run(*command)
    assert result.stdout == f"1 photo in {out}, 2 more were there already\n"
    assert (out / "frame_0.png").stat().st_mtime_ns == before["frame_0.png"][0]
    assert decode_image(out / "frame_1.png").shape == (32, 32, 3)
    assert run(*command).stdout == f"0 photos in {out}, 3 more were there already\n"
    later = before["frame_2.png"][0] + 10**9
    draw_facade(77, 32).save(frames / "frame_2.png")
    os.utime(frames / "frame_2.png", ns=(later, later))
    assert run(*command).stdout.startswith("1 photo in")
    assert (out / "frame_2.png").read_bytes() != before["frame_2.png"][1]
    assert run(*command, "--overwrite").stdout == f"3 photos in {out}\n"


def test_photos_of_other_settings_are_not_mixed(model: Path, frames: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["render", frames, "--model", model, "--out", out]
    assert run(*command, "--seed", 1).exit_code == 0
    kept = (out / "frame_0.png").read_bytes()
    for other in (["--seed", 2], ["--size", "32x32"]):
        assert_refused(run(*command, *other), out, "--overwrite")
    assert (out / "frame_0.png").read_bytes() == kept
    assert run(*command, "--seed", 2, "--overwrite").exit_code == 0
    assert (out / "frame_0.png").read_bytes() != kept
    shutil.rmtree(out)
    out.mkdir()
    (out / "frame_0.png").write_bytes(kept)  # of whatever
    assert_refused(run(*command), out, "other settings")


def test_what_render_refuses_leaves_nothing(model: Path, frames: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["render", frames, "--model", model, "--out", out]
    style = frames / "frame_0.png"
    assert_refused(run(*command, "--style", style, "--seed", 1), "--seed")
    assert_refused(run(*command, "--style", tmp_path / "nowhere.jpg"), "nowhere.jpg")
    assert_refused(run("render", tmp_path / "nowhere", "--out", out), "nowhere")
    assert_refused(run("render", frames, "--model", model, "--out", frames), "is an input")
    Layout(np.full((32, 32), 33, np.uint16), builtin("cityscapes")).save(frames / "frame_9.png")
    assert_refused(run(*command), "frame_9.png", "33")
    assert not out.exists()
