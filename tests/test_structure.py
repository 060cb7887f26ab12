"""Tests lie where the module lies that they test."""

from __future__ import annotations

from pathlib import Path

import pytest

SEVERAL_MODULES = {
    "api": ("bulk_exports", "run_folders"),
    "bulk": ("two_thousand",),
    "cli": ("collections", "convert_pix2pixhd", "data_import", "region_seeds", "stored_modes"),
    "data/shards": ("damage", "s3"),
    "exporting": ("files",),
    "hub": ("hub",),
    "data/importers": ("half_downloads",),
    "layout": ("label_file_memory", "layout"),
    "models": ("layout_at_every_layer", "new_family", "parameter_counts"),
    "models/backbones": ("backbones",),
    "serving": ("hostile_requests",),
    "synthesizer": ("sims",),
    "studio": ("bundled", "commands", "objects", "server", "stored_modes"),
    "study": ("browser", "load"),
    "styles": ("stored_modes",),
    "training": (
        *("aids", "baselines", "command", "conditions", "crn", "distributed", "distributed_restarts"),
        *("feature_discriminator", "inner_loop", "oasis", "pix2pixhd", "pixel_formats", "shards", "sims"),
    ),
}
"""Files that test what several modules do together, by folder."""

MIRRORED = [
    *("api", "bulk", "checkpoint", "cli", "comparison", "data", "evaluation", "exporting", "hub", "large", "layout"),
    *("layout_ops", "losses", "models", "ops", "serving", "studio", "study", "styles", "synthesizer", "training"),
]
"""Packages whose tests are checked; those of conversion and recipes also lie by the official code that they follow."""


@pytest.mark.parametrize("folder", MIRRORED)
def test_every_test_file_of_a_package_names_a_module(repository: Path, folder: str) -> None:
    tests = repository / "tests"
    files = [path.relative_to(tests) for path in (tests / folder).rglob("test_*.py")]
    assert files
    stale = [str(path) for path in files if not _mirrors(repository, path)]
    assert stale == [], "rename them after the module that they test, or list them above"


def test_every_exception_is_a_file(repository: Path) -> None:
    for folder, names in SEVERAL_MODULES.items():
        for name in names:
            file = Path(folder, f"test_{name}.py")
            assert (repository / "tests" / file).is_file(), file
            assert not (repository / "src/semsynth" / folder / f"{name}.py").is_file(), file


def _mirrors(repository: Path, path: Path) -> bool:
    name = path.stem.removeprefix("test_")
    module = repository / "src" / "semsynth" / path.parent / name
    return name in SEVERAL_MODULES.get(path.parent.as_posix(), ()) or module.with_suffix(".py").is_file()
