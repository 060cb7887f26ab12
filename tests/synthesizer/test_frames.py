"""Sequences of label maps: what is kept, and what is made again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import semsynth
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.images import decode_image
from semsynth.synthesizer import load


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    for seed in range(3):
        path = tmp_path / "frames" / f"frame_{seed}.png"
        draw_facade(seed, 32).save(path)
        os.utime(path, (1, 1))
    return tmp_path / "frames"


def test_frames_that_are_there_are_kept_and_newer_maps_are_made_again(
    folder: Path, frames: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def render(**how: object) -> tuple[int, int]:
        done = semsynth.render_frames(frames, out, folder, seed=3, device="cpu", precision="float32", **how)  # type: ignore[arg-type]
        return done.made, done.kept

    assert render() == (3, 0)
    times = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert render() == (0, 3)
    draw_facade(9, 32).save(frames / "frame_1.png")
    newer = (out / "frame_1.png").stat().st_mtime + 10
    os.utime(frames / "frame_1.png", (newer, newer))
    assert render() == (1, 2)
    changed = {path.name for path in out.glob("*.png") if path.stat().st_mtime_ns != times[path.name]}
    assert changed == {"frame_1.png"}
    expected = load(folder, "cpu", "float32")(draw_facade(9, 32), seed=3)
    assert np.abs(decode_image(out / "frame_1.png").astype(int) - np.asarray(expected)).max() <= 1
    with pytest.raises(SemsynthError, match="made with other settings"):
        semsynth.render_frames(frames, out, folder, seed=4, device="cpu")
    assert render(overwrite=True) == (3, 0)


def test_the_styles_between_two_seeds(folder: Path, frames: Path, tmp_path: Path) -> None:
    done = semsynth.render_frames(
        frames / "frame_0.png",
        tmp_path / "out",
        folder,
        interpolate=(1, 2),
        count=3,
        device="cpu",
        precision="float32",
    )
    assert (done.made, done.kept) == (3, 0)
    synthesizer, layout = load(folder, "cpu", "float32"), draw_facade(0, 32)
    for number, seed in ((0, 1), (2, 2)):
        photo = decode_image(tmp_path / "out" / f"frame_0_frame0000{number}.png").astype(int)
        assert np.abs(photo - np.asarray(synthesizer(layout, seed=seed))).max() <= 1


def test_arguments_that_do_not_go_together(folder: Path, frames: Path, tmp_path: Path) -> None:
    for how, words in (
        ({"style": frames / "frame_0.png", "seed": 1}, "leave out `seed`"),
        ({"count": 3}, "belong together"),
        ({"interpolate": (1, 2), "count": 3, "seed": 1}, "seeds of its own"),
    ):
        with pytest.raises(SemsynthError, match=words):
            semsynth.render_frames(frames, tmp_path / "out", folder, **how)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
