"""What works without the extras, and the one line that each of them gets where it is absent."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import sets
from official_trees import coco_stuff, nyu_depth_v2
from PIL import Image
from tiny_settings import TINY

from semsynth.errors import SemsynthError
from semsynth.extras import require

MODULES = {
    "studio": ("fastapi", "starlette", "uvicorn", "python_multipart", "multipart"),
    "study": ("sqlalchemy", "choix"),
    "evaluate": ("transformers", "tokenizers"),
    "fid": ("torchmetrics", "torch_fidelity", "torchvision"),
    "tensorboard": ("tensorboard",),
    "styles": ("sklearn",),
    "edges": ("skimage",),
    "mturk": ("boto3", "botocore"),
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "coco": ("pycocotools",),
    "nyu": ("h5py",),
    "huggingface": ("datasets",),
    "tiff": ("tifffile",),
    "ray": ("ray", "pyarrow"),
    "postgres": ("psycopg", "psycopg_binary"),
    "s3": ("s3fs", "aiobotocore"),
}
"""Extra -> the modules that it brings."""
SPELLED = {"scikit-learn": "sklearn", "scikit-image": "skimage", "python-multipart": "python_multipart"}

RUNNER = """
import json, sys, warnings
from importlib.machinery import PathFinder

absent, commands = json.load(sys.stdin)
warnings.simplefilter("ignore")


