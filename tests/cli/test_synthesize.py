from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import refused
from PIL import Image
from tiny_models import CLASSES, save_tiny_model
from typer.testing import CliRunner, Result

from semsynth.classes import VOID, builtin
from semsynth.cli.main import app
from semsynth.data.facades import draw_facade
from semsynth.images import decode_image, save_png
from semsynth.layout import Layout
from semsynth.synthesizer import load


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_tiny_model(folder / "styles")
    save_tiny_model(folder / "plain", styles=False)
    save_tiny_model(folder / "edges", edges=True)
    return folder


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    for seed in range(3):
        draw_facade(seed, 32).save(tmp_path / "maps" / f"front_{seed}.png")
    return tmp_path / "maps"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["synthesize", *map(str, arguments), "--device", "cpu", "--precision", "float32"])


def files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def assert_refused(result: Result, out: Path, *parts: object) -> None:
    """Exit code 2, one line, nothing written."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    for part in parts:
        assert str(part) in lines[0]
    assert not out.exists()


def test_one_map(models: Path, maps: Path, tmp_path: Path) -> None:
    result = run(maps / "front_1.png", "--model", models / "styles", "--out", tmp_path / "out", "--seed", 3)
    assert (result.exit_code, result.stdout) == (0, f"1 photo in {tmp_path / 'out'}\n")
    assert files(tmp_path / "out") == ["front_1.png"]
    expected = load(models / "styles", "cpu", "float32")(maps / "front_1.png", seed=3)
    assert np.array_equal(decode_image(tmp_path / "out" / "front_1.png"), np.asarray(expected))


def test_a_folder_several_seeds_and_a_contact_sheet(models: Path, maps: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    result = run(
        maps,
        "--model",
        models / "styles",
        "--out",
        out,
        "--seed",
        4,
        "--count",
        2,
        "--contact-sheet",
        "--size",
        "32x32",
    )
    assert result.exit_code == 0, result.output
    photos = [f"front_{i}_seed{seed}.png" for i in range(3) for seed in (4, 5)]
    assert files(out) == ["contact_sheet.png", *photos]
    synthesizer = load(models / "styles", "cpu", "float32")
    for name in photos:
        path = maps / f"{name[:7]}.png"
        expected = np.asarray(synthesizer(path, seed=int(name[-5]))).astype(int)
        assert np.abs(decode_image(out / name) - expected).max() <= 1
    sheet = decode_image(out / "contact_sheet.png")
    assert sheet.shape[0] > 3 * 256
    assert sheet.shape[1] > 3 * 256
    colors = draw_facade(0, 32).colors()
    assert (sheet.reshape(-1, 3) == colors[31, 31]).all(1).any()


def test_photos_are_replaced_only_when_asked(models: Path, maps: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    model = ("--model", models / "styles", "--out", out)
    assert run(maps / "front_0.png", *model).exit_code == 0
    first = (out / "front_0.png").read_bytes()
    refused(run(maps / "front_0.png", *model, "--seed", 1), out / "front_0.png", "would be replaced", "--overwrite")
    refused(run(maps, *model, "--seed", 1), out / "front_0.png", "would be replaced")
    assert files(out) == ["front_0.png"]
    assert (out / "front_0.png").read_bytes() == first
    assert run(maps / "front_1.png", *model).exit_code == 0  # beside the first
    assert run(maps, *model, "--seed", 1, "--overwrite").exit_code == 0
    expected = load(models / "styles", "cpu", "float32")(maps / "front_0.png", seed=1)
    assert np.abs(decode_image(out / "front_0.png") - np.asarray(expected).astype(int)).max() <= 1  # made in a batch


def test_a_contact_sheet_is_not_replaced_either(models: Path, maps: Path, tmp_path: Path) -> None:
    save_png(tmp_path / "out" / "contact_sheet.png", np.zeros((8, 8, 3), np.uint8))
    result = run(maps, "--model", models / "styles", "--out", tmp_path / "out", "--contact-sheet")
    refused(result, "contact_sheet.png would be replaced")
    assert files(tmp_path / "out") == ["contact_sheet.png"]


def test_style_from_a_photo(models: Path, maps: Path, tmp_path: Path) -> None:
    save_png(tmp_path / "photo.png", np.full((50, 40, 3), (200, 90, 40), np.uint8))
    out = tmp_path / "out"
    result = run(maps / "front_0.png", "--model", models / "styles", "--out", out, "--style", tmp_path / "photo.png")
    assert result.exit_code == 0, result.output
    expected = load(models / "styles", "cpu", "float32")(maps / "front_0.png", style=tmp_path / "photo.png")
    assert np.array_equal(decode_image(out / "front_0.png"), np.asarray(expected))


def test_instances(models: Path, maps: Path, tmp_path: Path) -> None:
    arguments = (maps, "--model", models / "edges", "--out", tmp_path / "out")
    assert_refused(run(*arguments), tmp_path / "out", "--instances")
    (tmp_path / "instances").mkdir()
    assert_refused(run(*arguments, "--instances", tmp_path / "instances"), tmp_path / "out", "holds no pictures")
    save_png(tmp_path / "instances/other.png", np.zeros((8, 8), np.uint8))
    assert_refused(run(*arguments, "--instances", tmp_path / "instances"), tmp_path / "out", "front_0.png")
    ids = np.arange(32 * 32, dtype=np.int32).reshape(32, 32) // 64
    for seed in range(3):
        layout = Layout(draw_facade(seed, 32).labels, CLASSES, ids)
        layout.save_instances(tmp_path / "instances" / f"front_{seed}.png")
    assert run(*arguments, "--instances", tmp_path / "instances").exit_code == 0
    save_png(tmp_path / "instances" / "front_1.png", np.zeros((16, 16), np.uint16))
    shutil.rmtree(tmp_path / "out")
    assert_refused(
        run(*arguments, "--instances", tmp_path / "instances"), tmp_path / "out", "instances/front_1.png", "16x16"
    )


def test_the_instance_map_of_one_label_map_is_named_itself(models: Path, maps: Path, tmp_path: Path) -> None:
    halves = np.repeat([[0, 1]], 16, 1).repeat(32, 0).astype(np.int32)
    Layout(draw_facade(0, 32).labels, CLASSES, halves).save_instances(tmp_path / "of_it.png")
    words = ("--model", models / "edges", "--out", tmp_path / "out", "--instances")
    assert_refused(run(maps, *words, tmp_path / "of_it.png"), tmp_path / "out", "is one file for 3 label maps")
    assert_refused(run(maps, *words, tmp_path / "absent.png"), tmp_path / "out", "there is no such folder or file")
    assert run(maps / "front_0.png", *words, tmp_path / "of_it.png").exit_code == 0
    synthesizer = load(models / "edges", "cpu", "float32")
    layout = synthesizer.conditions.open_layout(str(maps / "front_0.png"), str(tmp_path / "of_it.png"))
    assert np.array_equal(decode_image(tmp_path / "out" / "front_0.png"), np.asarray(synthesizer(layout)))


def test_sizes(models: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "map.png", tmp_path / "out"
    draw_facade(0, 32).resized((70, 100)).save(path)
    for model, near in (("styles", "32x32"), ("plain", "96x64 or 128x96")):
        arguments = (path, "--model", models / model, "--out", out)
        assert_refused(run(*arguments, "--strict-size"), out, path, "100x70", f"nearest: {near}")
        result = run(*arguments)
        assert result.exit_code == 0
        made = near.split(" or ", maxsplit=1)[0]
        assert result.stderr == f"note: {path} is 100x70, which this model cannot make: resized to {made}\n"
        assert "{1}x{0}".format(*decode_image(out / "map.png").shape) == made
        shutil.rmtree(out)
    result = run(path, "--model", models / "plain", "--out", out, "--size", "64x32")
    assert (result.exit_code, result.stderr) == (0, "")
    assert decode_image(out / "map.png").shape == (32, 64, 3)


@pytest.mark.parametrize("size", ["64", "axb", "0x32", "32x-1", "²x3", "99999999x1", "33x32", "1e3x5"])
def test_sizes_that_are_none(models: Path, maps: Path, tmp_path: Path, size: str) -> None:
    result = run(maps, "--model", models / "plain", "--out", tmp_path / "out", f"--size={size}")
    assert_refused(result, tmp_path / "out", size)


def test_one_pixel_makes_a_photo(models: Path, tmp_path: Path) -> None:
    Layout(np.full((1, 1), VOID, np.uint16), CLASSES).save(tmp_path / "dot.png")
    result = run(tmp_path / "dot.png", "--model", models / "styles", "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "1x1" in result.stderr


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bad_map(kind: str, path: Path) -> None:
    good = draw_facade(0, 32)
    good.save(path)
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:-60])
    elif kind == "text":
        path.write_text("not a picture")
    elif kind == "jpeg":
        Image.fromarray(good.labels.astype(np.uint8)).save(path, "JPEG")
    elif kind == "ids":
        save_png(path, np.where(good.labels == 1, 77, good.labels).astype(np.uint8))
    elif kind == "colors":
        save_png(path, good.colors() // 2)
    elif kind == "bomb":
        header = struct.pack(">IIBBBBB", 20000, 20000, 8, 0, 0, 0, 0)
        data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("empty", "empty"),
        ("truncated", "truncated"),
        ("text", "not a picture"),
        ("jpeg", "JPEG"),
        ("ids", "77 ("),
        ("colors", "colours outside"),
        ("bomb", "has more than"),
    ],
)
def test_bad_maps_leave_no_photo_even_of_good_ones(
    models: Path, maps: Path, tmp_path: Path, kind: str, reason: str
) -> None:
    bad_map(kind, maps / "front_2.png")
    result = run(maps, "--model", models / "styles", "--out", tmp_path / "out", "--contact-sheet")
    assert_refused(result, tmp_path / "out", maps / "front_2.png", reason)


def test_all_problems_are_counted(models: Path, maps: Path, tmp_path: Path) -> None:
    for name in ("front_0", "front_2"):
        bad_map("text", maps / f"{name}.png")
    result = run(maps, "--model", models / "styles", "--out", tmp_path / "out")
    assert_refused(result, tmp_path / "out", "front_0.png", "1 more of the 3 label maps have problems")


def test_paths_that_do_not_work(models: Path, maps: Path, tmp_path: Path) -> None:
    out, model = tmp_path / "out", ("--model", models / "styles")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    shutil.copytree(maps, tmp_path / "more")
    assert_refused(run(tmp_path / "none.png", *model, "--out", out), out, "none.png")
    assert_refused(run(tmp_path / "empty", *model, "--out", out), out, "no pictures")
    assert_refused(run(maps, tmp_path / "more", *model, "--out", out), out, "front_0.png", "both")
    assert_refused(run(maps, *model, "--out", out, "--style", tmp_path / "file"), out, "file", "not a picture")
    assert_refused(run(maps, *model, "--out", out, "--instances", tmp_path / "none"), out, "none")
    assert_refused(run(maps, *model, "--out", tmp_path / "file" / "out"), out, "file")
    assert_refused(run(maps, "--model", tmp_path / "empty", "--out", out), out, "neither a model folder")
    assert_refused(run(maps, "--model", "nonesuch", "--out", out), out, "nonesuch")


def test_inputs_are_never_replaced(models: Path, maps: Path, tmp_path: Path) -> None:
    before = {name: (maps / name).read_bytes() for name in files(maps)}
    result = run(maps, "--model", models / "styles", "--out", tmp_path / "maps")
    assert result.exit_code == 2
    assert "choose another --out" in result.stderr
    shutil.copy(maps / "front_0.png", maps / "contact_sheet.png")
    result = run(maps, "--model", models / "styles", "--out", tmp_path / "out", "--contact-sheet")
    assert_refused(result, tmp_path / "out", "contact_sheet.png")
    assert all((maps / name).read_bytes() == data for name, data in before.items())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that nobody can write to")
def test_a_folder_that_cannot_be_written(models: Path, maps: Path) -> None:
    result = run(maps, "--model", models / "styles", "--out", "/proc/self/photos")
    assert result.exit_code == 2
    assert "choose another folder" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_full_disk_leaves_whole_files_only(
    models: Path, maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    real, calls = Path.write_bytes, []

    def write_bytes(self: Path, data: bytes) -> int:
        calls.append(self)
        if len(calls) > 1:
            real(self, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    out = tmp_path / "out"
    result = run(maps, "--model", models / "styles", "--out", out)
    assert result.exit_code == 2
    assert "disk is full" in result.stderr
    assert files(out) == ["front_0.png"]
    assert decode_image(out / "front_0.png").shape == (32, 32, 3)


def test_damaged_models(models: Path, maps: Path, tmp_path: Path) -> None:
    model, out = tmp_path / "model", tmp_path / "out"
    shutil.copytree(models / "styles", model)
    weights = model / "generator.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1])
    assert_refused(run(maps, "--model", model, "--out", out), out, weights, "damaged")
    weights.write_bytes(data)
    builtin("camvid").save(model / "classes.json")
    assert_refused(run(maps, "--model", model, "--out", out), out, "classes.json", "another model")
    (model / "config.json").unlink()
    assert_refused(run(maps, "--model", model, "--out", out), out, model, "config.json")


def test_a_dataset_of_other_classes(models: Path, tmp_path: Path) -> None:
    labels, out = tmp_path / "streets" / "val" / "labels", tmp_path / "out"
    draw_facade(0, 32).save(labels / "a.png")  # ids that both class sets have
    builtin("camvid").save(tmp_path / "streets" / "classes.json")
    assert_refused(run(labels, "--model", models / "styles", "--out", out), out, labels, "camvid", "cmp_facades")
    builtin("cmp_facades").save(tmp_path / "streets" / "classes.json")
    assert run(labels, "--model", models / "styles", "--out", out).exit_code == 0


def test_what_a_model_cannot_do(models: Path, maps: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plain, styles = ("--model", models / "plain", "--out", out), ("--model", models / "styles", "--out", out)
    assert_refused(run(maps, *plain, "--seed", 1), out, "leave out")
    assert_refused(run(maps, *plain, "--count", 2), out, "--count")
    assert_refused(run(maps, *plain, "--style", maps / "front_0.png"), out, "leave out")
    assert_refused(run(maps, *styles, "--style", maps / "front_0.png", "--seed", 1), out, "--style")
    assert_refused(run(maps, *styles, "--style", maps / "front_0.png", "--count", 2), out, "--style")
    assert_refused(run(maps, *styles, "--seed", 2**63), out, "seed")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there(models: Path, maps: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app,
        [
            "synthesize",
            str(maps),
            "--model",
            str(models / "styles"),
            "--out",
            str(tmp_path / "out"),
            "--device",
            "cuda",
        ],
    )
    assert_refused(result, tmp_path / "out", "'cuda'")


def test_the_installed_command(models: Path, maps: Path, tmp_path: Path) -> None:
    """A real process, with its default device and precision."""
    code = "from semsynth.cli.main import main; main()"
    command = [sys.executable, "-c", code, "synthesize", str(maps), "--model", str(models / "styles"), "--out", "out"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "3 photos in out\n", "")
    assert files(tmp_path / "out") == ["front_0.png", "front_1.png", "front_2.png"]


@pytest.mark.slow
def test_photos_in_tiles(models: Path, maps: Path, tmp_path: Path) -> None:
    out, given = tmp_path / "out", [maps / "front_0.png", "--model", models / "plain"]
    result = run(*given, "--out", out, "--tile", 64, "--workers", 1, "--size", "96x64", "--format", "tiff")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"1 photo in {out}: 2 tiles made, in ")
    assert files(out) == ["front_0.tif"]
    once = tmp_path / "once"
    assert run(*given, "--out", once, "--size", "96x64").exit_code == 0
    made, wanted = (decode_image(path).astype(int) for path in (out / "front_0.tif", once / "front_0.png"))
    assert np.abs(made - wanted).max() <= 1


def test_photos_that_do_not_fit_are_made_in_tiles(
    models: Path, maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from semsynth.large import fitting

    monkeypatch.setattr(fitting, "MAX_PIXELS", 1000)
    result = run(maps / "front_0.png", "--out", tmp_path / "out", "--model", models / "edges")
    assert "front_0.png is 32x32, more than is read at once: made in tiles, as with --tile 1024" in result.stderr
    assert "error: this model reads instance boundaries, and tiles are made of label maps alone" in result.stderr
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tile", 64, "--contact-sheet"], "--contact-sheet does not go with --tile"),
        (["--tile", 64, "--region-seed", "door=3"], "--region-seed does not go with --tile"),
        (["--tile", 64, "--limit", 3], "--limit does not go with --tile"),
        (["--format", "tiff"], "--format is for pictures that are made in tiles: give --tile, too"),
        (["--tile", 31, "--size", "320x320"], "--tile 31 is too small for a picture of 320x320"),
        (["--tile", 64, "--address", "auto"], "--address auto: only Ray has it; leave it out"),
    ],
)
def test_what_does_not_go_with_tiles(
    arguments: list[object], message: str, models: Path, maps: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert_refused(run(maps, "--out", out, "--model", models / "plain", *arguments), out, message)
