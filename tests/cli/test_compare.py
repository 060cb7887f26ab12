"""``semsynth compare``: wrong use, tables, stopping and going on."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from command_line import invoke, sets

from semsynth.data.toy import write_toy

TINY = (
    "generator.width=2",
    "generator.hidden=4",
    "discriminator.width=4",
    "discriminator.max_width=8",
    "data.load_size=40",
    "data.crop_size=32",
    "training.precision=32-true",
    "training.workers=0",
)
SETS = sets(TINY)
NEW = ("--out", "OUT", "--data", "DATA", "--preset", "default", "--steps", "2", "--no-perceptual", "--device", "cpu")
"""A new comparison, but for its entries (OUT and DATA are replaced)."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, 8, size=40)
    return folder


def compare(*arguments: str | Path, data: Path, out: Path) -> tuple[int, str]:
    """Exit code and everything printed."""
    replaced = [str(part).replace("OUT", str(out)).replace("DATA", str(data)) for part in arguments]
    return invoke("compare", *replaced)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "OUT"), "there is no comparison in OUT (comparison.json is missing): say what to compare"),
        (("--out", "OUT", "--recipes", "spade"), "a new comparison needs --data DIR, and --steps N or --minutes M"),
        (("--out", "OUT", "--recipes", "spade", "--data", "DATA"), "one budget: give steps or minutes"),
        ((*NEW, "--recipes", "spade", "--minutes", "1"), "one budget: give steps or minutes"),
        ((*NEW, "--recipes", "spade,spode"), "spode: there is no recipe 'spode': choose spade, "),
        ((*NEW, "--recipes", "spade,"), "there is no recipe ''"),
        ((*NEW, "--recipes", "spade/tiny"), "'spade' has no preset 'tiny': choose default, "),
        ((*NEW, "--recipes", "spade", "--variant", "spade=spade"), "two entries are called 'spade'"),
        ((*NEW, "--variant", "spade"), "variant spade: expected NAME=RECIPE[/PRESET]"),
        ((*NEW, "--variant", "a=spade:wdth=2"), "a: override wdth=2: there is no key 'wdth'"),
        ((*NEW, "--recipes", "spade", "--set", "wdth=2"), "override wdth=2: there is no key 'wdth'"),
        ((*NEW, "--recipes", "spade", "--set", "training.steps=2"), "change steps or minutes"),
        ((*NEW, "--table", "OUT.toml"), "cannot read "),
        ((*NEW, "--recipes", "spade", "--device", "tpu"), "device tpu: unknown"),
        ((*NEW, "--recipes", "spade", "--data", "OUT"), "there is no dataset folder"),
        ((*NEW, "--variant", "a=spade:loss.perceptual=1", "--perceptual-weights", "OUT/vgg.pth"), "vgg.pth"),
    ],
)
def test_wrong_use_is_one_line_and_writes_nothing(
    data: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "out"
    code, text = compare(*options, data=data, out=out)
    assert code == 2, text
    assert message.replace("OUT", str(out)) in text
    assert text.count("\n") == 1
    assert text.startswith("error: ")
    assert not out.exists()


@pytest.mark.slow
def test_a_table_with_a_variant_becomes_a_page_and_goes_on(data: Path, tmp_path: Path) -> None:
    out, table = tmp_path / "out", tmp_path / "table.toml"
    table.write_text('title = "A table"\nsource = "A paper"\n[[entries]]\nname = "ours"\nrecipe = "spade"\n')
    variant = "wider one=spade:generator.width=3"
    code, text = compare(*NEW, *SETS, "--table", table, "--variant", variant, "--count", "1", data=data, out=out)
    assert code == 0, text
    assert f"done: open {out / 'index.html'}" in text
    page = (out / "index.html").read_text("utf-8")
    assert "<h1>A table</h1>" in page
    assert "A paper" in page
    assert (out / "runs" / "wider_one" / "recipe.json").is_file()
    assert sorted(path.name for path in (out / "pictures").iterdir()) == [
        "01_layout.png",
        "01_ours.png",
        "01_photo.png",
        "01_wider_one.png",
    ]

    # From the folder alone: another number of pictures and a larger budget, nothing else.
    code, text = compare("--out", "OUT", "--seed", "1", "--steps", "3", data=data, out=out)
    assert code == 2
    assert "leave out --seed, or repeat the whole command" in text
    code, text = compare("--out", "OUT", "--steps", "3", "--count", "2", "--device", "cpu", data=data, out=out)
    assert code == 0, text
    assert re.findall(r"\d of 2, .*", text) == [
        "1 of 2, wider one: goes on after step 2",
        "2 of 2, ours: goes on after step 2",
    ]
    record = json.loads((out / "comparison.json").read_text())
    assert {result["steps"] for result in record["results"].values()} == {3}
    assert len(record["shown"]) == 2


def test_ctrl_c_says_how_to_go_on_and_exits_with_130(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    new = [*NEW, *SETS, "--set", "training.log_every=1", "--recipes", "spade,pix2pixhd"]
    new[new.index("--steps") + 1] = "5000"

    def interrupt() -> None:
        deadline = time.monotonic() + 200
        while not (out / "runs" / "spade" / "log.jsonl").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    waiting = threading.Thread(target=interrupt)
    waiting.start()
    code, text = compare(*new, data=data, out=out)
    waiting.join()
    assert code == 130, text
    assert f"continue with semsynth compare --out {out}" in text
    result = json.loads((out / "comparison.json").read_text())["results"]["spade"]
    assert not result["complete"]
    assert result["steps"] == int(next((out / "runs" / "spade" / "state").iterdir()).stem.partition("_")[2])
