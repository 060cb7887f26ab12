from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from flags import CLASSES, save_network
from safetensors.torch import load_file, save_file

from semsynth.classes import builtin
from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters.hugging_face import load_segmenter
from semsynth.evaluation.segmenters.mappings import mapping_of


def test_several_outputs_may_mean_one_class_and_some_none(tmp_path: Path) -> None:
    save_network(tmp_path / "net", list("abcdef"))
    values = mapping_of(CLASSES, (3, 4, None, 3, 5, 6)).model_dump(mode="json")
    (tmp_path / "mapping.json").write_text(json.dumps(values))
    segmenter = load_segmenter(tmp_path / "net", str(tmp_path / "mapping.json"), "cpu")
    images = torch.rand(1, 3, 32, 32)
    raw = segmenter.network(pixel_values=segmenter._prepared(images)).logits
    expected = torch.stack([torch.maximum(raw[:, 0], raw[:, 3]), raw[:, 1], raw[:, 4], raw[:, 5]], 1)
    assert torch.allclose(segmenter.logits(images), expected)
    assert [item.name for item in segmenter.classes.classes] == ["red", "green", "blue", "rare"]


def test_a_folder_of_transformers_with_its_own_normalisation(tmp_path: Path) -> None:
    names = [item.name for item in builtin("cityscapes_19").classes]
    stated = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25], "do_normalize": True}
    folder = save_network(tmp_path / "net", names, preprocessor_config=stated)
    segmenter = load_segmenter(folder, device="cpu")
    assert segmenter._prepared(torch.ones(1, 3, 1, 1)).flatten().tolist() == pytest.approx([2, 2, 2])
    assert [one.shape[1] for one in segmenter.maps(torch.zeros(1, 3, 64, 64))] == [4, 8, 8, 8]
    other = load_segmenter(save_network(tmp_path / "other", names), device="cpu")
    assert other.fingerprint != segmenter.fingerprint
    assert load_segmenter(folder, device="cpu").fingerprint == segmenter.fingerprint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("backbone", "evil/backbone"),
        ("use_timm_backbone", True),
        ("attn_implementation", "user/kernel"),
        ("_attn_implementation", "user/kernel"),
        ("auto_map", {"AutoConfig": "evil--code.Config"}),
        ("quantization_config", {"quant_method": "bitsandbytes"}),
        ("backbone_config", {"model_type": "resnet", "attn_implementation": "user/kernel"}),
        ("backbone_config", {"model_type": "timm_wrapper", "architecture": "resnet50"}),
        ("backbone_config", [{"architecture": "hf-hub:evil/net"}]),
        ("transformers_weights", "other.safetensors"),
        ("experts_implementation", "user/kernel"),
        ("some_new_implementation", "user/kernel"),
        ("pretrained_backbone", True),
        ("anything", "evil/repository"),
        ("anything", {"deeper": ["https://evil.example/x"]}),
        ("model_type", "../evil"),
    ],
)
def test_a_local_folder_reaches_no_network_and_no_code(
    key: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(*given: object, **_: object) -> None:
        raise AssertionError(f"a connection to {given}")

    monkeypatch.setattr("socket.socket.connect", reached)
    monkeypatch.setattr("socket.getaddrinfo", reached)
    folder = save_network(tmp_path / "net", [item.name for item in builtin("cityscapes_19").classes])
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | {key: value}))
    with pytest.raises(SemsynthError, match=r"config\.json: \w+ = .* refers to code or weights elsewhere"):
        load_segmenter(folder, device="cpu")


def edited(folder: Path, **changes: object) -> Path:
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | changes))
    return folder


def test_what_common_folders_say_is_taken(tmp_path: Path) -> None:
    folder = save_network(tmp_path / "net", [item.name for item in builtin("cityscapes_19").classes])
    edited(folder, _name_or_path="nvidia/segformer-b0", attn_implementation="sdpa", use_timm_backbone=False)
    segmenter = load_segmenter(folder, device="cpu")
    assert segmenter.network.config._attn_implementation == "eager"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_labels": 10**9}, "num_labels = 1000000000 is larger than in any network"),
        ({"hidden_sizes": [10**6] * 4}, "hidden_sizes = .* larger"),
        ({"num_hidden_layers": 10**5}, "num_hidden_layers = 100000 is larger"),
        ({"hidden_sizes": [4096] * 4}, "describes a network of .* numbers, and its weights have .* bytes"),
        ({"hidden_sizes": "many"}, "net"),
        ({"depths": [-1]}, "net"),
    ],
)
def test_networks_that_no_weights_are_of(changes: dict[str, object], words: str, tmp_path: Path) -> None:
    folder = save_network(tmp_path / "net", [item.name for item in builtin("cityscapes_19").classes])
    with pytest.raises(SemsynthError, match=words):
        load_segmenter(edited(folder, **changes), device="cpu")


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("adapter_config.json", {"base_model_name_or_path": "evil/net"}),
        ("model.safetensors.index.json", {"weight_map": {"a": "../other/model.safetensors"}}),
        ("model.safetensors.index.json", {"weight_map": {"a": "https://evil.example/x.safetensors"}}),
        ("model.safetensors.index.json", {"weight_map": {"a": 7}}),
        ("model.safetensors.index.json", []),
    ],
)
def test_files_that_lead_elsewhere(file: str, values: object, tmp_path: Path) -> None:
    folder = save_network(tmp_path / "net", [item.name for item in builtin("cityscapes_19").classes])
    (folder / file).write_text(json.dumps(values))
    with pytest.raises(SemsynthError, match=file):
        load_segmenter(folder, device="cpu")


def test_what_is_no_segmenter_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="there is no segmenter 'nothing'"):
        load_segmenter("nothing")
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(SemsynthError, match="'bert' network, which does not label pixels"):
        load_segmenter(tmp_path / "bert")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    with pytest.raises(SemsynthError, match="is no network's"):
        load_segmenter(tmp_path / "broken")
    folder = save_network(tmp_path / "net", [item.name for item in builtin("cityscapes_19").classes])
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(SemsynthError, match="cannot be read"):
        load_segmenter(folder)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    folder = save_network(tmp_path / "net", [item.name for item in builtin("cityscapes_19").classes])
    whole = load_file(folder / "model.safetensors")
    name = next(key for key, value in whole.items() if value.ndim == 4)
    damages = {
        "holds NaN": whole[name].clone().fill_(float("nan")),
        "holds int8": torch.zeros(whole[name].shape, dtype=torch.int8),
        "holds float64": torch.zeros(whole[name].shape, dtype=torch.float64),
    }
    for said, value in damages.items():
        save_file(whole | {name: value}, folder / "model.safetensors", {"format": "pt"})
        with pytest.raises(SemsynthError, match=said):
            load_segmenter(folder, device="cpu")
