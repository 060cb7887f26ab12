from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from tiny_models import save_tiny_model, save_tiny_oasis
from typer.testing import CliRunner, Result

from semsynth.checkpoint import BUNDLED, is_model_folder
from semsynth.classes import ClassSet, builtin
from semsynth.cli.main import app
from semsynth.data.facades import draw_facade
from semsynth.data.grammars import GRAMMARS, grammar_of
from semsynth.images import decode_image, save_png
from semsynth.layout import Layout
from semsynth.synthesizer import load
from semsynth.synthesizer.demo import EXAMPLES, STYLE_SEEDS

(FACADES,) = [grammar.featured for grammar in GRAMMARS if grammar.class_set == "cmp_facades"]


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
    names = [f"facade_{number:02d}" for number in range(1, len(FACADES) + 1)]
    assert len(names) >= 8
    out = out / "facades"
    assert sorted(file.stem for file in (out / "photos").iterdir()) == [
        f"{name}_seed{seed}" for name in names for seed in STYLE_SEEDS
    ]
    synthesizer = load(model)
    classes = builtin("cmp_facades")
    for name, seed in zip(names[:3], FACADES, strict=False):
        layout = draw_facade(seed, 32)
        for file in (f"{name}.png", f"{name}_colors.png"):
            assert np.array_equal(Layout.open(out / "layouts" / file, classes).labels, layout.labels)
        photo = decode_image(out / "photos" / f"{name}_seed2.png").astype(int)
        assert np.abs(photo - np.asarray(synthesizer(layout, seed=2))).max() <= 2
    assert str(out.parent / "index.html") in result.stdout
    assert f"synthesize MAP.png --out photos --model {model}" in result.stdout


def test_the_page_refers_to_nothing_but_its_own_files(model: Path, tmp_path: Path) -> None:
    demo("--out", tmp_path, "--model", model)
    page = Page(tmp_path / "index.html")
    assert page.open == []
    assert len(page.links) > 2 * len(FACADES)
    assert all((tmp_path / link).is_file() for link in page.links)
    text = (tmp_path / "index.html").read_text("utf-8")
    assert not re.search(r"https?:|//[a-z]|@import|url\(|\$[a-z]", text)
    assert "<none> & free" in page.words  # from the model card: escaped in the source


def test_a_model_without_styles_has_one_photo_of_each_layout(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "plain", styles=False, crop_size=64)
    result = demo("--out", tmp_path / "demo", "--model", model)
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "demo" / "plain" / "photos").iterdir())) == len(FACADES)
    assert 'class="styles"' not in (tmp_path / "demo" / "index.html").read_text("utf-8")


def test_every_bundled_model_is_shown_with_layouts_of_its_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second model folder needs no code."""
    bundled = tmp_path / "bundled"
    save_tiny_model(bundled / "landscapes", classes=builtin("ade_landscapes"))
    save_tiny_oasis(bundled / "a_street", classes=builtin("labelmefacade"))
    (bundled / "notes").mkdir()
    monkeypatch.setattr("semsynth.checkpoint.finding.BUNDLED", bundled)
    result = demo("--out", tmp_path / "demo")
    assert result.exit_code == 0, result.output
    page = Page(tmp_path / "demo" / "index.html")
    assert page.open == []
    assert [word for word in page.words if word in ("landscapes", "a_street")][:2] == ["landscapes", "a_street"]
    assert all((tmp_path / "demo" / link).is_file() for link in page.links)
    drawn = Layout.open(tmp_path / "demo" / "a_street" / "layouts" / "street_01.png", builtin("labelmefacade"))
    grammar = grammar_of(builtin("labelmefacade"))
    assert grammar is not None
    assert np.array_equal(drawn.labels, grammar.draw(grammar.featured[0], (64, 64)).labels)
    assert len(list((tmp_path / "demo" / "a_street" / "photos").iterdir())) == len(grammar.featured) * len(STYLE_SEEDS)


def test_every_model_that_ships_has_example_layouts() -> None:
    folders = [folder for folder in BUNDLED.iterdir() if is_model_folder(folder)]
    assert folders
    for folder in folders:
        classes = ClassSet.open(folder / "classes.json")
        assert grammar_of(classes) is not None or list((folder / EXAMPLES).glob("*.png"))


def test_layouts_in_the_model_folder_are_its_examples(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "cameras", classes=builtin("camvid"))
    labels = np.random.default_rng(0).integers(0, 11, (32, 32)).astype(np.uint8)
    save_png(model / EXAMPLES / "crossing.png", labels)
    result = demo("--out", tmp_path / "demo", "--model", model)
    assert result.exit_code == 0, result.output
    shown = Layout.open(tmp_path / "demo" / "cameras" / "layouts" / "crossing.png", builtin("camvid"))
    assert np.array_equal(shown.labels, labels)


def test_a_model_without_example_layouts_is_refused(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", classes=builtin("camvid"))
    result = demo("--out", tmp_path / "demo", "--model", model)
    assert result.exit_code == 2
    assert "no example layouts of the class set 'camvid'" in result.stderr
    assert not (tmp_path / "demo").exists()
