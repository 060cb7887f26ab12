from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from semsynth.checkpoint import Card, LoadedModel, SPADEModel, load_model, save_model
from semsynth.classes import ClassInfo, ClassSet
from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.layout import LayoutEncoding
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.models.style_encoder import StyleEncoderConfig

CLASSES = ClassSet(
    name="three",
    classes=tuple(
        ClassInfo(id=i, name=name, color=(80 * i, 9, 9)) for i, name in enumerate(["wall", "window", "door"])
    ),
)
CONFIG = SPADEModel(
    generator=SPADEGeneratorConfig(
        encoding=LayoutEncoding(num_classes=3), width=1, crop_size=32, hidden=4, input="noise", z_dim=4
    ),
    encoder=StyleEncoderConfig(width=1, z_dim=4, size=32),
)
CARD = Card(name="tiny", steps=3, scores={"mIoU val": 0.25})


@pytest.fixture
def networks() -> dict[str, nn.Module]:
    networks = CONFIG.build()
    for network in networks.values():
        for tensor in network.state_dict().values():
            torch.nn.init.uniform_(tensor, 0.1, 1)
    return networks


@pytest.fixture
def folder(tmp_path: Path, networks: dict[str, nn.Module]) -> Path:
    save_model(tmp_path / "model", CONFIG, CLASSES, networks, CARD)
    return tmp_path / "model"


def edit_config(folder: Path, **changes: object) -> None:
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | changes))


def write_weights(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Replace the generator's weights, with a checksum that fits."""
    safetensors.torch.save_file(tensors, folder / "generator.safetensors")
    digests = json.loads((folder / "config.json").read_text())["sha256"]
    edit_config(folder, sha256=digests | {"generator.safetensors": sha256(folder / "generator.safetensors")})


def assert_one_line_error(folder: Path, *parts: str) -> None:
    with pytest.raises(SemsynthError) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


def test_round_trip_keeps_every_bit(folder: Path, networks: dict[str, nn.Module]) -> None:
    loaded = load_model(folder)
    assert sorted(file.name for file in folder.iterdir()) == [
        "card.json",
        "classes.json",
        "config.json",
        "encoder.safetensors",
        "generator.safetensors",
    ]
    assert (loaded.classes, loaded.card) == (CLASSES, CARD)
    assert loaded.config.model_copy(update={"sha256": {}}) == CONFIG
    for name, network in networks.items():
        state = loaded.networks[name].state_dict()
        assert state.keys() == network.state_dict().keys()
        assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())
        assert not loaded.networks[name].training


