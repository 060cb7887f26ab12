"""``semsynth data import`` of photos that a segmenter labels."""

from __future__ import annotations

from pathlib import Path

from command_line import refused
from typer.testing import CliRunner

from semsynth.cli.main import app
from semsynth.data.folder import DatasetFolder


def test_photos_without_labels_are_imported_by_a_segmenter(flags: Path, segmenter: Path, tmp_path: Path) -> None:
    arguments = ["data", "import", "unlabelled", flags / "train" / "images", tmp_path / "out"]
    refused(CliRunner().invoke(app, [*map(str, arguments)]), "--segmenter")
    done = CliRunner().invoke(app, [*map(str, arguments), "--segmenter", str(segmenter), "--confidence", "0.3"])
    assert done.exit_code == 0, done.output
    assert len(DatasetFolder(tmp_path / "out", "train")) + len(DatasetFolder(tmp_path / "out", "val")) == 12
    arguments[-1] = tmp_path / "few"
    limited = ["--segmenter", segmenter, "--limit", 1, "--val-share", 0.5, "--no-check"]
    done = CliRunner().invoke(app, [*map(str, (*arguments, *limited))])
    assert done.exit_code == 0, done.output
    assert [len(DatasetFolder(tmp_path / "few", split)) for split in ("train", "val")] == [1, 1]
    wrong = CliRunner().invoke(app, ["data", "import", "folder", "x", "y", "--segmenter", "z"])
    refused(wrong, "belong to 'unlabelled'")
