"""Comparisons: equal budgets and data, resuming, the page, and what is refused."""

from __future__ import annotations

import json
import mmap
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semsynth.comparison.configs import ENDLESS, resolve, scale_widths
from semsynth.comparison.curves import draw
from semsynth.comparison.measure import PeakMemory, read_log, thinned
from semsynth.comparison.page import millions, render
from semsynth.comparison.plan import Budget, Entry, Plan, check_plan, parse_recipe, parse_variant, read_table
from semsynth.comparison.record import ComparisonFolder, Record, Result, described
from semsynth.comparison.run import run_plan
from semsynth.data.toy import TOY_CLASSES, write_toy
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.training.data import MicroBatches, Share
from semsynth.training.observer import Observer
from semsynth.training.run import RunRecord
from semsynth.training.start import build_recipe, open_data

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TABLES = sorted((REPOSITORY / "examples" / "paper_tables").glob("*.toml"))
TINY = (
    "generator.width=4",
    "generator.hidden=4",
    "generator.downsamplings=2",
    "generator.blocks=1",
    "encoder.width=2",
    "encoder.downsamplings=2",
    "discriminator.width=4",
    "discriminator.max_width=8",
    "data.load_size=40",
    "data.crop_size=32",
    "loss.perceptual=0",
    "training.precision=32-true",
    "training.workers=0",
)
"""For systems of both kinds: each takes what it has."""
OF_SPADE = tuple(setting for setting in TINY if not re.match(r"encoder|.*(downsamplings|blocks)", setting))
SPADE, PIX2PIXHD = parse_recipe("spade/default", "small"), parse_recipe("pix2pixhd", "small")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, 8, size=40)
    return folder


def plan_of(data: Path | str, *entries: Entry, **values: Any) -> Plan:
    given: dict[str, Any] = {"title": "Two systems", "budget": Budget(steps=3), "settings": TINY, "count": 2}
    return Plan(entries=entries or (SPADE, PIX2PIXHD), data=str(data), **given | values)


def configs_of(*entries: Entry, **values: Any) -> dict[str, Any]:
    plan = plan_of("nowhere", *entries, **{"settings": ()} | values)
    return resolve(plan, TOY_CLASSES, True)


