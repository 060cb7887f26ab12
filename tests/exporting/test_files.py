"""What exported files say of themselves, and what becomes of other files."""

from __future__ import annotations

import json
import pickle
import re
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from exporting.graphs import CLASSES, MODELS, given_to, save
from typer.testing import CliRunner

import semsynth
from semsynth.checkpoint import CONFIG, LoadedModel, load_model
from semsynth.classes import VOID, VOID_8BIT
from semsynth.cli.main import app
from semsynth.errors import SemsynthError
from semsynth.exporting import export_model, open_exported
from semsynth.files import sha256
from semsynth.layout import Layout
from semsynth.synthesizer import load

NAME = "pix2pixhd"  # the quickest to export


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return save(tmp_path_factory.mktemp("model") / "model", MODELS[NAME]())


@pytest.fixture(scope="module")
def onnx_file(model: LoadedModel) -> Path:
    out = model.folder.parent / "model.onnx"
    export_model(model, out, "onnx", size=(32, 64))
    return out


@pytest.fixture(scope="module")
def archive(model: LoadedModel) -> Path:
    out = model.folder.parent / "model.pt2"
    export_model(model, out, "torch", dynamic_size=True)
    return out


def test_an_onnx_file_stands_alone(onnx_file: Path, model: LoadedModel) -> None:
    """ONNX Runtime alone can run it, and its metadata say what everything means."""
    session = onnxruntime.InferenceSession(onnx_file)
    (labels,) = session.get_inputs()
    (image,) = session.get_outputs()
    assert (labels.name, labels.type, labels.shape) == ("labels", "tensor(int32)", [1, 32, 64])
    assert (image.name, image.type, image.shape) == ("image", "tensor(float)", [1, 3, 32, 64])
    entries = {key: json.loads(text) for key, text in session.get_modelmeta().custom_metadata_map.items()}
    assert entries["semsynth.graph"]["model"] == sha256(model.folder / CONFIG)
    assert entries["semsynth.graph"]["size"] == [32, 64]
    assert entries["semsynth.classes"] == CLASSES.model_dump(mode="json")
    assert entries["semsynth.model"]["generator"]["encoding"]["void"] == "none"
    assert entries["semsynth.card"]["licence"] == "Apache-2.0"


def test_both_void_ids_and_unknown_ids_are_void(onnx_file: Path) -> None:
    session = onnxruntime.InferenceSession(onnx_file)
    given = given_to(MODELS[NAME](), (32, 64)).condition
    assert isinstance(given, Layout)
    void = given.labels == VOID
    pictures = []
    for number in (VOID, VOID_8BIT, 200):
        labels = np.where(void, number, given.labels.astype(np.int32)).astype(np.int32)
        pictures.append(session.run(None, {"labels": labels[None]})[0])
    assert void.any()
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])


def test_norms_are_folded(model: LoadedModel, archive: Path, tmp_path: Path) -> None:
    """No statistic and no singular vector is left in the file."""
    spectral = save(tmp_path / "model", MODELS["pix2pixhd++, SPADE at every layer"]())
    out = tmp_path / "model.pt2"
    export_model(spectral, out, "torch")
    with zipfile.ZipFile(out) as file:
        (weights,) = (
            json.loads(file.read(name)) for name in file.namelist() if name.endswith("model_weights_config.json")
        )
    names = list(weights["config"])
    stored = spectral.networks["generator"].state_dict()
    assert any(key.endswith(".u") for key in stored)
    assert any(key.endswith("running_var") for key in stored)
    assert not [name for name in names if re.search(r"\.[uv]$|running_(mean|var)$", name)]


def test_the_same_python_interface(onnx_file: Path, archive: Path, model: LoadedModel) -> None:
    """One picture level off at most: float32 rounding before the rounding to 8 bits."""
    layout = given_to(MODELS[NAME](), (32, 64)).condition
    wanted = np.asarray(load(model.folder, "cpu", "float32")(layout)).astype(int)
    for path in (onnx_file, archive):
        synthesizer = load(path)
        assert synthesizer.classes == CLASSES
        assert synthesizer.card.name == "tiny"
        assert np.abs(np.asarray(synthesizer(layout)) - wanted).max() <= 1
        photos = synthesizer.synthesize_batch([layout, layout])
        assert np.array_equal(*(np.asarray(photo) for photo in photos))
        with pytest.raises(SemsynthError, match="no tensor level"):
            synthesizer.synthesize_tensor(torch.zeros(1, 3, 32, 64))


