"""``semsynth label``: label maps by a segmenter, as files."""

from __future__ import annotations

import shutil
from pathlib import Path

from flags import CLASSES
from small_segmenters import SETTINGS, train

from semsynth.evaluation.segmenters.hugging_face import HuggingFaceSegmenter, load_segmenter
from semsynth.evaluation.segmenters.mappings import OutputMapping
from semsynth.layout import Layout


def test_labels_of_the_command_are_files(flags: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from semsynth.cli.main import app

    train(flags, tmp_path / "seg", settings=SETTINGS.model_copy(update={"steps": 4}))
    arguments = ["label", str(flags / "val" / "images"), "--segmenter", str(tmp_path / "seg"), "--device", "cpu"]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "maps")])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("24 label maps")
    again = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "maps")])
    assert again.stdout.startswith("0 label maps")
    assert Layout.open(tmp_path / "maps" / "003.png", CLASSES).size == (32, 32)
    refused = CliRunner().invoke(app, [*arguments, "--out", str(flags / "val" / "images")])
    assert refused.exit_code == 2
    assert "would be replaced by its label map" in refused.stderr
    shutil.rmtree(tmp_path / "seg" / "training")
    assert isinstance(load_segmenter(tmp_path / "seg"), HuggingFaceSegmenter)
    assert OutputMapping.model_validate_json((tmp_path / "seg" / "segmenter.json").read_text()).class_set == "flags"