@pytest.fixture(scope="module")
def finished(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> ComparisonFolder:
    """Two systems, trained without interruption."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("comparison") / "out"
    assert run_plan(root, plan_of(toy), Silent(), "cpu") is None
    return ComparisonFolder(root)


class Silent(Observer):
    """An observer that keeps what entries it saw training, and does something after every step."""

    def __init__(self, on_step: Callable[[int], None] = lambda step: None) -> None:
        self.notes: list[str] = []
        self.on_step = on_step

    def started(self, done: int, total: int) -> None:
        self.began = done, total

    def __call__(self, done: int, total: int) -> None:
        self.on_step(done)

    def note(self, text: str) -> None:
        self.notes.append(text)


# What is compared -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wide=spade", Entry(name="wide", recipe="spade", preset="small")),
        ("a b=spade/default", Entry(name="a b", recipe="spade", preset="default")),
        (
            "w=spade:generator.width=32,training.ema=0.9",
            Entry(name="w", recipe="spade", preset="small", settings=("generator.width=32", "training.ema=0.9")),
        ),
        (
            'w=spade/x:encoder={"width": 2, "z_dim": 4}, generator.z_dim=4',
            Entry(
                name="w", recipe="spade", preset="x", settings=('encoder={"width": 2, "z_dim": 4}', "generator.z_dim=4")
            ),
        ),
    ],
)
def test_variants(text: str, expected: Entry) -> None:
    assert parse_variant(text, "small") == expected


@pytest.mark.parametrize("text", ["", "spade", "=spade", "wide=", "wide=:a=1", "wide=spade:width", "wide=spade:"])
def test_a_variant_of_another_form_is_refused_with_the_right_one(text: str) -> None:
    with pytest.raises(SemsynthError, match=re.escape(f"variant {text}: expected NAME=RECIPE")):
        parse_variant(text, "small")


def test_a_table_file(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    path.write_text(
        'title = "T"\nsource = "S"\n[[entries]]\nname = "a"\nrecipe = "spade"\n'
        '[[entries]]\nname = "b"\nrecipe = "spade"\npreset = "default"\nsettings = ["generator.width=48"]\n'
    )
    table = read_table(path, "small")
    assert (table.title, table.source) == ("T", "S")
    assert table.entries == (
        Entry(name="a", recipe="spade", preset="small"),
        Entry(name="b", recipe="spade", preset="default", settings=("generator.width=48",)),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "is not valid TOML"),
        ('title = "T"', "entries: "),
        ('entries = [{name="a", recipe="spade"}]', "title: Field required"),
        ('title = "T"\nentries = [{recipe="spade"}]', "name: Field required"),
        ('title = "T"\nentries = [{name="a", recipe="spade", seed=1}]', "unknown key 'entries.0.seed'"),
        ('title = "T"\nentries = "spade"', "entries: "),
    ],
)
def test_a_wrong_table_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "table.toml"
    path.write_text(text)
    with pytest.raises(SemsynthError, match=re.escape(message)) as caught:
        read_table(path, "small")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ((parse_recipe("spode", "small"),), "spode: there is no recipe 'spode': choose spade, "),
        ((parse_recipe("spade/tiny", "small"),), "spade/tiny: 'spade' has no preset 'tiny': choose default, "),
        ((SPADE, SPADE), "two entries are called 'spade/default': rename one"),
        (
            (parse_variant("a b=spade", "small"), parse_variant("a_b=spade", "small")),
            "two entries are called 'a b' and 'a_b', one folder's name",
        ),
    ],
)
def test_wrong_entries_are_refused(entries: tuple[Entry, ...], message: str) -> None:
    with pytest.raises(SemsynthError, match=re.escape(message)):
        check_plan(plan_of("nowhere", *entries))


# Equal conditions -----------------------------------------------------------------------------------------------


def test_all_share_pictures_seed_and_batch_size() -> None:
    configs = configs_of(PIX2PIXHD, parse_recipe("spade", "small"), seed=7, budget=Budget(steps=200))
    for config in configs.values():
        # pix2pixHD's own way makes pictures of any height, so SPADE's is taken, and the larger batch.
        assert config.data == RECIPES["spade"].presets["small"](TOY_CLASSES, True).data
        assert config.training.batch_size == 2
        assert config.training.seed == 7
        assert config.training.steps == 200
        assert config.training.log_every == 4  # fifty lines


def test_generators_for_one_size_follow_the_pictures() -> None:
    configs = configs_of(parse_recipe("spade", "small"), PIX2PIXHD, settings=("data.crop_size=128",))
    assert configs["spade"].generator.output_size == (128, 128)
    assert configs["pix2pixhd"].data.output_size == (128, 128)


def test_all_read_the_same_pictures_in_the_same_order(toy: Path) -> None:
    plan, data = plan_of(toy), open_data(toy)
    seen = []
    for entry in plan.entries:
        config = resolve(plan, data.classes, True)[entry.name]
        values = config.model_dump(mode="json")
        recipe = build_recipe(RunRecord(system=entry.recipe, preset="", data=str(toy), config=values), data)
        settings = config.training
        batches = MicroBatches(data.train, config.data, recipe.collate, settings.seed, Share(settings.batch_size))
        seen.append([batches[number] for number in range(4)])
    for one, other in zip(*seen, strict=True):
        assert one.names == other.names
        assert torch.equal(one.image, other.image)


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 20), (2, 10), (3, 7), (4, 5), (40, 1)])
def test_entries_of_other_batch_sizes_see_as_many_images(batch_size: int, steps: int) -> None:
    other = parse_variant(f"other=spade:training.batch_size={batch_size}", "small")
    configs = configs_of(parse_recipe("spade", "small"), other, budget=Budget(steps=10))
    assert configs["spade"].training.steps == 10  # of two images
    assert configs["other"].training.steps == steps


def test_a_batch_size_of_all_is_the_common_one() -> None:
    configs = configs_of(SPADE, PIX2PIXHD, settings=("training.batch_size=5",))
    assert {config.training.batch_size for config in configs.values()} == {5}
    assert {config.training.steps for config in configs.values()} == {3}


def test_time_ends_trainings_without_steps() -> None:
    configs = configs_of(SPADE, PIX2PIXHD, budget=Budget(minutes=2))
    assert {config.training.steps for config in configs.values()} == {ENDLESS}
    assert Budget(minutes=2).seconds == 120


def test_settings_reach_the_entries_that_have_the_key_and_own_ones_win() -> None:
    own = parse_variant("own=spade:loss.kl=3", "small")
    configs = configs_of(parse_recipe("spade", "small"), PIX2PIXHD, own, settings=("loss.kl=2", "training.ema=0.5"))
    assert [configs[name].loss.kl for name in ("spade", "own")] == [2, 3]
    assert {config.training.ema for config in configs.values()} == {0.5}


@pytest.mark.parametrize(
    ("entry", "settings", "message"),
    [
        ("a=spade", ("generator.wdth=3",), "override generator.wdth=3: there is no key 'wdth'"),
        ("a=spade", ("width",), "override width: expected KEY=VALUE"),
        ("a=spade", ("training.steps=3",), "override training.steps=3: all entries share the budget"),
        ("a=spade:training.steps=3", (), "a: override training.steps=3: all entries share the budget"),
        ("a=spade:generator.wdth=3", (), "a: override generator.wdth=3: there is no key 'wdth'"),
        ("a=spade:generator.width=wide", (), "a: its configuration: generator.width: "),
        ("a=spade:generator.z_dim=4", (), "encoder.z_dim=64 and generator.z_dim=4 differ"),
    ],
)
def test_wrong_settings_are_one_line(entry: str, settings: tuple[str, ...], message: str) -> None:
    with pytest.raises(SemsynthError, match=re.escape(message)) as caught:
        configs_of(PIX2PIXHD, parse_variant(entry, "small"), settings=settings)
    assert len(str(caught.value)) < 300


def test_width_scale() -> None:
    spade, pix2pixhd = configs_of(parse_recipe("spade", "small"), PIX2PIXHD, width_scale=0.5).values()
    assert (spade.generator.width, spade.generator.hidden, spade.generator.z_dim) == (8, 32, 64)
    assert (spade.discriminator.width, spade.discriminator.max_width, spade.encoder.width) == (16, 128, 8)
    assert (pix2pixhd.generator.width, pix2pixhd.generator.features, pix2pixhd.encoder.width) == (8, 3, 4)
    own = configs_of(parse_variant("a=spade:generator.width=12", "small"), width_scale=0.25)["a"]
    cascade = configs_of(parse_recipe("crn/default", "small"), width_scale=0.25)["crn/default"].generator
    assert cascade.widths == (256, 256, 256, 256, 256, 128, 128, 32, 8)
    assert own.generator.width == 3  # own settings are scaled, too: what differs by a factor goes on to


def test_width_scale_never_reaches_zero_and_one_changes_nothing() -> None:
    config = RECIPES["spade"].presets["small"](TOY_CLASSES, True)
    assert scale_widths(config, 1) == config
    smallest = scale_widths(config, 1e-6)
    assert (smallest.generator.width, smallest.discriminator.max_width) == (1, 1)


# The papers' tables ---------------------------------------------------------------------------------------------


def test_there_are_tables_of_all_three_papers() -> None:
    assert {path.name.partition("_")[0] for path in TABLES} == {"crn", "pix2pixhd", "spade"}


@pytest.mark.parametrize(
    ("path", "index"),
    [(path, index) for path in TABLES for index in range(len(read_table(path, "small").entries))],
    ids=lambda value: value.stem if isinstance(value, Path) else str(value),
)
def test_entries_of_the_tables_are_valid(path: Path, index: int) -> None:
    table = read_table(path, "small")
    entry = table.entries[index]
    assert table.source
    there = [one for one in table.entries if _exists(one)]
    if entry not in there:
        pytest.skip(f"{entry.name}: recipe {entry.recipe}, preset {entry.preset} does not exist yet")
    for scale in (1, 0.25):
        configs = configs_of(*there, width_scale=scale, budget=Budget(steps=1000))
        same = [name for name, config in configs.items() if config == configs[entry.name]]
        assert same == [entry.name], "entries of a table differ"


def _exists(entry: Entry) -> bool:
    return entry.recipe in RECIPES and entry.preset in RECIPES[entry.recipe].presets


# Training -------------------------------------------------------------------------------------------------------


def test_every_entry_is_trained_measured_and_shown(finished: ComparisonFolder, toy: Path) -> None:
    record = finished.open()
    assert [len(record.shown), record.num_images, record.classes] == [2, 6, "toy"]
    for entry in record.plan.entries:
        result = record.results[entry.name]
        assert result.complete
        assert (result.steps, result.images_seen) == (3, 3)
        assert result.seconds > 0
        assert result.images_per_second > 0
        assert [step for step, _ in result.curves["generator/adversarial"]] == [1, 2, 3]
        assert len(result.pictures) == 2
        run = finished.run(entry)
        data = open_data(toy)
        networks = build_recipe(run.open(), data).networks
        assert result.parameters == {
            name: sum(one.numel() for one in network.parameters()) for name, network in networks.items()
        }
        assert (run.model / "config.json").is_file()


def test_the_page_is_whole_and_refers_to_nothing_but_its_own_files(finished: ComparisonFolder) -> None:
    text = finished.page.read_text("utf-8")
    links = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert len(links) == 2 * 2 * 4 + 1  # two layouts of four pictures, small and large, and the record
    assert all((finished.root / link).is_file() for link in links)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|\{[{%]", text)
    assert text.count("<svg") == sum(len(result.curves) for result in finished.open().results.values())
    assert text == render(finished.open())


def test_interrupted_and_resumed_gives_the_pictures_of_the_uninterrupted(
    finished: ComparisonFolder, toy: Path, tmp_path: Path
) -> None:
    def interrupt(step: int) -> None:
        if observer.began == (0, 3) and "pix2pixhd" in observer.notes[-1] and step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    folder, observer = ComparisonFolder(tmp_path / "out"), Silent(interrupt)
    assert run_plan(folder.root, plan_of(toy), observer, "cpu") == signal.SIGINT
    stopped = folder.open()
    assert [stopped.results[name].complete for name in ("spade/default", "pix2pixhd")] == [True, False]
    assert "stopped after step 2" in folder.page.read_text("utf-8")
    trained_before = folder.run(SPADE).log.stat().st_mtime_ns

    second = Silent()
    assert run_plan(folder.root, plan_of(toy), second, "cpu") is None
    assert second.began == (2, 3)
    assert second.notes == ["2 of 2, pix2pixhd: goes on after step 2"]
    assert folder.run(SPADE).log.stat().st_mtime_ns == trained_before
    pictures = sorted(path.name for path in finished.pictures.iterdir())
    assert sorted(path.name for path in folder.pictures.iterdir()) == pictures
    for name in pictures:
        assert (folder.pictures / name).read_bytes() == (finished.pictures / name).read_bytes(), name


@pytest.fixture
def copied(finished: ComparisonFolder, tmp_path: Path) -> ComparisonFolder:
    """A finished comparison to do something with."""
    shutil.copytree(finished.root, tmp_path / "out")
    return ComparisonFolder(tmp_path / "out")


def test_what_is_finished_is_not_trained_again_but_shown_anew(copied: ComparisonFolder, toy: Path) -> None:
    observer = Silent()
    (copied.pictures / "02_pix2pixhd.png").unlink()
    assert run_plan(copied.root, plan_of(toy), observer, "cpu") is None
    assert observer.notes == []
    assert (copied.pictures / "02_pix2pixhd.png").is_file()


def test_entries_can_be_left_out_and_the_budget_can_grow(copied: ComparisonFolder, toy: Path) -> None:
    observer, before = Silent(), (copied.pictures / "01_spade_default.png").read_bytes()
    assert (
        run_plan(copied.root, plan_of(toy, SPADE, settings=OF_SPADE, budget=Budget(steps=4)), observer, "cpu") is None
    )
    assert observer.began == (3, 4)
    record = copied.open()
    assert list(record.results) == ["spade/default"]
    assert record.results["spade/default"].steps == 4
    assert (copied.pictures / "01_spade_default.png").read_bytes() != before


def test_pictures_of_a_smaller_budget_are_not_shown_for_a_larger(copied: ComparisonFolder, toy: Path) -> None:
    def interrupt(step: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    larger = plan_of(toy, budget=Budget(steps=6))
    assert run_plan(copied.root, larger, Silent(interrupt), "cpu") == signal.SIGINT
    assert [result.pictures for result in copied.open().results.values()] == [(), ()]
    text = copied.page.read_text("utf-8")
    assert "So far 0 of 2 have." in text
    assert text.count(">stopped after step 4<") == 3  # two pictures and the table
    assert text.count(">stopped after step 3<") == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "seed is 1, but was 0"),
        ({"budget": Budget(steps=2)}, "the budget is 2 steps, but was 3 steps"),
        ({"budget": Budget(minutes=1)}, "the budget is 1 minute, but was 3 steps"),
        ({"width_scale": 2}, "spade/default: discriminator.max_width is 16, but was 8"),
        ({"settings": (*TINY, "training.ema=0.3")}, "training.ema is 0.3, but was"),
        ({"perceptual_weights": "vgg"}, "perceptual_weights is vgg, but was none"),
    ],
)
def test_another_comparison_in_the_folder_is_refused(
    copied: ComparisonFolder, toy: Path, changes: dict[str, Any], message: str
) -> None:
    before = copied.record.read_bytes()
    with pytest.raises(SemsynthError, match=re.escape(message)) as caught:
        run_plan(copied.root, plan_of(toy, **changes), Silent(), "cpu")
    assert "choose another folder" in str(caught.value)
    assert copied.record.read_bytes() == before


def test_data_that_has_changed_is_refused_and_a_copy_is_not(
    copied: ComparisonFolder, toy: Path, tmp_path: Path
) -> None:
    data = tmp_path / "toy"
    shutil.copytree(toy, data)
    record = copied.open()
    copied.save(record.model_copy(update={"plan": record.plan.model_copy(update={"data": str(data)})}))
    assert run_plan(copied.root, plan_of(data), Silent(), "cpu") is None
    before = copied.record.read_bytes()
    first, second, *_ = sorted((data / "train/images").iterdir())
    second.write_bytes(first.read_bytes())
    with pytest.raises(SemsynthError, match=r"toy has changed since the comparison in .* began \(some of its photos"):
        run_plan(copied.root, plan_of(data), Silent(), "cpu")
    assert copied.record.read_bytes() == before


def test_a_comparison_without_fingerprint_continues_and_gets_one(copied: ComparisonFolder, toy: Path) -> None:
    begun = copied.open()
    copied.save(begun.model_copy(update={"fingerprint": None}))
    assert run_plan(copied.root, plan_of(toy), Silent(), "cpu") is None
    assert copied.open().fingerprint == begun.fingerprint
    assert begun.fingerprint is not None


def test_a_folder_of_something_else_is_refused(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SemsynthError, match="is not an empty folder: choose another folder"):
        run_plan(tmp_path, plan_of(toy), Silent(), "cpu")


def test_what_is_wrong_with_the_last_entry_is_said_before_the_first_trains(toy: Path, tmp_path: Path) -> None:
    wrong = parse_variant(
        "wrong=pix2pixhd:generator.encoding.num_classes=3,discriminator.encoding.num_classes=3", "small"
    )
    with pytest.raises(SemsynthError, match="wrong: the recipe is for 3 classes"):
        run_plan(tmp_path / "out", plan_of(toy, SPADE, wrong), Silent(), "cpu")
    assert not (tmp_path / "out").exists()


def test_one_that_diverges_does_not_keep_others_from_training(toy: Path, tmp_path: Path) -> None:
    styles = 'generator.input=noise,generator.z_dim=4,encoder={"width": 2, "z_dim": 4, "size": 32, "norm": "none"}'
    bad = parse_variant(f"bad=spade/default:generator_optimizer.lr=10,{styles}", "small")  # the KL term explodes
    with pytest.raises(SemsynthError, match=r"1 of 2 entries failed: bad: step \d: "):
        run_plan(tmp_path / "out", plan_of(toy, bad, SPADE, settings=OF_SPADE), Silent(), "cpu")
    folder = ComparisonFolder(tmp_path / "out")
    results = folder.open().results
    assert not results["bad"].complete
    assert "training stopped" in (results["bad"].error or "")
    assert results["spade/default"].complete
    assert "failed after step" in folder.page.read_text("utf-8")


def test_scores_come_from_outside(copied: ComparisonFolder, toy: Path) -> None:
    asked = []

    def evaluate(model: Path) -> dict[str, float]:
        asked.append(model)
        return {"accuracy, val": 0.125 * len(asked)}

    run_plan(copied.root, plan_of(toy), Silent(), "cpu", evaluate)
    assert asked == [copied.run(entry).model for entry in (SPADE, PIX2PIXHD)]
    assert [result.scores for result in copied.open().results.values()] == [
        {"accuracy, val": 0.125},
        {"accuracy, val": 0.25},
    ]
    assert "<td>0.125</td>" in copied.page.read_text("utf-8")


def test_a_budget_of_time(toy: Path, tmp_path: Path) -> None:
    observer = Silent()
    plan = plan_of(toy, SPADE, settings=OF_SPADE, budget=Budget(minutes=0.005))
    assert run_plan(tmp_path, plan, observer, "cpu") is None
    result = ComparisonFolder(tmp_path).open().results["spade/default"]
    assert result.complete
    assert result.seconds >= 0.3
    assert result.steps == result.images_seen >= 1
    assert observer.began == (0, 1)  # seconds, whole ones


# Measuring ------------------------------------------------------------------------------------------------------


def test_peak_memory_is_of_now() -> None:
    peak = PeakMemory(torch.device("cpu"))
    with mmap.mmap(-1, 2**26) as pages:  # of the system, which an allocator may have in stock
        pages[:: mmap.PAGESIZE] = b"1" * (len(pages) // mmap.PAGESIZE)
    highest, now = peak.read(), PeakMemory(torch.device("cpu")).read()
    if highest is None or now is None:
        pytest.skip("this system does not tell the peak of its processes' memory")
    assert highest - now > 2**25


def test_log_as_curves(tmp_path: Path) -> None:
    shared = {"epoch": 0, "images_seen": 1, "seconds": 1.5, "learning_rates": {}}
    lines = [
        {"step": 2, "images_per_second": 1.0, "terms": {"g/a": 3.0}},
        {"step": 4, "images_per_second": 9.0, "terms": {"g/a": 2.0, "d/b": 1.0}},
        {"step": 6, "images_per_second": 2.0, "terms": {"d/b": 0.5}},
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps({**shared, **line}) + "\n" for line in lines))
    curves, speed = read_log(tmp_path / "log.jsonl")
    assert curves == {"g/a": ((2, 3.0), (4, 2.0)), "d/b": ((4, 1.0), (6, 0.5))}
    assert speed == 2
    assert read_log(tmp_path / "none.jsonl") == ({}, 0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(2, 50))
def test_thinned_curves(values: list[float], most: int) -> None:
    points = list(enumerate(values, 1))
    thin = thinned(points, most)
    assert len(thin) <= most
    assert thin[-1] == points[-1]
    steps = [step for step, _ in thin]
    assert steps == sorted(set(steps))
    assert all(min(values) - 1e-6 <= value <= max(values) + 1e-6 for _, value in thin)


def test_thinned_by_hand() -> None:
    assert thinned([(1, 1.0), (2, 3.0), (3, 5.0), (4, 7.0), (5, 0.0)], 3) == ((2, 2.0), (4, 6.0), (5, 0.0))


def test_curve_by_hand() -> None:
    drawn = draw(((10, 4.0), (20, 0.0), (30, 2.0)))
    assert drawn.points == "38.0,6.0 127.0,76.0 216.0,41.0"
    assert drawn.rules == ((6, "4"), (76, "0"))
    assert drawn.ticks == ((38, "start", "10"), (216, "end", "30"))
    assert (drawn.last, drawn.label) == ("2", "4 at step 10, 2 at step 30")
    assert draw(((1, 5.0), (2, 5.0))).points == "38.0,41.0 216.0,41.0"  # constant: in the middle


def test_numbers_for_people() -> None:
    assert [millions(count) for count in (183_000_000, 1_234_567, 1234)] == ["183.00M", "1.23M", "0.0012M"]
    assert [described(Budget(steps=1)), described(Budget(steps=60_000)), described(Budget(minutes=1.5))] == [
        "1 step",
        "60,000 steps",
        "1.5 minutes",
    ]


def test_names_are_escaped_and_what_is_missing_is_said() -> None:
    entries = parse_variant("<b>&=spade", "small"), PIX2PIXHD
    plan = plan_of("d", *entries, title="<i>", source="a & b")
    record = Record(
        plan=plan,
        classes="toy",
        num_images=6,
        configs={name: one.model_dump(mode="json") for name, one in configs_of(*entries).items()},
        shown=({"name": "s", "layout": "pictures/l.png", "photo": None},),  # type: ignore[arg-type]
        results={"pix2pixhd": Result(steps=2, error="<NaN>")},
    )
    text = render(record)
    assert all(part in text for part in ("&lt;b&gt;&amp;", "<h1>&lt;i&gt;</h1>", "a &amp; b", "&lt;NaN&gt;"))
    assert "not trained yet" in text
    assert "failed after step 2" in text
    assert "Photograph</th>" not in text
