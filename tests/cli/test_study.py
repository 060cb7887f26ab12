"""``semsynth study``: its errors, and the power of a design."""

from __future__ import annotations

from pathlib import Path

from drawn_studies import draw_folder
from typer.testing import CliRunner

from semsynth.cli.main import app
from semsynth.study.plan import load_plan


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_folders_that_do_not_match(tmp_path: Path):
    names = [f"view_{number}" for number in range(12)]
    folders = {
        name: draw_folder(tmp_path / name, names, (0, level, 0)) for name, level in (("ours", 120), ("real", 90))
    }
    fewer = draw_folder(tmp_path / "fewer", ["view_0", "view_3", "other"], (1, 2, 3))
    result = run(
        "study", "plan", "--design", "spade-2019", "--method", f"a={folders['ours']}", "--method", f"b={fewer}",
        "--layouts", folders["real"], "--out", tmp_path / "s",
    )  # fmt: skip
    assert result.exit_code == 2
    assert f"{fewer} lacks 10 of them: view_1, view_2, view_4, view_5, view_6 and 5 more" in result.output
    assert f"{folders['ours']} lacks other" in result.output
    assert not (tmp_path / "s").exists()
    kept = run(
        "study", "plan", "--design", "spade-2019", "--method", f"a={folders['ours']}", "--method", f"b={fewer}",
        "--layouts", folders["real"], "--out", tmp_path / "s", "--common",
    )  # fmt: skip
    assert kept.exit_code == 0, kept.output
    assert load_plan(tmp_path / "s").images == ("view_0", "view_3")


def test_power_on_the_command_line():
    result = run("study", "plan", "--design", "spade-2019", "--power", "0.6")
    assert result.exit_code == 0, result.output
    assert "judgements show a preference of 60.0% with probability 80%" in result.output
    assert run("study", "plan", "--design", "spade-2019", "--power", "0.5").exit_code == 2
