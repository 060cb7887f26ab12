"""``semsynth.import_dataset``: the table of formats fits the functions behind it, and what is wrong is one line."""

from __future__ import annotations

from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest
from official_trees import cmp_facades, coco_stuff

import semsynth
from semsynth.data.edges import EdgeSettings
from semsynth.data.folder import DatasetFolder


@pytest.mark.parametrize("name", sorted(set(semsynth.IMPORTERS) - {"edges", "auto"}))
def test_every_option_is_an_argument_with_the_same_default(name: str) -> None:
    importer = semsynth.IMPORTERS[name]
    module, _, function = importer.listing.partition(":")
    _, *parameters = signature(getattr(import_module(module), function)).parameters.values()
    known = {one.name: one.default for one in parameters if one.kind is not one.VAR_KEYWORD}
    takes_more = any(one.kind is one.VAR_KEYWORD for one in parameters)
    for option in importer.options:
        assert takes_more or option.name in known
        if option.name in known:
            assert (option.default or None) == (known[option.name] or None)
    assert set(known) <= {option.name for option in importer.options}


def test_the_options_of_edges_are_its_settings() -> None:
    names = {option.name for option in semsynth.IMPORTERS["edges"].options}
    assert names == {*EdgeSettings.model_fields, "val_share"}


def test_an_import_with_options_and_progress(tmp_path: Path) -> None:
    source, calls = coco_stuff(tmp_path / "in"), []
    counts = semsynth.import_dataset(
        "coco-stuff",
        source,
        tmp_path / "out",
        copy=True,
        instances=False,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls[-1] == (sum(counts.values()), sum(counts.values()))
    for split, count in counts.items():
        data = DatasetFolder(tmp_path / "out", split)
        assert len(data) == count
        assert not (tmp_path / "out" / split / "instances").exists()


def test_the_limit_counts_per_split(tmp_path: Path) -> None:
    counts = semsynth.import_dataset("cmp-facades", cmp_facades(tmp_path / "in"), tmp_path / "out", limit=1)
    assert set(counts.values()) == {1}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("camvit", {}, "there is no format 'camvit'; known: folder, edges"),
        ("camvid", {"mapping": "m"}, "'camvid' has no option 'mapping'; known: none"),
        ("ade20k", {"list": "m"}, "'ade20k' has no option 'list'; known: mapping"),
        ("nyu-depth-v2", {"copy": True}, "'nyu-depth-v2' always writes its files: leave out `copy`"),
        ("unlabelled", {}, "needs a segmenter"),
        ("folder", {}, r"classes\.json does not exist: name the classes"),
        ("edges", {"low": 0.9}, r"low=0\.9 must be less than high=0\.2"),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(
    tmp_path: Path, name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(semsynth.SemsynthError, match=message):
        semsynth.import_dataset(name, tmp_path / "in", tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
