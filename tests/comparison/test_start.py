"""``semsynth.compare`` and ``resume_comparison``, as a notebook calls them."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from backbone_weights import save_mobilenet
from toy_bank import TINY_SIMS

import semsynth
from semsynth import SemsynthError
from semsynth.bank.memory import MemoryBank
from semsynth.comparison import Entry
from semsynth.comparison.plan import parse_entry
from semsynth.config import load_config
from semsynth.data.toy import write_toy
from semsynth.training.run import RunRecord

TINY: dict[str, Any] = {
    "generator.width": 2,
    "generator.hidden": 4,
    "discriminator.width": 4,
    "discriminator.max_width": 8,
    "data.load_size": 40,
    "data.crop_size": 32,
    "training.precision": "32-true",
    "training.workers": 0,
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, 8, size=40)
    return folder


def compare(toy: Path, out: Path, *entries: str | Entry, **arguments: Any) -> semsynth.ComparisonResult:
    given = {"steps": 2, "preset": "default", "overrides": TINY, "perceptual": False, "device": "cpu", "count": 1}
    return semsynth.compare(entries, toy, out, **{**given, **arguments})


def test_every_entry_takes_the_weights_of_its_own_feature_discriminator(toy: Path, tmp_path: Path) -> None:
    weights = save_mobilenet(tmp_path)
    small = {"backbone": "mobilenet_v1", "size": None, "strides": [4, 8], "mixed_channels": [2, 2], "halvings": [0, 0]}
    featured = Entry(name="featured", recipe="spade", preset="default", settings={"feature_discriminator": small})
    result = compare(toy, tmp_path / "out", "spade", featured, feature_weights=[weights], steps=1)
    files = {name: load_config(RunRecord, run / "recipe.json").feature_weights for name, run in result.runs.items()}
    assert files == {"spade": None, "featured": str(weights)}
    with pytest.raises(SemsynthError, match=r"feature_weights is none, but was .*choose another folder"):
        compare(toy, tmp_path / "out", "spade", featured, steps=1)


def test_a_comparison_is_trained_shown_and_extended(toy: Path, tmp_path: Path) -> None:
    out, steps = tmp_path / "out", []
    wider = Entry(name="wider", recipe="spade", preset="default", settings={"generator.width": 3})
    result = compare(toy, out, "spade", wider, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 2), (2, 2)] * 2
    assert (result.interrupted, result.page) == (False, out / "index.html")
    assert result.record.plan.title == "spade and wider"
    assert result.record.configs["wider"]["generator"]["width"] == 3
    assert {name: semsynth.load(run).card.steps for name, run in result.runs.items()} == {"spade": 2, "wider": 2}
    assert result.scores == {"spade": {}, "wider": {}}
    assert repr(result) == f"<comparison {out}: 2 of 2 entries complete>"
    assert "<td>wider</td>" in result._repr_html_()
    longer = semsynth.resume_comparison(out, steps=3, count=2, device="cpu")
    assert {one.steps for one in longer.record.results.values()} == {3}
    assert len(longer.record.shown) == 2


def test_an_interrupted_comparison_resumes_with_the_rest(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    class Interrupting(semsynth.Observer):
        def __call__(self, done: int, total: int) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    stopped = compare(toy, out, "spade", "other=spade", callbacks=[Interrupting()])
    assert (stopped.interrupted, stopped.signal) == (True, signal.SIGINT)
    assert repr(stopped) == f"<comparison {out}: 0 of 2 entries complete>"
    done = semsynth.resume_comparison(out, device="cpu")
    assert [one.complete for one in done.record.results.values()] == [True, True]


def test_a_table_gives_entries_title_and_source(toy: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.toml"
    table.write_text('title = "A table"\nsource = "A paper"\n[[entries]]\nname = "ours"\nrecipe = "spade"\n')
    result = compare(toy, tmp_path / "out", table=table, steps=1)
    plan = result.record.plan
    assert (plan.title, plan.source, [entry.name for entry in plan.entries]) == ("A table", "A paper", ["ours"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spade", ("spade", "spade", "small", ())),
        ("spade/default", ("spade/default", "spade", "default", ())),
        ("wide=spade:generator.width=32", ("wide", "spade", "small", ("generator.width=32",))),
    ],
)
def test_texts_become_entries(text: str, expected: tuple[str, str, str, tuple[str, ...]]) -> None:
    entry = parse_entry(text, "small")
    assert (entry.name, entry.recipe, entry.preset, entry.settings) == expected


@pytest.mark.parametrize(
    ("entries", "arguments", "message"),
    [
        ((), {}, "nothing to compare: give entries or a table"),
        (("spade",), {"steps": None}, "one budget: give steps or minutes"),
        (("spade",), {"minutes": 1}, "one budget: give steps or minutes"),
        (("spade",), {"steps": 0}, "the budget: steps: "),
        (("spade",), {"count": 0}, "the comparison: count: "),
        (("spode",), {}, "there is no recipe 'spode'"),
        (("spade", "spade"), {}, "two entries are called 'spade'"),
        (("spade",), {"width_scale": 0}, "the comparison: width_scale: "),
        (("spade",), {"device": "tpu"}, "device tpu: unknown"),
        (("spade",), {"segmenter": "nowhere/nothing"}, "nowhere/nothing"),
    ],
)
def test_wrong_arguments_are_one_line_and_write_nothing(
    toy: Path, tmp_path: Path, entries: tuple[str, ...], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SemsynthError) as caught:
        compare(toy, tmp_path / "out", *entries, **arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_resuming_needs_a_comparison(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="there is no comparison in"):
        semsynth.resume_comparison(tmp_path)


@pytest.mark.slow
def test_sims_beside_another_system(scenes: Path, scene_bank: MemoryBank, tmp_path: Path) -> None:
    """Its entries get the bank, named by its checksum, and the comparison resumes."""
    settings = [*TINY_SIMS, "data.aspect_ratio=1.0"]
    entries = ("image_space", "pieces=sims")
    bank = scene_bank.folder
    for steps in (1, 2):
        result = compare(scenes, tmp_path / "out", *entries, overrides=settings, bank=bank, steps=steps, preset="small")
    records = {name: load_config(RunRecord, run / "recipe.json").config for name, run in result.runs.items()}
    assert records["pieces"]["memory"]["sha256"] == scene_bank.checksum
    assert "memory" not in records["image_space"]
    assert [one.steps for one in result.record.results.values()] == [2, 2]
    assert all(len(one.pictures) == 1 for one in result.record.results.values())
    with pytest.raises(SemsynthError, match="spade uses no memory bank"):
        compare(scenes, tmp_path / "other", "spade", bank=bank)