class WithoutExtras(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in absent else super().find_spec(name, path, target)


sys.meta_path[:] = [WithoutExtras if finder is PathFinder else finder for finder in sys.meta_path]
from typer.testing import CliRunner
from semsynth.cli.main import app

results = []
for command in commands:
    result = CliRunner().invoke(app, command)
    results.append((result.exit_code, result.stdout, result.stderr, repr(result.exception)))
print(json.dumps([results, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def run_without(extras: list[str], commands: list[list[Any]]) -> tuple[list[Any], set[str]]:
    """Run commands in an interpreter in which the modules of some extras are not to be found.

    Returns:
        Exit code, stdout, stderr and exception of each command, and the top-level modules that were loaded.
    """
    absent = [module for extra in extras for module in MODULES[extra]]
    given = json.dumps([absent, [[str(part) for part in command] for command in commands]])
    done = subprocess.run([sys.executable, "-c", RUNNER], input=given, check=True, capture_output=True, text=True)
    results, loaded = json.loads(done.stdout.splitlines()[-1])
    return results, set(loaded)


@pytest.fixture(scope="module")
def declared(repository: Path) -> dict[str, list[str]]:
    extras: dict[str, list[str]] = tomllib.loads((repository / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    return extras


def test_all_is_every_extra_but_fid_and_mturk(declared: dict[str, list[str]]) -> None:
    assert set(declared) - {"all", "dev", "docs"} == set(MODULES)
    assert declared["all"] == [f"semsynth[{','.join(sorted(set(MODULES) - {'fid', 'mturk'}))}]"]


def test_the_modules_of_an_extra_are_those_it_installs(declared: dict[str, list[str]]) -> None:
    for extra, modules in MODULES.items():
        names = [re.split(r"[\[>=]", requirement)[0] for requirement in declared[extra]]
        required = {SPELLED.get(name, name) for name in names}
        shared = set(MODULES["studio"]) if extra == "study" else set()
        assert required <= set(modules) | shared, extra


def test_what_is_missing_is_named() -> None:
    require("edges", "reading a file", "json", "pathlib")
    with pytest.raises(SemsynthError, match=r"^a picture needs no_a, no_b: pip install 'semsynth\[edges\]'$"):
        require("edges", "a picture", "no_a", "json", "no_b")


def test_synthesis_and_training_need_no_extra(tmp_path: Path) -> None:
    toy, run = tmp_path / "toy", tmp_path / "run"
    trained = ["--model", run / "model", "--instances", toy / "val" / "instances"]
    results, loaded = run_without(
        list(MODULES),
        [
            ["--help"],
            ["train", "--help"],
            ["data", "toy", toy, "--count", "4"],
            ["train", "spade", "--data", toy, "--out", run, *sets([*TINY, "training.steps=2"])],
            ["synthesize", toy / "val" / "labels", *trained, "--out", tmp_path / "photos"],
        ],
    )
    assert [result[0] for result in results] == [0, 0, 0, 0, 0], results
    assert not loaded & {module for modules in MODULES.values() for module in modules}
    assert "TensorBoard's event files need tensorboard: pip install 'semsynth[tensorboard]'" in results[3][2]
    assert [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()] == [2]
    assert not (run / "tensorboard").exists()
    assert list((tmp_path / "photos").glob("*.png"))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos in ``photos``, and downloads of data sets as their pages offer them."""
    root = tmp_path_factory.mktemp("inputs")
    (root / "photos").mkdir()
    (root / "layouts").mkdir()
    for number in range(2):
        Image.fromarray(np.full((64, 64, 3), 40 * number, np.uint8)).save(root / "photos" / f"{number}.png")
        Image.fromarray(np.full((64, 64), number, np.uint8)).save(root / "layouts" / f"{number}.png")
    coco_stuff(root / "coco")
    nyu_depth_v2(root / "nyu")
    return root


@pytest.mark.slow
def test_every_command_names_the_extra_it_needs(inputs: Path, tmp_path: Path) -> None:
    photos, out = inputs / "photos", tmp_path / "out"
    toy = ["--data", tmp_path / "toy"]
    given = ["--images", tmp_path / "toy/val/images", "--predictions", tmp_path / "toy/val/labels"]
    commands = {
        "studio": (["studio", "--port", "0"], "the studio needs fastapi, uvicorn, python-multipart"),
        "study": (["study", "serve", tmp_path], "a study needs sqlalchemy, choix"),
        "evaluate": (["label", photos, "--segmenter", "cmp_facades", "--out", out], "a segmenter needs transformers"),
        "fid": (
            ["evaluate", *given, *toy, "--features", "inception", "--out", out],
            "FID's Inception needs torchmetrics, torch-fidelity, torchvision",
        ),
        "edges": (["data", "import", "edges", photos, out], "finding edges needs scikit-image"),
        "onnx": (["export", "facades", "--out", tmp_path / "model.onnx"], "exporting to ONNX needs onnxscript"),
        "coco": (
            ["data", "import", "coco-stuff", inputs / "coco", out],
            "painting instances of COCO's JSON files needs pycocotools",
        ),
        "nyu": (["data", "import", "nyu-depth-v2", inputs / "nyu", out], "NYU's .mat file needs h5py"),
        "huggingface": (
            ["data", "import", "huggingface", "me/set", out, "--classes", "camvid"],
            "a Hugging Face dataset needs datasets",
        ),
        "tiff": (
            ["synthesize", tmp_path / "toy/val/labels", "--out", out, "--tile", "256", "--format", "tiff"],
            "writing a TIFF file needs tifffile",
        ),
        "ray": (
            ["synthesize", tmp_path / "toy/val/labels", "--out", out, "--engine", "ray"],
            "bulk synthesis by Ray needs ray, pyarrow",
        ),
        "s3": (["train", "spade", "--data", "s3://bucket/set", "--dry-run"], "s3://bucket/set/index.json needs s3fs"),
    }
    prepared = [["data", "toy", tmp_path / "toy", "--count", "4"]]
    results, _ = run_without(list(MODULES), [*prepared, *(command for command, _ in commands.values())])
    assert results[0][0] == 0
    for (extra, (_, line)), (code, _, stderr, _) in zip(commands.items(), results[1:], strict=True):
        assert (code, stderr.splitlines()[-1].partition(" (")[0]) == (
            2,
            f"error: {line}: pip install 'semsynth[{extra}]'",
        ), stderr


@pytest.mark.slow
def test_studies_name_the_extras_of_platforms_and_databases(inputs: Path, tmp_path: Path) -> None:
    study, methods = tmp_path / "study", []
    for name in ("ours", "theirs"):
        methods += ["--method", f"{name}={inputs / 'photos'}"]
    layouts = ["--layouts", inputs / "layouts", "--classes", "camvid"]
    served = ["--url", "https://x", "--reward", "1.00"]
    results, _ = run_without(
        ["mturk", "postgres"],
        [
            ["study", "plan", "--design", "spade-2019", *methods, *layouts, "--out", study],
            ["study", "mturk", "publish", study, *served],
            ["study", "serve", study, "--db", "postgresql://me@127.0.0.1/db"],
        ],
    )
    assert results[0][0] == 0, results[0]
    assert results[1][2] == "error: Mechanical Turk needs boto3: pip install 'semsynth[mturk]'\n"
    assert results[2][2].endswith("a PostgreSQL database needs psycopg: pip install 'semsynth[postgres]'\n")