def test_loading_leaves_the_random_state_alone(folder: Path) -> None:
    before = torch.get_rng_state()
    load_model(folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_half_precision_files_are_small_and_load_as_float32(tmp_path: Path, networks: dict[str, nn.Module]) -> None:
    save_model(tmp_path / "full", CONFIG, CLASSES, networks, CARD)
    save_model(tmp_path / "half", CONFIG, CLASSES, networks, CARD, dtype=torch.float16)
    small, large = (load_model(tmp_path / name).networks["generator"] for name in ("half", "full"))
    sizes = [(tmp_path / name / "generator.safetensors").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.7 * sizes[1]
    for (key, value), exact in zip(small.state_dict().items(), large.state_dict().values(), strict=True):
        assert value.dtype == exact.dtype
        kept = key in dict(small.named_buffers())
        assert torch.equal(value, exact if kept else exact.half().float()), key


def test_values_that_half_precision_cannot_hold_are_refused(tmp_path: Path, networks: dict[str, nn.Module]) -> None:
    nn.init.constant_(networks["generator"].get_parameter("fc.bias"), 1e6)
    with pytest.raises(SemsynthError, match=r"fc\.bias does not fit torch\.float16"):
        save_model(tmp_path / "model", CONFIG, CLASSES, networks, CARD, dtype=torch.float16)
    assert not (tmp_path / "model").exists()


def test_double_precision_is_written_in_single(tmp_path: Path, networks: dict[str, nn.Module]) -> None:
    doubled = {name: copy.deepcopy(network).double() for name, network in networks.items()}
    save_model(tmp_path / "m", CONFIG, CLASSES, doubled, Card())
    loaded = load_model(tmp_path / "m").networks
    for name, network in networks.items():
        for key, value in network.state_dict().items():
            assert torch.equal(loaded[name].state_dict()[key], value)


def test_nan_is_never_saved(tmp_path: Path, networks: dict[str, nn.Module]) -> None:
    nn.init.constant_(networks["encoder"].get_parameter("mu.bias"), float("nan"))
    with pytest.raises(SemsynthError, match=r"mu\.bias holds NaN"):
        save_model(tmp_path / "model", CONFIG, CLASSES, networks, CARD)
    assert not (tmp_path / "model").exists()


def test_a_failed_save_keeps_the_old_model(folder: Path, networks: dict[str, nn.Module]) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    nn.init.constant_(networks["encoder"].get_parameter("mu.bias"), float("nan"))
    with pytest.raises(SemsynthError):
        save_model(folder, CONFIG, CLASSES, networks, CARD)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_saving_again_replaces_the_model_and_nothing_else(folder: Path, networks: dict[str, nn.Module]) -> None:
    (folder / "notes.txt").write_text("mine")
    save_model(folder, CONFIG.model_copy(update={"encoder": None}), CLASSES, networks, CARD)
    assert not (folder / "encoder.safetensors").exists()
    assert (folder / "notes.txt").read_text() == "mine"
    assert load_model(folder).networks.keys() == {"generator"}


@pytest.mark.parametrize("file", ["config.json", "classes.json", "generator.safetensors", "encoder.safetensors"])
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    assert_one_line_error(folder, str(folder), file, "missing")


def test_a_missing_card_is_no_error(folder: Path) -> None:
    (folder / "card.json").unlink()
    assert load_model(folder).card == Card()


@pytest.mark.parametrize("file", ["generator.safetensors", "encoder.safetensors", "classes.json"])
def test_truncation_and_flipped_bits_are_found(folder: Path, file: str) -> None:
    data = (folder / file).read_bytes()
    for bad in (data[: len(data) // 2], b"", data[:-1] + bytes([data[-1] ^ 1])):
        (folder / file).write_bytes(bad)
        assert_one_line_error(folder, str(folder / file), "damaged")


def test_another_models_classes_are_found(folder: Path, tmp_path: Path, networks: dict[str, nn.Module]) -> None:
    other = CLASSES.model_copy(update={"classes": tuple(reversed(CLASSES.classes))})
    save_model(tmp_path / "other", CONFIG, other, networks, CARD)
    shutil.copy(tmp_path / "other" / "classes.json", folder / "classes.json")
    assert_one_line_error(folder, str(folder / "classes.json"), "belongs to another model")


def test_a_class_set_of_another_length_is_never_saved(tmp_path: Path, networks: dict[str, nn.Module]) -> None:
    other = CLASSES.model_copy(update={"classes": CLASSES.classes[:2]})
    with pytest.raises(SemsynthError, match="has 2 classes, the generator 3"):
        save_model(tmp_path / "model", CONFIG, other, networks, CARD)


def test_a_network_that_was_not_given_is_named(tmp_path: Path, networks: dict[str, nn.Module]) -> None:
    with pytest.raises(SemsynthError, match="'encoder'"):
        save_model(tmp_path / "model", CONFIG, CLASSES, {"generator": networks["generator"]}, CARD)


def test_a_newer_format_asks_for_an_upgrade(folder: Path) -> None:
    edit_config(folder, format=99, brand_new_key=1)
    assert_one_line_error(folder, "format 99", "upgrade")


@pytest.mark.parametrize("value", [None, "1", 0, -3])
def test_a_format_that_is_none_is_refused(folder: Path, value: object) -> None:
    edit_config(folder, format=value)
    assert_one_line_error(folder, "config.json", "'format'")


def test_an_unknown_system_is_named(folder: Path) -> None:
    edit_config(folder, system="stylegan")
    assert_one_line_error(folder, "'stylegan'", "spade")


def test_a_misspelt_key_is_named(folder: Path) -> None:
    edit_config(folder, genrator={})
    assert_one_line_error(folder, "config.json", "genrator")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"spade"'])
def test_a_config_that_is_no_object_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    assert_one_line_error(folder, "config.json")


def test_missing_unexpected_and_misshapen_tensors_are_named(folder: Path, networks: dict[str, nn.Module]) -> None:
    state = networks["generator"].state_dict()
    bias = state.pop("fc.bias")
    write_weights(folder, state)
    assert_one_line_error(folder, "fc.bias is missing")
    write_weights(folder, state | {"fc.bias": bias, "fc.extra": torch.zeros(1)})
    assert_one_line_error(folder, "fc.extra is unexpected")
    write_weights(folder, state | {"fc.bias": bias[1:]})
    assert_one_line_error(folder, "fc.bias is [15] instead of [16]")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda bias: bias.fill_(float("nan")), "fc.bias holds NaN or infinity"),
        (lambda bias: bias.index_fill_(0, torch.tensor([3]), float("inf")), "fc.bias holds NaN or infinity"),
        (lambda bias: bias.double(), "fc.bias holds float64 instead of float32 or float16 or bfloat16"),
        (lambda bias: bias.to(torch.int8), "fc.bias holds int8 instead of"),
        (lambda bias: bias > 0, "fc.bias holds bool instead of"),
        (lambda bias: bias.to(torch.complex64), "fc.bias holds complex64 instead of"),
    ],
)
def test_numbers_that_no_training_writes_are_refused(
    folder: Path, networks: dict[str, nn.Module], change: Callable[[Tensor], Tensor], message: str
) -> None:
    state = networks["generator"].state_dict()
    write_weights(folder, state | {"fc.bias": change(state["fc.bias"].clone())})
    assert_one_line_error(folder, message)


def test_a_tensor_that_is_there_twice_is_refused(folder: Path) -> None:
    path = folder / "generator.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length].strip()
    first = json.dumps({"fc.bias": json.loads(header)["fc.bias"]}).encode()
    doubled = header[:-1] + b"," + first[1:]
    path.write_bytes(len(doubled).to_bytes(8, "little") + doubled + data[8 + length :])
    digests = json.loads((folder / "config.json").read_text())["sha256"]
    edit_config(folder, sha256=digests | {path.name: sha256(path)})
    assert_one_line_error(folder, "'fc.bias' is there twice")


def test_weights_that_are_no_safetensors_file_are_refused(folder: Path) -> None:
    write_weights(folder, {})
    (folder / "generator.safetensors").write_bytes(b"x" * 100)
    digests = json.loads((folder / "config.json").read_text())["sha256"]
    edit_config(folder, sha256=digests | {"generator.safetensors": sha256(folder / "generator.safetensors")})
    assert_one_line_error(folder, "is corrupt")


def test_a_pickle_is_never_opened(folder: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "exploded",)

    torch.save(Bomb(), folder / "generator.safetensors")
    digests = json.loads((folder / "config.json").read_text())["sha256"]
    edit_config(folder, sha256=digests | {"generator.safetensors": sha256(folder / "generator.safetensors")})
    assert_one_line_error(folder, "is corrupt")
    assert not (tmp_path / "exploded").exists()


def test_a_file_where_the_folder_should_be(tmp_path: Path, networks: dict[str, nn.Module]) -> None:
    (tmp_path / "model").write_text("")
    with pytest.raises(SemsynthError, match="model"):
        save_model(tmp_path / "model", CONFIG, CLASSES, networks, CARD)


def test_loaded_generator_makes_the_same_pictures(folder: Path, networks: dict[str, nn.Module]) -> None:
    from semsynth.layout import LayoutBatch

    layout = LayoutBatch.from_channels(torch.randint(0, 3, (2, 32, 32)), CONFIG.generator.encoding)
    loaded: LoadedModel = load_model(folder)
    z = torch.randn(2, 4)
    with torch.no_grad():
        expected = networks["generator"].eval()(layout, z)
        assert torch.equal(loaded.networks["generator"](layout, z), expected)
