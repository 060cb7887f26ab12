from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import semsynth


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that knows nothing of the working copy."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Without isolation: the build tool is a development dependency, and tests need no network.
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    run(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, repository, cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; its dependencies are read from this one, semsynth is not."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=folder)
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")  # its own .pth files are not read
    return folder


def test_the_wheel_holds_everything_that_is_not_python(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    source = Path(semsynth.__file__).parent
    others = {p.relative_to(source.parent).as_posix() for p in source.rglob("*") if p.is_file() and p.suffix != ".pyc"}
    assert others <= names, others - names
    assert {"semsynth/py.typed", "semsynth/class_sets/cmp_facades.json"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests", "benchmarks", "docs")) for name in names)


@pytest.mark.slow
def test_the_installed_wheel_synthesises_with_the_bundled_model(environment: Path, tmp_path: Path) -> None:
    home = run(environment / "bin" / "python", "-c", "import semsynth; print(semsynth.__file__)", cwd=tmp_path)
    assert Path(home.strip()).is_relative_to(environment)
    command = environment / "bin" / "semsynth"
    run(command, "data", "facades", tmp_path / "facades", "--count", "1", cwd=tmp_path)
    run(command, "synthesize", tmp_path / "facades" / "test" / "labels", "--out", tmp_path / "photos", cwd=tmp_path)
    (path,) = (tmp_path / "photos").iterdir()
    with Image.open(path) as opened:
        photo = np.asarray(opened)
    assert photo.shape == (256, 256, 3)
    assert photo.std() > 15  # a picture, not a grey area
