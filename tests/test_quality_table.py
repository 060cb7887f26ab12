"""The table of docs/quality.md, on made-up measurements whose scores are known."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from semsynth.classes import builtin
from semsynth.comparison.plan import read_table
from semsynth.config import override
from semsynth.images import save_png
from semsynth.recipes import RECIPES


@pytest.fixture(scope="module")
def tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("quality_table")


def counts(right: list[int], pixels: int = 100) -> np.ndarray:
    """[n,3,2]: n images, all of class 0, of whose ``pixels`` so many are right and the others called class 1."""
    one = np.array([[[hits, 0], [pixels, 0], [hits, pixels - hits]] for hits in right])
    return one.astype(np.float64)


def features(seed: int, count: int = 6, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, 4))


def measured(tool: ModuleType, right: list[int], diversity: list[float], shift: float = 0.0):
    return tool.Measured(counts(right), features(1, len(right), shift), features(2, len(right)), np.array(diversity))


def test_scores_by_hand(tool: ModuleType) -> None:
    """IoU of class 0 is right / 100; class 1 is in no truth. Two seeds: the mean of 60 % and 70 %."""
    seeds = [measured(tool, [50, 70], [0.1, 0.3]), measured(tool, [60, 80], [0.2, 0.4])]
    found = tool.score_systems({"a": seeds}, replicates=50)["a"]
    assert found["mean IoU"].shape == (51,)
    assert found["mean IoU"][0] == pytest.approx((0.6 + 0.7) / 2)
    assert found["diversity"][0] == pytest.approx((0.2 + 0.3) / 2)


def test_weights_by_hand(tool: ModuleType) -> None:
    """An image drawn three times counts three times, one not drawn not at all."""
    one = measured(tool, [50, 80], [0.1, 0.5])
    found = tool.scores_of(one, np.array([[1.0, 1.0], [3.0, 1.0], [0.0, 2.0]]))
    assert found["mean IoU"] == pytest.approx([0.65, (150 + 80) / 400, 0.8])
    assert found["diversity"] == pytest.approx([0.3, (0.3 + 0.5) / 4, 0.5])


def test_equal_sets_are_no_distance_apart(tool: ModuleType) -> None:
    one = tool.Measured(counts([1] * 6), features(3), features(3), np.ones(6))
    found = tool.score_systems({"a": [one, one]}, replicates=40)["a"]["kernel distance"]
    assert found == pytest.approx(np.zeros(41), abs=1e-9)


def test_pairing_takes_away_what_images_have_in_common(tool: ModuleType) -> None:
    """Images differ much, the two systems always by one tenth: alone they are vague, their difference is exact."""
    base = [0.1, 0.9, 0.2, 0.8, 0.05, 0.7]
    systems = {
        "a": [measured(tool, [10] * 6, base), measured(tool, [10] * 6, base)],
        "b": [measured(tool, [10] * 6, [one + 0.1 for one in base])] * 2,
    }
    scores = tool.score_systems(systems)
    (diversity,) = [one for one in tool.METRICS if one.name == "diversity"]
    low, high = tool.interval(diversity, scores["b"]["diversity"])
    assert high - low > 0.3
    assert tool.interval(diversity, scores["b"]["diversity"] - scores["a"]["diversity"]) == pytest.approx((0.1, 0.1))
    assert tool.winner(diversity, scores) == "b"


def test_a_winner_needs_an_interval_without_zero(tool: ModuleType) -> None:
    iou = next(one for one in tool.METRICS if one.name == "mean IoU")
    up_and_down = {
        "a": [measured(tool, [50, 50, 50, 50], [0.1] * 4)] * 2,
        "b": [measured(tool, [80, 30, 70, 40], [0.1] * 4)] * 2,
    }
    assert tool.winner(iou, tool.score_systems(up_and_down)) is None
    seeds_disagree = {
        "a": [measured(tool, [50] * 4, [0.1] * 4)] * 2,
        "b": [measured(tool, [90] * 4, [0.1] * 4), measured(tool, [20] * 4, [0.1] * 4)],
    }
    assert tool.winner(iou, tool.score_systems(seeds_disagree)) is None
    always = {"a": up_and_down["a"], "b": [measured(tool, [55, 60, 51, 70], [0.1] * 4)] * 2}
    assert tool.winner(iou, tool.score_systems(always)) == "b"


def test_smaller_distances_win(tool: ModuleType) -> None:
    kernel = tool.METRICS[0]
    systems = {
        name: [measured(tool, [10] * 40, [0.1] * 40, shift)] * 2 for name, shift in (("near", 0.0), ("far", 4.0))
    }
    assert tool.winner(kernel, tool.score_systems(systems)) == "near"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two seeds of two systems, as ``semsynth compare`` and ``semsynth evaluate`` leave them."""
    entries = [{"name": name, "recipe": "oasis", "preset": "small"} for name in ("plain one", "other")]
    for seed in range(2):
        folder = tmp_path / f"seed{seed}"
        result = {"parameters": {"generator": 1234, "discriminator": 9}, "peak_memory": 2**21}
        results = {
            "plain one": {**result, "images_per_second": 2.0 + seed},
            "other": {**result, "images_per_second": 1},
        }
        folder.mkdir()
        record = {"plan": {"entries": entries}, "results": results, "shown": ["a", "b"]}
        (folder / "comparison.json").write_text(json.dumps(record))
        for number, column in itertools.product((1, 2), ("layout", "photo", "plain_one", "other")):
            picture = np.full((32, 32, 3), 100 * number + 10 * seed + len(column), np.uint8)
            save_png(folder / "pictures" / f"{number:02d}_{column}.png", picture)
        for name, hits in (("plain_one", 40), ("other", 60)):
            work = folder / "reports" / name / "work"
            work.mkdir(parents=True)
            scores = {
                "oracle": {"mean_iou": {"value": 0.75}},
                "real_halves": {"kernel_distance": {"value": 0.01}},
                "styles": {"photos": {"value": 0.5}},
            }
            (work.parent / "report.json").write_text(json.dumps({"protocol": {"name": "p"}, **scores}))
            for chunk in range(2):
                np.savez(
                    work / f"chunk_{chunk:06d}.npz",
                    counts=counts([hits] * 3)[:, None].repeat(5, 1).astype(np.int64),
                    matrix=np.zeros((2, 3)),
                    features=features(chunk, 3),
                    real_features=features(chunk + 5, 3),
                    diversity=np.full(3, 0.25),
                )
    return tmp_path


