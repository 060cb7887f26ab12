"""Exported generators make what the model folder makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from exporting.graphs import CLASSES, MODELS, given_to, photos, save
from tiny_models import save_tiny_oasis, save_tiny_pix2pixhd

from semsynth.checkpoint import SPADEModel, find_model, load_model
from semsynth.classes import builtin
from semsynth.exporting import SUFFIXES, ExportFormat, export_model, open_exported
from semsynth.exporting.graph import GeneratorGraph
from semsynth.layout import Layout, LayoutEncoding
from semsynth.models.generator import LayoutGenerator
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.synthesizer import load

FORMATS: list[ExportFormat] = ["onnx", "torch"]
QUICK = {"spade from noise, with edges", "pix2pixhd, two scales, instances and features", "crn", "oasis"}


def by_weight(name: str, kind: ExportFormat) -> object:
    """The four papers' systems in ONNX are quick tests, everything else takes longer together."""
    marks = [] if name in QUICK and kind == "onnx" else [pytest.mark.slow]
    return pytest.param(name, kind, marks=marks, id=f"{name}, {kind}")


def difference(made: torch.Tensor, wanted: torch.Tensor) -> float:
    assert made.shape == wanted.shape
    assert wanted.std() > 0.02, "a picture of one colour shows nothing"
    return float((made - wanted).abs().max())


@pytest.mark.parametrize(("name", "kind"), [by_weight(name, kind) for kind in FORMATS for name in MODELS])
def test_an_exported_model_makes_the_same_pictures(name: str, kind: ExportFormat, tmp_path: Path) -> None:
    config = MODELS[name]()
    model = save(tmp_path / "model", config)
    out = tmp_path / f"model{SUFFIXES[kind]}"
    record = export_model(model, out, kind)
    given = given_to(config, record.graph.size)
    exported = open_exported(out)
    made = exported.photograph([given.condition], None if given.style is None else given.style[None])
    assert difference(made, photos(model, given)) < 1e-4


DYNAMIC = [
    "spade",
    "spade, noise injection",
    "pix2pixhd, two scales, instances and features",
    "crn",
    "oasis",
    "unet",
    "full resolution",
]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=[] if (name, kind) == ("unet", "onnx") else [pytest.mark.slow])
        for kind in FORMATS
        for name in DYNAMIC
    ],
)
def test_free_sizes(name: str, kind: ExportFormat, tmp_path: Path) -> None:
    """One file makes photos of sizes that it was not recorded at, its smallest among them."""
    config = MODELS[name]()
    model = save(tmp_path / "model", config)
    out = tmp_path / f"model{SUFFIXES[kind]}"
    record = export_model(model, out, kind, dynamic_size=True)
    exported = open_exported(out)
    recorded, smallest = record.graph.size, (2 * max(record.graph.step, 8), 2 * max(record.graph.step, 8))
    for size in (smallest, exported.sizes.nearest((100, 200))[0], (recorded[0] + record.graph.step, recorded[1])):
        given = given_to(config, size)
        made = exported.photograph([given.condition], None if given.style is None else given.style[None])
        assert difference(made, photos(model, given)) < 1e-4, size


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_looking_rows_up_is_a_convolution(edges: bool, kernel: int, tmp_path: Path) -> None:
    """Class sets that are too large for a one-hot form take the other way through SPADE layers; without a runtime."""
    classes = builtin("labelmefacade") if builtin("labelmefacade").num_classes > 32 else builtin("cityscapes")
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="after", edges=edges)
    config = SPADEModel(
        generator=SPADEGeneratorConfig(encoding=encoding, width=1, crop_size=32, hidden=4, kernel_size=kernel)
    )
    assert encoding.num_channels > 32
    model = save(tmp_path / "model", config, classes)
    given = given_to(config, (64, 32), classes=classes)
    generator, layout = model.networks["generator"], given.condition
    assert isinstance(generator, LayoutGenerator)
    assert isinstance(layout, Layout)
    assert layout.instances is not None
    graph = GeneratorGraph(generator, classes, torch.float32)
    labels, instances = (torch.from_numpy(one.astype(np.int32))[None] for one in (layout.labels, layout.instances))
    with torch.no_grad():
        made = graph(labels, instances if edges else None)
    assert difference(made, photos(model, given)) < 1e-4


@pytest.mark.parametrize("name", ["unet", *(pytest.param(name, marks=pytest.mark.slow) for name in ("spade", "crn"))])
def test_half_precision(name: str, tmp_path: Path) -> None:
    """Half the bytes, and pictures that differ by what half precision loses."""
    config = MODELS[name]()
    model = save(tmp_path / "model", config)
    single, half = tmp_path / "single.onnx", tmp_path / "half.onnx"
    for out, dtype in ((single, "fp32"), (half, "fp16")):
        record = export_model(model, out, "onnx", dtype=dtype, size=(64, 64))  # type: ignore[arg-type]
    given = given_to(config, (64, 64))
    exported = open_exported(half)
    assert exported.dtype == torch.float16
    assert record.graph.output.dtype == "float32"
    made = exported.photograph([given.condition], None)
    assert made.dtype == torch.float32
    assert 1e-6 < difference(made, photos(model, given)) < 0.05


def test_objects_keep_their_styles(tmp_path: Path) -> None:
    """The modes of a style bank go along: seeds and modes mean the same."""
    folder = save_tiny_pix2pixhd(tmp_path / "model")
    out = tmp_path / "model.pt2"
    export_model(load_model(folder), out, "torch", size=(32, 32))
    layout = given_to(MODELS["pix2pixhd"](), (32, 32)).condition
    assert isinstance(layout, Layout)
    ours, theirs = load(folder, "cpu", "float32"), load(out)
    chosen = int(layout.instances.max()) if layout.instances is not None else 0
    for options in ({"seed": 3}, {"seed": 3, "object_styles": {chosen: [0.5, -0.5, 0.1]}}):
        wanted, made = (np.asarray(one(layout, **options)).astype(int) for one in (ours, theirs))
        assert np.abs(wanted - made).max() <= 1
    assert theirs.style_modes == ours.style_modes
    with pytest.raises(Exception, match="a style for each object"):
        theirs(layout, style=np.zeros(1))


def test_regions_keep_their_noise(tmp_path: Path) -> None:
    folder = save_tiny_oasis(tmp_path / "model")
    out = tmp_path / "model.pt2"
    export_model(load_model(folder), out, "torch")
    layout = given_to(MODELS["oasis"](), (64, 64)).condition
    ours, theirs = load(folder, "cpu", "float32"), load(out)
    for regions in (None, {"facade": 7, 3: 8}):
        wanted, made = (np.asarray(one(layout, seed=2, region_seeds=regions)).astype(int) for one in (ours, theirs))
        assert np.abs(wanted - made).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_the_bundled_model(kind: ExportFormat, tmp_path: Path) -> None:
    model = load_model(find_model("facades"))
    out = tmp_path / f"facades{SUFFIXES[kind]}"
    export_model(model, out, kind)
    given = given_to(model.config, (256, 256))
    assert given.style is not None
    made = open_exported(out).photograph([given.condition], given.style[None])
    assert difference(made, photos(model, given)) < 1e-4
    assert load(out).classes == CLASSES
