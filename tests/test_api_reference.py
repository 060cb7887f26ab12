"""The site's API reference holds every public name, and each says what it is."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import semsynth

NAMES = [name for name in semsynth.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_a_docstring(name: str) -> None:
    described = getattr(semsynth, name)
    assert described.__doc__, name
    assert not re.match(rf"{name}\(", described.__doc__), "a dataclass's default docstring"
    if inspect.isclass(described):
        members = {key: value for key, value in vars(described).items() if not key.startswith("_")}
        bare = [key for key, value in members.items() if callable(value) and not inspect.getdoc(value)]
        assert not bare, bare


@pytest.mark.slow
def test_the_site_is_built_strictly_and_holds_every_public_name(repository: Path, tmp_path: Path) -> None:
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "api.html").read_text("utf-8")
    assert not re.search(r":(func|meth|class):", page)
    assert [name for name in NAMES if f'id="semsynth.{name}"' not in page] == []
