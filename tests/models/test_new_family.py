"""A family is added by its own file alone: everything that is done with a model is done with a made-up one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from new_family import FOLDER, workers_with_family
from numpy.typing import NDArray
from PIL import Image
from torch import nn

import semsynth
import semsynth.models
from semsynth.checkpoint import (
    CONFIG,
    Card,
    GeneratorModel,
    ModelConfig,
    load_model,
    model_config,
    read_config,
    save_model,
)
from semsynth.classes import builtin
from semsynth.config import override, validated
from semsynth.data.facades import draw_facade
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.exporting import SUFFIXES, ExportFormat, export_model
from semsynth.hub import example_layouts, model_page
from semsynth.layout import Layout
from semsynth.models import generator as families
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.generator import GeneratorConfig, family_config
from semsynth.models.instance_encoder import InstanceEncoderConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.style_encoder import StyleEncoderConfig
from semsynth.recipes.pix2pix import Pix2PixConfig
from semsynth.studio.describe import describe
from semsynth.studio.served import serve
from semsynth.studio.uploads import Limits

CLASSES = builtin("cmp_facades")
KINDS = ("nothing", "vector", "noise", "features")
TRAINED = Pipeline(mode="fixed", crop_size=48, aspect_ratio=4 / 3)


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The family's file, found beside those of the package; nothing of it stays."""
    monkeypatch.setattr(families, "FAMILIES", dict(families.FAMILIES))
    monkeypatch.setattr(semsynth.models, "__path__", [*semsynth.models.__path__, str(FOLDER)])
    yield "patchwork"
    sys.modules.pop("semsynth.models.patchwork", None)
    vars(semsynth.models).pop("patchwork", None)


@pytest.fixture
def folder(family: str, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A model folder of the family; what it reads beside layouts is the test's parameter."""
    reads = getattr(request, "param", "vector")
    encoders = {
        "vector": StyleEncoderConfig(width=2, z_dim=3, size=32),
        "features": InstanceEncoderConfig(width=2, downsamplings=1, features=3),
    }
    config = GeneratorModel.model_validate(
        {
            "generator": {
                "family": family,
                "encoding": {"num_classes": CLASSES.num_classes, "void": "after"},
                "reads": reads,
            },
            "encoder": encoders.get(reads),
            "data": TRAINED,
        }
    )
    torch.manual_seed(3)
    networks = config.build()
    for module in networks["generator"].modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_normal_(module.weight)
    save_model(tmp_path / "model", config, CLASSES, networks, Card(name="Patchwork", data="drawn", licence="CC0"))
    return tmp_path / "model"


def facade(size: tuple[int, int] = (36, 48)) -> Layout:
    layout = draw_facade(7).resized(size)
    return Layout(layout.labels, layout.classes, layout.labels.astype(np.int32))


def pixels(photo: Image.Image) -> NDArray[np.int64]:
    return np.asarray(photo).astype(int)


@pytest.mark.filterwarnings("ignore:this model has no style bank")
@pytest.mark.parametrize("folder", KINDS, indirect=True)
def test_synthesis(folder: Path) -> None:
    reads = read_config(folder).generator.model_dump()["reads"]
    synthesizer = semsynth.load(folder, "cpu", "float32")
    assert (synthesizer.has_styles, synthesizer.has_region_noise, synthesizer.has_object_styles) == (
        reads != "nothing",
        reads == "noise",
        reads == "features",
    )
    assert synthesizer.reads_photos == (reads in ("vector", "features"))
    with pytest.warns(UserWarning, match="is 40x30, which this model cannot make: resized to 42x30"):
        assert synthesizer(facade((30, 40))).size == (42, 30)
    layout = facade()
    photo = pixels(synthesizer(layout))
    assert photo.shape == (36, 48, 3)
    assert photo.std() > 5
    if reads in ("vector", "noise"):
        assert np.array_equal(pixels(synthesizer(layout, seed=0)), photo)
        assert not np.array_equal(pixels(synthesizer(layout, seed=1)), photo)
    if reads in ("vector", "features"):
        lent = Image.fromarray(np.full((36, 48, 3), (200, 30, 90), np.uint8))
        assert not np.array_equal(pixels(synthesizer(layout, style=lent)), photo)
    if reads == "noise":
        of_windows = pixels(synthesizer(layout, region_seeds={"window": 5}))
        assert not np.array_equal(of_windows, photo)


@pytest.mark.parametrize("folder", KINDS, indirect=True)
def test_what_the_studio_says(folder: Path) -> None:
    model = describe(serve(str(folder), "cpu", "float32"), Limits())
    assert (model.name, model.reads, model.sizes.fixed) == ("Patchwork", "labels", False)
    assert (model.sizes.default.width, model.sizes.default.height) == (48, 36)
    assert (model.sizes.multiple_of.width, model.sizes.multiple_of.height) == (6, 6)
    config = read_config(folder)
    assert model.abilities.styles == (config.generator.style is not None)
    assert model.abilities.style_vector == (3 if config.generator.model_dump()["reads"] in ("vector", "noise") else 0)
    assert model.abilities.reads_photos == (config.encoder is not None)


@pytest.mark.filterwarnings("ignore:this model has no style bank")
@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        pytest.param(reads, kind, marks=[pytest.mark.slow] if kind == "onnx" and reads != "vector" else [])
        for reads in KINDS
        for kind in SUFFIXES
    ],
    indirect=["folder"],
)
def test_an_exported_file(folder: Path, kind: ExportFormat, tmp_path: Path) -> None:
    """One file for several sizes; its record is read back as the family's configuration."""
    out = tmp_path / f"model{SUFFIXES[kind]}"
    record = export_model(load_model(folder), out, kind, dynamic_size=True)
    assert (record.graph.size, record.graph.step) == ((36, 48), 6)
    exported, own = semsynth.load(out, "cpu"), semsynth.load(folder, "cpu", "float32")
    assert exported.config == own.config
    for size in ((36, 48), (18, 12)):
        layout = facade(size)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(own, "conditions", exported.conditions)
            assert np.abs(pixels(exported(layout, size=size)) - pixels(own(layout, size=size))).max() <= 1
    assert exported.conditions.sizes.nearest((1, 30)) == [(12, 30)]