def test_sizes(onnx_file: Path, archive: Path) -> None:
    """A fixed size is the only one; a free one is a multiple of the generator's step."""
    layout = given_to(MODELS[NAME](), (50, 70)).condition
    with pytest.warns(UserWarning, match="resized to 64x32"):
        assert load(onnx_file)(layout).size == (64, 32)
    free = load(archive)
    with pytest.warns(UserWarning, match="resized to 72x52"):
        assert free(layout).size == (72, 52)
    assert free(layout, size=(40, 44)).size == (44, 40)
    with pytest.raises(SemsynthError, match="70x50, which this model cannot make; nearest: 72x52"):
        free(layout, size=(50, 70))
    assert open_exported(archive).sizes.nearest((1, 1)) == [(8, 8)]


def test_the_command_line(model: LoadedModel, tmp_path: Path) -> None:
    out, maps = tmp_path / "model.onnx", tmp_path / "maps"
    layout = given_to(MODELS[NAME](), (32, 32)).condition
    assert isinstance(layout, Layout)
    layout.save(maps / "a.png")
    made = CliRunner().invoke(app, ["export", str(model.folder), "--out", str(out), "--size", "32x32"])
    assert made.exit_code == 0, made.output
    assert "labels: int32 [1,32,32]" in made.stdout
    photos = CliRunner().invoke(app, ["synthesize", str(maps), "--model", str(out), "--out", str(tmp_path / "photos")])
    assert photos.exit_code == 0, photos.output
    assert (tmp_path / "photos" / "a.png").is_file()
    again = CliRunner().invoke(app, ["export", str(model.folder), "--out", str(out)])
    assert again.exit_code == 2
    assert "is there already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "model.tflite"], "name it MODEL.onnx or MODEL.pt2"),
        (["--out", "model.onnx", "--format", "torch"], "files of this format end with .pt2: name it model.pt2"),
        (["--out", "model.onnx", "--size", "big"], "expected WIDTHxHEIGHT"),
        (["--out", "model.onnx", "--size", "32x32", "--dynamic-size"], "leave out --size"),
    ],
)
def test_wrong_options(model: LoadedModel, tmp_path: Path, arguments: list[str], message: str) -> None:
    arguments[1] = str(tmp_path / arguments[1])
    result = CliRunner().invoke(app, ["export", str(model.folder), *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_model_is_exported_by_name_in_python(model: LoadedModel, tmp_path: Path) -> None:
    record = semsynth.export(model.folder, tmp_path / "model.pt2", size=(32, 64))
    assert record.graph.output.shape == (1, 3, 32, 64)
    photo = semsynth.load(tmp_path / "model.pt2")(Layout(np.zeros((32, 64), np.uint16), CLASSES))
    assert photo.size == (64, 32)
    with pytest.raises(SemsynthError, match="leave out `size`"):
        semsynth.export(model.folder, tmp_path / "two.pt2", size=(32, 64), dynamic_size=True)
    with pytest.raises(SemsynthError, match="there is no model 'nowhere'"):
        semsynth.export("nowhere", tmp_path / "three.pt2")
    with pytest.raises(SemsynthError, match=r"name it MODEL\.onnx or MODEL\.pt2"):
        semsynth.export(model.folder, tmp_path / "model.bin")


def test_sizes_that_a_generator_does_not_make(tmp_path: Path) -> None:
    noise = save(tmp_path / "noise", MODELS["spade from noise, with edges"]())
    with pytest.raises(SemsynthError, match="photos of 64x64 and of no other size"):
        export_model(noise, tmp_path / "a.onnx", "onnx", dynamic_size=True)
    with pytest.raises(SemsynthError, match=r"`size=40x64`: this model cannot make it, but 64x64"):
        export_model(noise, tmp_path / "a.onnx", "onnx", size=(64, 40))
    assert not (tmp_path / "a.onnx").exists()


def test_without_the_extra(
    model: LoadedModel, onnx_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("onnxscript", "onnxruntime"):
        monkeypatch.setitem(sys.modules, package, None)  # what importing something that is not installed does
    with pytest.raises(SemsynthError, match=r"needs onnxscript: pip install 'semsynth\[onnx\]'"):
        export_model(model, tmp_path / "model.onnx", "onnx")
    with pytest.raises(SemsynthError, match=r"needs onnxruntime: pip install 'semsynth\[onnx\]'"):
        load(onnx_file)


def test_more_weights_than_an_onnx_file_holds(
    model: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semsynth.exporting.writing.LARGEST_ONNX", 1000)
    with pytest.raises(SemsynthError, match="GiB of weights are more than an ONNX file holds"):
        export_model(model, tmp_path / "model.onnx", "onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kind", "suffix"), [("onnx", ".onnx"), ("torch", ".pt2")])
def test_a_full_disk_leaves_nothing(
    kind: Any, suffix: str, model: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("semsynth.files.os.fsync", full)
    with pytest.raises(SemsynthError, match="the disk is full"):
        export_model(model, tmp_path / f"model{suffix}", kind, size=(16, 16))
    assert not list(tmp_path.iterdir())


def test_files_that_are_none_of_ours(tmp_path: Path, onnx_file: Path, archive: Path) -> None:
    for suffix, kind in ((".onnx", "no ONNX file, or damaged"), (".pt2", "no torch.export archive, or damaged")):
        path = tmp_path / f"text{suffix}"
        path.write_text("nothing")
        with pytest.raises(SemsynthError, match=kind):
            load(path)
        whole = (onnx_file if suffix == ".onnx" else archive).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(SemsynthError, match=kind):
            load(path)
        with pytest.raises(SemsynthError, match="there is no file"):
            load(tmp_path / f"nowhere{suffix}")


def test_an_onnx_file_of_somebody_else(tmp_path: Path, onnx_file: Path) -> None:
    import onnx

    foreign = onnx.load(onnx_file)
    del foreign.metadata_props[:]
    onnx.save(foreign, tmp_path / "foreign.onnx")
    with pytest.raises(SemsynthError, match="does not say what it is"):
        load(tmp_path / "foreign.onnx")


def _external(model: Any) -> None:
    import onnx

    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def _of_another_domain(model: Any) -> None:
    model.graph.node[0].domain = "com.microsoft"


def _with_a_function(model: Any) -> None:
    model.functions.add(name="f", domain="local")


def _with_a_branch(model: Any) -> None:
    attribute = model.graph.node[0].attribute.add(name="then_branch")
    attribute.g.name = "inner"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_external, "a tensor that lies in another file"),
        (_of_another_domain, r"the operator com\.microsoft\."),
        (_with_a_function, "the function f"),
        (_with_a_branch, "a graph within a node"),
    ],
)
def test_an_onnx_file_is_one_graph_of_standard_operators(
    change: Callable[[Any], None], message: str, onnx_file: Path, tmp_path: Path
) -> None:
    import onnx

    model = onnx.load(onnx_file)
    change(model)
    (tmp_path / "other.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(SemsynthError, match=message):
        load(tmp_path / "other.onnx")


def test_devices_and_precisions_of_exported_models(onnx_file: Path, archive: Path) -> None:
    with pytest.raises(SemsynthError, match="does not run on 'mps'"):
        load(onnx_file, "mps")
    with pytest.raises(SemsynthError, match="was recorded for CPUs"):
        load(archive, "cuda")
    with pytest.raises(SemsynthError, match="keeps the precision that it was exported with"):
        load(onnx_file, precision="bfloat16")


Change = Callable[[dict[str, bytes]], None]


class _Trap:
    """Unpickling it leaves a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


def _json(name: str, change: Callable[[Any], None]) -> Change:
    def apply(members: dict[str, bytes]) -> None:
        key = next(key for key in members if key.endswith(name))
        value = json.loads(members[key])
        change(value)
        members[key] = json.dumps(value).encode()

    return apply


def _traps(mark: Path) -> dict[str, tuple[Change, str]]:
    """Ways to run code that ``torch.export.load`` (2.13) and the program it returns would take."""
    pickled = pickle.dumps(_Trap(mark))
    code = f"__import__('pathlib').Path({str(mark)!r}).touch()"

    def inputs(members: dict[str, bytes]) -> None:
        members[next(key for key in members if "sample_inputs" in key)] = pickled

    def opaque(members: dict[str, bytes]) -> None:
        members["archive/data/constants/opaque_obj_0"] = pickled

    def weight(members: dict[str, bytes]) -> None:
        def change(config: Any) -> None:
            one = next(iter(config["config"].values()))
            one["use_pickle"] = True
            members[next(key for key in members if key.endswith("/" + one["path_name"]))] = pickled

        _json("model_weights_config.json", change)(members)

    def operator(name: str) -> Change:
        def change(graph: Any) -> None:
            graph["graph_module"]["graph"]["nodes"][0]["target"] = name

        return _json("models/model.json", change)

    def argument(**given: Any) -> Change:
        def change(graph: Any) -> None:
            graph["graph_module"]["graph"]["nodes"][0]["inputs"][1]["arg"] = given

        return _json("models/model.json", change)

    def structure(spec: Any) -> Change:
        def change(graph: Any) -> None:
            signature = next(one["signature"] for one in graph["graph_module"]["module_call_graph"] if one["signature"])
            signature["in_spec"] = json.dumps([1, spec])

        return _json("models/model.json", change)

    def name(graph: Any) -> None:
        graph["graph_module"]["graph"]["nodes"][0]["name"] = f"x = {code}"

    def field(graph: Any) -> None:
        graph["graph_module"]["graph"]["nodes"][0]["inputs"][0]["code"] = code

    def objects(graph: Any) -> None:
        graph["graph_module"]["graph"]["custom_obj_values"] = {"x": {"name": "x", "class_fqn": "os.system"}}

    def compressed(members: dict[str, bytes]) -> None:
        members["archive/extra/semsynth.more"] = bytes(2**26 + 1)

    factory = {"default_factory_module": "antigravity", "default_factory_name": "x", "dict_context": []}

    def size(graph: Any) -> None:
        sizes = graph["graph_module"]["graph"]["sym_int_values"]
        next(one for one in sizes.values() if "as_expr" in one)["as_expr"]["expr_str"] = code

    def guards(graph: Any) -> None:
        graph["guards_code"] = [code]

    return {
        "example inputs": (inputs, "its example inputs are pickled"),
        "a constant": (opaque, "opaque_obj_0"),
        "a weight": (weight, "a tensor is pickled"),
        "an operator": (operator("torch.os.system"), r"its graph calls 'torch\.os\.system'"),
        "an operator that writes": (
            operator("torch.ops.aten.from_file.default"),
            r"'torch\.ops\.aten\.from_file\.default'",
        ),
        "an operator that nobody needs": (operator("torch.ops.aten.sin.default"), r"'torch\.ops\.aten\.sin\.default'"),
        "a control flow": (operator("torch.ops.higher_order.cond"), r"'torch\.ops\.higher_order\.cond'"),
        "a text": (argument(as_string=str(mark)), "a text is"),
        "an object": (argument(as_custom_obj={"name": "x", "class_fqn": "y"}), "it has as_custom_obj"),
        "an operator as argument": (argument(as_operator="os.system"), "it has as_operator"),
        "a graph": (argument(as_graph={"name": "x", "graph": {}}), "it has as_graph"),
        "a text among numbers": (argument(as_ints=[1, str(mark)]), "it has a text as as_ints"),
        "a device": (argument(as_device={"type": "cuda:0", "index": None}), "a device is 'cuda:0'"),
        "an enumeration": (structure({"__enum__": True, "fqn": "antigravity:x", "name": "x"}), "in_spec is"),
        "a factory": (
            structure({"type": "collections.defaultdict", "context": json.dumps(factory), "children_spec": []}),
            "in_spec is",
        ),
        "a name that is code": (_json("models/model.json", name), "a name is"),
        "a field": (_json("models/model.json", field), "it has code"),
        "custom objects": (_json("models/model.json", objects), "it has custom_obj_values"),
        "a large member": (compressed, r"semsynth\.more has 67,108,865 bytes"),
        "a size": (_json("models/model.json", size), "a size is"),
        "a guard": (_json("models/model.json", guards), "it has guards_code"),
    }


@pytest.mark.parametrize("trap", _traps(Path()))
def test_an_archive_runs_no_code(trap: str, archive: Path, tmp_path: Path) -> None:
    mark, path = tmp_path / "code ran", tmp_path / "trap.pt2"
    change, message = _traps(mark)[trap]
    with zipfile.ZipFile(archive) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    with pytest.raises(SemsynthError, match=message):
        load(path)
    assert not mark.exists()


def test_a_small_archive_does_not_unpack_to_all_of_the_memory(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt2"
    with zipfile.ZipFile(archive) as file, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in file.namelist():
            bomb.writestr(name, file.read(name) + (bytes(2**28) if name.endswith("weight_0") else b""))
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    try:
        with pytest.raises(SemsynthError, match=r"bomb\.pt2: \S+ is compressed"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


def test_an_archive_with_two_members_of_one_name(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.pt2"
    path.write_bytes(archive.read_bytes())
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr(file.namelist()[0], b"")
    with pytest.raises(SemsynthError, match="two members have one name"):
        load(path)


def test_the_model_stays_as_it_is(model: LoadedModel, onnx_file: Path) -> None:
    fresh = load_model(model.folder).networks["generator"].state_dict()
    assert all(torch.equal(value, fresh[key]) for key, value in model.networks["generator"].state_dict().items())
