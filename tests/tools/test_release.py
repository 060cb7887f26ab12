"""A release: what it changes, what it refuses, and that a dry run changes nothing."""

from __future__ import annotations

import datetime
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import semsynth
from semsynth.errors import SemsynthError

DAY = datetime.date(2026, 12, 1)
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "semsynth"
dynamic = ["version"]
readme = "CHANGELOG.md"
requires-python = ">=3.11"
license = "Apache-2.0"
license-files = ["LICENSE"]
[tool.hatch.version]
path = "src/semsynth/version.py"
"""
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Something.\n\n## [0.1.0] - 2026-01-01\n\n- All.\n"


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a package of one module, whose version 0.1.0 is tagged."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "A Tester")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "tester@example.org")
    root = tmp_path / "repository"
    (root / "src/semsynth").mkdir(parents=True)
    texts = {
        "pyproject.toml": PYPROJECT,
        "CHANGELOG.md": CHANGELOG,
        "CITATION.cff": "cff-version: 1.2.0\nversion: 0.1.0\ndate-released: 2026-01-01\ntype: software\n",
        "LICENSE": "Apache License 2.0\n",
        "src/semsynth/__init__.py": "",
        "src/semsynth/py.typed": "",
        "src/semsynth/version.py": '__version__ = "0.1.0"\n',
    }
    for name, text in texts.items():
        (root / name).write_text(text)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "All")
    git(root, "tag", "v0.1.0")
    return root


@pytest.fixture(scope="module")
def release(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("release")


def state(root: Path) -> tuple[str, ...]:
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if ".git" not in path.parts)
    return git(root, "rev-parse", "HEAD"), git(root, "tag"), git(root, "status", "--porcelain"), *files


def test_a_dry_run_builds_and_changes_nothing(
    release: ModuleType, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = state(root)
    release.main(["0.2.0", "--dry-run"], root, DAY)
    assert state(root) == before
    assert "semsynth-0.2.0-py3-none-any.whl, semsynth-0.2.0.tar.gz are fine" in capfd.readouterr().out


def test_a_release_is_one_tagged_commit_and_its_distributions(release: ModuleType, root: Path) -> None:
    release.main(["0.2.0"], root, DAY)
    assert git(root, "tag", "--points-at", "HEAD") == "v0.2.0"
    assert git(root, "show", "--format=%s", "--name-only", "HEAD").split() == [
        *("Release", "0.2.0"),
        *("CHANGELOG.md", "CITATION.cff", "src/semsynth/version.py"),
    ]
    changelog = (root / "CHANGELOG.md").read_text()
    assert changelog.startswith(
        "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- Something.\n\n## [0.1.0]"
    )
    assert (root / "src/semsynth/version.py").read_text() == '__version__ = "0.2.0"\n'
    assert "version: 0.2.0\ndate-released: 2026-12-01\ntype" in (root / "CITATION.cff").read_text()
    with zipfile.ZipFile(root / "dist/semsynth-0.2.0-py3-none-any.whl") as wheel:
        assert wheel.read("semsynth/version.py") == b'__version__ = "0.2.0"\n'
    with tarfile.open(root / "dist/semsynth-0.2.0.tar.gz") as source:
        assert source.extractfile("semsynth-0.2.0/CHANGELOG.md").read().decode() == changelog  # type: ignore[union-attr]


def test_the_citation_names_this_version(repository: Path) -> None:
    assert f"\nversion: {semsynth.__version__}\n" in (repository / "CITATION.cff").read_text()


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("0.1.0", r"the tag v0\.1\.0 exists"),
        ("0.0.9", r"0\.0\.9 is not newer than 0\.1\.0"),
        ("0.1.0rc1", r"0\.1\.0rc1 is not newer than 0\.1\.0"),
        ("1.0", r"'1\.0' is not a version"),
    ],
)
def test_versions_that_are_refused(release: ModuleType, root: Path, version: str, reason: str) -> None:
    with pytest.raises(SemsynthError, match=reason):
        release.plan(root, version, DAY)


def test_states_that_are_refused(release: ModuleType, root: Path) -> None:
    (root / "CHANGELOG.md").write_text(CHANGELOG + "- More.\n")
    with pytest.raises(SemsynthError, match="not committed"):
        release.plan(root, "0.2.0", DAY)
    for text, reason in [
        (CHANGELOG.replace("- Something.\n", ""), "nothing to release"),
        (CHANGELOG.replace("## [Unreleased]\n", ""), "exactly one heading"),
        (CHANGELOG.replace("[0.1.0]", "[0.2.0]"), r"has a section for 0\.2\.0 already"),
    ]:
        (root / "CHANGELOG.md").write_text(text)
        git(root, "commit", "--quiet", "--all", "--message", "Changelog")
        with pytest.raises(SemsynthError, match=reason):
            release.plan(root, "0.2.0", DAY)


def test_distributions_that_lack_something_are_refused(release: ModuleType, root: Path, tmp_path: Path) -> None:
    git(root, "rm", "--quiet", "src/semsynth/py.typed")
    git(root, "commit", "--quiet", "--message", "No types")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(SemsynthError, match=r"lack \['semsynth/py\.typed'\]"):
        release.build(root, release.plan(root, "0.2.0", DAY), out)