def test_bulk_synthesis_by_a_worker_process(folder: Path, tmp_path: Path) -> None:
    facade().save(tmp_path / "maps/a.png")
    done = semsynth.synthesize_folder(
        tmp_path / "maps",
        tmp_path / "out",
        folder,
        seed=4,
        engine=workers_with_family,
        device="cpu",
        precision="float32",
    )
    assert (done.made, done.failed, done.first_error) == (1, 0, "")
    (line,) = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    with Image.open(tmp_path / "out/train/images/a.png") as made:
        photo = semsynth.load(folder, "cpu", "float32")(tmp_path / "maps/a.png", seed=line["seed"])
        assert np.abs(pixels(made) - pixels(photo)).max() <= 1


def test_the_page_on_the_hub(folder: Path) -> None:
    shown = example_layouts(semsynth.load(folder, "cpu", "float32"))
    assert shown
    assert {layout.size for layout in shown} == {(36, 48)}
    page = model_page(load_model(folder), "somebody/patchwork")
    assert "# Patchwork" in page
    assert "label maps of the 12 classes of *cmp_facades*" in page


@pytest.mark.usefixtures("family")
def test_a_recipe_for_any_generator_takes_it() -> None:
    generator = {"family": "patchwork", "encoding": {"num_classes": 3}}
    values = {"generator": generator, "discriminator": {"encoding": {"num_classes": 3}}, "data": TRAINED.model_dump()}
    config = validated(Pix2PixConfig, values, "test")
    assert override(config, ["generator.width=5"]).generator.model_dump()["width"] == 5
    with pytest.raises(SemsynthError, match="this recipe's generator reads layouts alone"):
        override(config, ["generator.reads=noise"])
    with pytest.raises(SemsynthError, match="give 48x36, the generator makes 45x36"):
        override(config, ["generator.patch=9"])
    with pytest.raises(SemsynthError, match=r"unknown key 'generator\.widht' \(known: encoding, family, width, patch"):
        validated(Pix2PixConfig, {**values, "generator": {**generator, "widht": 5}}, "test")


def test_nothing_is_lost_in_the_folder(folder: Path) -> None:
    config = read_config(folder)
    stored = json.loads((folder / CONFIG).read_text())
    assert stored["generator"] == {
        "encoding": {"num_classes": 12, "void": "after", "edges": False},
        "family": "patchwork",
        "width": 8,
        "patch": 6,
        "reads": "vector",
        "style_length": 3,
    }
    assert model_config(stored, "again") == config
    assert config.trained_size == (36, 48)
    assert isinstance(config.encoder, StyleEncoderConfig)


def test_a_family_that_is_not_there(tmp_path: Path) -> None:
    """Before and after the tests above, nobody has heard of the family."""
    with pytest.raises(ValueError, match="unknown family 'patchwork'"):
        family_config("patchwork")
    stored = {"format": 1, "system": "generator", "generator": {"family": "os", "encoding": {"num_classes": 3}}}
    (tmp_path / CONFIG).write_text(json.dumps(stored))
    with pytest.raises(SemsynthError, match="unknown family 'os': this release builds crn, dcgan, ") as caught:
        read_config(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_configurations_of_before_there_were_families() -> None:
    stored = {"format": 1, "system": "generator", "generator": {"encoding": {"num_classes": 3}, "width": 8}}
    assert isinstance(model_config(stored, "test").generator, Pix2PixHDGeneratorConfig)


def test_a_name_has_one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "FAMILIES", dict(families.FAMILIES))
    assert families.register(CRNGeneratorConfig) is CRNGeneratorConfig
    impostor = type("Impostor", (CRNGeneratorConfig,), {"__module__": __name__})
    with pytest.raises(ValueError, match="the family 'crn' has another class"):
        families.register(impostor)


@pytest.mark.parametrize("kind", [GeneratorModel, ModelConfig])
def test_a_generator_that_is_given_stays_as_it_is(kind: type[ModelConfig]) -> None:
    generator = CRNGeneratorConfig.model_validate({"encoding": {"num_classes": 3}, "count": 4})
    config = kind.model_validate({"system": "generator", "generator": generator})
    assert config.generator is generator
    assert GeneratorConfig.model_validate(config.model_dump()["generator"]) == generator