@pytest.mark.slow
def test_the_command(runs: Path, repository: Path) -> None:
    out = ("--out", runs / "table.md", "--grid", runs / "grid.png")
    command = [sys.executable, repository / "tools" / "quality_table.py", runs, *out]
    made = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    text = (runs / "table.md").read_text()
    assert text.strip() == made.stdout.strip()
    (row,) = [line for line in text.splitlines() if line.startswith("| plain one |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "1,234"
    assert cells[3] == "0.4000 [0.4000, 0.4000]"
    assert cells[5:] == ["2.50", "2 MiB"]
    assert (
        "| other | +0.0000 [+0.0000, +0.0000] | **+0.2000 [+0.2000, +0.2000]** | +0.0000 [+0.0000, +0.0000] |" in text
    )
    assert "| real photos |  | 0.0100 | 0.7500 | 0.5000 |" in text
    assert "Best mean IoU: other." in text
    assert "Best diversity: nobody" in text
    with Image.open(runs / "grid.png") as grid:
        colors = {color[0] for _, color in grid.getcolors(1 << 16)}
    assert {number + len(name) for number in (100, 200) for name in ("layout", "plain_one")} <= colors  # seed 0's


def test_what_is_missing_is_said(runs: Path, tool: ModuleType) -> None:
    with pytest.raises(SystemExit, match="there are no comparisons"):
        tool.read(runs / "seed0")
    report = runs / "seed1" / "reports" / "other" / "report.json"
    text = report.read_text()
    report.write_text(text.replace('"name": "p"', '"name": "q"'))
    with pytest.raises(Exception, match="do not compare"):
        tool.read(runs)
    report.unlink()
    with pytest.raises(SystemExit, match=r"has no report: semsynth evaluate .*seed1/runs/other"):
        tool.read(runs)


def test_the_compared_generators_are_of_one_size(repository: Path) -> None:
    entries = read_table(repository / "examples" / "quality.toml", "small").entries
    assert len(entries) == 5
    sizes = []
    for entry in entries:
        preset = RECIPES[entry.recipe].presets[entry.preset]
        config = override(preset(builtin("cmp_facades"), False), list(entry.settings))
        with torch.device("meta"):
            generator = config.generator.build()  # type: ignore[attr-defined]
        sizes.append(sum(parameter.numel() for parameter in generator.parameters()))
    assert max(sizes) < 1.03 * min(sizes)
