"""Make a release in this checkout: version, changelog heading, citation, commit, tag, source distribution and wheel.

    python tools/release.py VERSION [--dry-run]

The distributions are built from the commit that HEAD is, in a folder of their own, and checked before anything changes
here. With ``--dry-run`` nothing changes at all. Nothing is ever pushed or uploaded: the last lines say how.
"""

from __future__ import annotations

import argparse
import datetime
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from semsynth.errors import SemsynthError
from semsynth.files import write_bytes

REPOSITORY = Path(__file__).resolve().parent.parent
VERSION_FILE, CHANGELOG, CITATION = Path("src/semsynth/version.py"), Path("CHANGELOG.md"), Path("CITATION.cff")
DISTRIBUTIONS = Path("dist")
UNRELEASED = "## [Unreleased]\n"
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:(a|b|rc)(\d+))?")
"""X.Y.Z, with a1, b1 or rc1 for what precedes it."""


@dataclass(frozen=True)
class Release:
    """What a release changes."""

    version: str
    files: dict[Path, str]
    """New text by path below the repository."""

    @property
    def tag(self) -> str:
        """Its name in Git."""
        return f"v{self.version}"


def plan(root: Path, version: str, day: datetime.date) -> Release:
    """Find out what would change.

    Raises:
        SemsynthError: the version is malformed or not newer, its tag exists, files are not committed, or the changelog
            has nothing to release.
    """
    if _git(root, "status", "--porcelain", "--untracked-files=no"):
        raise SemsynthError("there are changes that are not committed: commit or stash them first")
    if _git(root, "tag", "--list", f"v{version}"):
        raise SemsynthError(f"the tag v{version} exists: choose a newer version")
    old = (root / VERSION_FILE).read_text("utf-8")
    current = re.search(r'__version__ = "([^"]+)"', old)
    if current is None:
        raise SemsynthError(f'{VERSION_FILE} has no line __version__ = "X.Y.Z"')
    released = bool(_git(root, "tag", "--list", f"v{current[1]}"))
    if _ordered(version) < _ordered(current[1]) or (released and version == current[1]):
        raise SemsynthError(f"{version} is not newer than {current[1]} in {VERSION_FILE}")
    files = {
        VERSION_FILE: old.replace(current[0], f'__version__ = "{version}"'),
        CHANGELOG: _with_heading((root / CHANGELOG).read_text("utf-8"), version, day),
        CITATION: _cited((root / CITATION).read_text("utf-8"), version, day),
    }
    return Release(version, files)


def _ordered(version: str) -> tuple[int, int, int, str, int]:
    parts = _VERSION.fullmatch(version)
    if parts is None:
        raise SemsynthError(f"'{version}' is not a version: expected X.Y.Z, or X.Y.Z with a1, b1 or rc1")
    major, minor, patch, stage, number = parts.groups()
    return int(major), int(minor), int(patch), stage or "z", int(number or 0)


def _with_heading(changelog: str, version: str, day: datetime.date) -> str:
    """The changelog with what is unreleased under the version's heading, and an empty section above it."""
    if changelog.count(UNRELEASED) != 1:
        raise SemsynthError(f"{CHANGELOG} needs exactly one heading '{UNRELEASED.strip()}'")
    if f"## [{version}]" in changelog:
        raise SemsynthError(f"{CHANGELOG} has a section for {version} already")
    before, _, after = changelog.partition(UNRELEASED)
    if "\n- " not in after.partition("\n## [")[0]:
        raise SemsynthError(f"{CHANGELOG} has no entry under '{UNRELEASED.strip()}': there is nothing to release")
    return f"{before}{UNRELEASED}\n## [{version}] - {day.isoformat()}\n{after}"


def _cited(citation: str, version: str, day: datetime.date) -> str:
    """The citation file with the version and its day."""
    undated = re.sub(r"^date-released: .*\n", "", citation, flags=re.MULTILINE)
    lines = f"version: {version}\ndate-released: {day.isoformat()}"
    cited, count = re.subn(r"^version: .*$", lines, undated, flags=re.MULTILINE)
    if count != 1:
        raise SemsynthError(f"{CITATION} needs exactly one line 'version: X.Y.Z'")
    return cited


def build(root: Path, release: Release, out: Path) -> list[Path]:
    """Build the release from HEAD, without touching the checkout, and check what was built.

    Args:
        root: the repository.
        release: what changes on top of HEAD.
        out: where the source distribution and the wheel go.

    Raises:
        SemsynthError: the build or a check fails; its output was printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=root, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(source, filter="data")
        for path, text in release.files.items():
            (source / path).write_text(text, "utf-8")
        _run(source, sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(out))
    built = sorted(out.glob(f"*-{release.version}*"))
    if [path.suffix for path in built] != [".whl", ".gz"]:
        raise SemsynthError(f"expected a wheel and a source distribution of {release.version} in {out}, found {built}")
    _run(out, sys.executable, "-m", "twine", "check", "--strict", *(str(path) for path in built))
    _check_contents(*built)
    return built


def _check_contents(wheel: Path, source: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        shipped = set(opened.namelist())
    with tarfile.open(source) as tar:
        kept = {name.partition("/")[2] for name in tar.getnames()}
    missing = [name for name in ("semsynth/__init__.py", "semsynth/py.typed") if name not in shipped]
    missing += [name for name in ("pyproject.toml", "LICENSE", str(CHANGELOG), str(VERSION_FILE)) if name not in kept]
    strange = [name for name in shipped if not name.startswith(("semsynth/", "semsynth-"))]
    if missing or strange:
        raise SemsynthError(f"the distributions lack {missing} and should not hold {strange[:5]}")


def apply(root: Path, release: Release) -> None:
    """Write the version and the changelog, commit both, and tag the commit."""
    for path, text in release.files.items():
        write_bytes(root / path, text.encode())
    _git(root, "commit", "--quiet", "--message", f"Release {release.version}", "--", *map(str, release.files))
    _git(root, "tag", "--annotate", release.tag, "--message", f"semsynth {release.version}")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise SemsynthError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _run(folder: Path, *command: str) -> None:
    if subprocess.run(command, cwd=folder).returncode:
        raise SemsynthError(f"'{' '.join(command[1:4])}' failed, see above")


def main(arguments: list[str] | None = None, root: Path = REPOSITORY, day: datetime.date | None = None) -> None:
    """Make a release."""
    parser = argparse.ArgumentParser(description="Make a release in this checkout; nothing is pushed.")
    parser.add_argument("version", help="X.Y.Z, or X.Y.Z with a1, b1 or rc1")
    parser.add_argument("--dry-run", action="store_true", help="build and check, and change nothing")
    options = parser.parse_args(arguments)
    try:
        release = plan(root, options.version, day or datetime.date.today())
        with tempfile.TemporaryDirectory() as folder:
            built = build(root, release, Path(folder))
            if options.dry_run:
                names = ", ".join(path.name for path in built)
                print(
                    f"dry run: {names} are fine; would commit {', '.join(map(str, release.files))}, tag {release.tag}"
                )
                return
            apply(root, release)
            (root / DISTRIBUTIONS).mkdir(exist_ok=True)
            for path in built:
                shutil.copy(path, root / DISTRIBUTIONS)
    except SemsynthError as error:
        sys.exit(f"error: {error}")
    print(f"tagged {release.tag}; {DISTRIBUTIONS}/ has {', '.join(path.name for path in built)}")
    print(f"to publish: git push origin HEAD {release.tag}, then twine upload {DISTRIBUTIONS}/*{release.version}*")


if __name__ == "__main__":
    main()
