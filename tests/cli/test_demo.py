from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from tiny_models import save_tiny_model
from typer.testing import CliRunner, Result

from semsynth.classes import builtin
from semsynth.cli.demo import LAYOUT_SEEDS, STYLE_SEEDS
from semsynth.cli.main import app
from semsynth.data.facades import draw_facade
from semsynth.data.label_files import read_layout
from semsynth.images import decode_image
from semsynth.synthesizer import load


class Page(HTMLParser):
    """What a page refers to, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.links += [value for key, value in attributes if key in ("src", "href", "srcset", "action") and value]
        if tag not in ("meta", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def demo(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["demo", *map(str, arguments)])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "facades")


def test_layouts_photos_and_page(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    result = demo("--out", out, "--model", model)
    assert result.exit_code == 0, result.output
    names = [f"facade_{number:02d}" for number in range(1, len(LAYOUT_SEEDS) + 1)]
    assert len(names) >= 8
    assert sorted(file.stem for file in (out / "photos").iterdir()) == [
        f"{name}_seed{seed}" for name in names for seed in STYLE_SEEDS
    ]
    synthesizer = load(model)
    classes = builtin("cmp_facades")
    for name, seed in zip(names[:3], LAYOUT_SEEDS, strict=False):
        layout = draw_facade(seed).resized((32, 32))
        for file in (f"{name}.png", f"{name}_colors.png"):
            assert np.array_equal(read_layout(out / "layouts" / file, classes).labels, layout.labels)
        photo = decode_image(out / "photos" / f"{name}_seed2.png").astype(int)
        assert np.abs(photo - np.asarray(synthesizer(layout, seed=2))).max() <= 2
    assert str(out / "index.html") in result.stdout
    assert f"synthesize MAP.png --out photos --model {model}" in result.stdout


def test_the_page_refers_to_nothing_but_its_own_files(model: Path, tmp_path: Path) -> None:
    demo("--out", tmp_path, "--model", model)
    page = Page(tmp_path / "index.html")
    assert page.open == []
    assert len(page.links) > 2 * len(LAYOUT_SEEDS)
    assert all((tmp_path / link).is_file() for link in page.links)
    text = (tmp_path / "index.html").read_text("utf-8")
    assert not re.search(r"https?:|//[a-z]|@import|url\(|\$[a-z]", text)
    assert "<none> & free" in page.words  # from the model card: escaped in the source


def test_a_model_without_styles_has_one_photo_of_each_layout(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", styles=False, crop_size=64)
    result = demo("--out", tmp_path / "demo", "--model", model)
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "demo" / "photos").iterdir())) == len(LAYOUT_SEEDS)
    assert 'class="styles"' not in (tmp_path / "demo" / "index.html").read_text("utf-8")


def test_a_model_of_other_classes_is_refused(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", classes=builtin("camvid"))
    result = demo("--out", tmp_path / "demo", "--model", model)
    assert result.exit_code == 2
    assert "'cmp_facades', the model of 'camvid'" in result.stderr
    assert not (tmp_path / "demo").exists()
