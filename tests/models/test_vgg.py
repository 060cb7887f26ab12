from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.models.input_convention import OFFICIAL_SPADE, TORCHVISION, InputConvention, parse_convention
from semsynth.models.vgg import VGG16, VGG19, load_vgg, load_vgg19

WIDTHS = (64, 64, 128, 128, *(256,) * 4, *(512,) * 8)
THIN = [2, 2, 3, 3, 4]
SENTENCE = "RGB order, range 0..255, minus (123.68,116.779,103.939), no std division"


def thin_state() -> dict[str, Tensor]:
    return {name: value.clone() for name, value in VGG19(THIN).state_dict().items()}


def test_the_whole_network_has_torchvisions_names_and_size() -> None:
    with torch.device("meta"):
        network = VGG19(WIDTHS)
    convolutions = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    expected = {f"features.{i}.{kind}" for i in convolutions for kind in ("weight", "bias")}
    assert set(network.state_dict()) == expected
    assert sum(parameter.numel() for parameter in network.parameters()) == 20_024_384  # torchvision's vgg19().features
    official = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 20, "relu5_1": 29}
    assert {name: network.taps[name] for name in official} == official


def test_only_what_the_taps_need_is_computed() -> None:
    network = VGG19(THIN)
    reached: list[int] = []
    for index, layer in enumerate(network.features):
        layer.register_forward_hook(lambda *_, index=index: reached.append(index))
    features = network(torch.rand(1, 3, 16, 16), ["relu2_1", "relu1_1"])
    assert set(features) == {"relu1_1", "relu2_1"}
    assert features["relu2_1"].shape == (1, 3, 8, 8)
    assert reached == [0, 1, 2, 3, 4, 5, 6]


def test_frozen() -> None:
    network = VGG19(THIN)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_average_pooling() -> None:
    image = torch.rand(1, 3, 8, 8)
    networks = [VGG19([2, 2, 2], pooling=pooling) for pooling in ("max", "average")]
    networks[1].load_state_dict(networks[0].state_dict())
    before = networks[0](image, ["relu1_2"])["relu1_2"]
    tiles = before.unfold(2, 2, 2).unfold(3, 2, 2)  # [N,C,h/2,w/2,2,2]
    for network, pooled in zip(networks, (tiles.amax((-1, -2)), tiles.mean((-1, -2))), strict=True):
        expected = network.features[6](network.features[5](pooled))
        torch.testing.assert_close(network(image, ["relu2_1"])["relu2_1"], expected)


def test_conventions_by_hand() -> None:
    black, white = torch.full((1, 3, 1, 1), -1.0), torch.ones(1, 3, 1, 1)
    caffe = InputConvention(low=0, high=255, mean=(123.68, 116.779, 103.939), std=(1, 1, 1))
    torch.testing.assert_close(caffe.convert(black).flatten(), -torch.tensor([123.68, 116.779, 103.939]))
    torch.testing.assert_close(caffe.convert(white).flatten(), 255 - torch.tensor([123.68, 116.779, 103.939]))
    torch.testing.assert_close(TORCHVISION.convert(black).flatten()[0], torch.tensor(-0.485 / 0.229))
    torch.testing.assert_close(TORCHVISION.convert(white).flatten()[2], torch.tensor((1 - 0.406) / 0.225))
    photo = torch.rand(2, 3, 4, 5) * 2 - 1
    torch.testing.assert_close(OFFICIAL_SPADE.convert(photo), photo)
    reverse = InputConvention(low=-1, high=1, mean=(0.5, 0, 0), std=(1, 1, 2), order="BGR")
    torch.testing.assert_close(reverse.convert(white).flatten(), torch.tensor([0.5, 1.0, 0.5]))  # blue, green, red
    assert TORCHVISION.gain == 1
    assert caffe.gain == pytest.approx(255 * 0.226, rel=1e-6)


def test_conventions_in_words() -> None:
    assert parse_convention(SENTENCE) == InputConvention(
        low=0, high=255, mean=(123.68, 116.779, 103.939), std=(1, 1, 1)
    )
    assert parse_convention("RGB, 0..1 minus (0.485, 0.456, 0.406) over (0.229, 0.224, 0.225)") == TORCHVISION
    assert parse_convention("range -1..1") == OFFICIAL_SPADE
    assert parse_convention("range -1 to 1, BGR") == OFFICIAL_SPADE.model_copy(update={"order": "BGR"})
    assert parse_convention("as usual") is None


def test_the_file_carries_its_convention(tmp_path: Path) -> None:
    convention = InputConvention(low=-3, high=5, mean=(1, 2, 3), std=(4, 5, 6), order="BGR")
    for metadata, expected in (
        ({"input_convention": convention.model_dump_json()}, convention),
        ({"input": SENTENCE}, InputConvention(low=0, high=255, mean=(123.68, 116.779, 103.939), std=(1, 1, 1))),
    ):
        save_file(thin_state(), tmp_path / "vgg.safetensors", metadata)
        assert load_vgg19(tmp_path / "vgg.safetensors").convention == expected
        assert load_vgg19(tmp_path / "vgg.safetensors", convention=TORCHVISION).convention == TORCHVISION


def test_prefixes_load_up_to_the_first_gap(tmp_path: Path) -> None:
    state = thin_state()
    del state["features.7.bias"]
    save_file(state, tmp_path / "vgg.safetensors", {"input": SENTENCE})
    network = load_vgg19(tmp_path / "vgg.safetensors")
    assert list(network.taps) == ["relu1_1", "relu1_2", "relu2_1"]
    assert torch.equal(network.features[5].weight, state["features.5.weight"])


def test_pth_files_are_torchvisions(tmp_path: Path) -> None:
    torch.save({**thin_state(), "classifier.0.weight": torch.zeros(2, 2)}, tmp_path / "vgg.pth")
    network = load_vgg19(tmp_path / "vgg.pth")
    assert network.convention == TORCHVISION
    assert list(network.taps) == ["relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1"]


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code inside the file ran",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vgg.safetensors", b"", "is corrupt"),
        ("vgg.safetensors", b"\xff" * 400, "is corrupt"),
        ("vgg.pth", b"PK not a zip", "is cut off or damaged"),
        ("vgg.pth", _Harmful(), "holds an object of the class print, not only tensors"),
        ("vgg.pth", [torch.zeros(1)], "holds a list"),
        ("vgg.pth", {"conv1.weight": torch.zeros(1)}, "has no 'features.0.weight'"),
        ("vgg.pth", {"features.0.weight": torch.zeros(2, 3, 5, 5), "features.0.bias": torch.zeros(2)}, "not VGG-19's"),
    ],
    ids=["empty", "noise", "no-zip", "code", "list", "names", "shapes"],
)
def test_faulty_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: object, message: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(SemsynthError, match=message) as caught:
        load_vgg19(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_missing_file_and_silent_file(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"cannot read .*absent\.safetensors"):
        load_vgg19(tmp_path / "absent.safetensors")
    save_file(thin_state(), tmp_path / "vgg.safetensors")
    with pytest.raises(SemsynthError, match="does not say which input it expects"):
        load_vgg19(tmp_path / "vgg.safetensors")
    save_file(thin_state(), tmp_path / "vgg.safetensors", {"input_convention": "{"})
    with pytest.raises(SemsynthError, match="not valid JSON"):
        load_vgg19(tmp_path / "vgg.safetensors")
    save_file(thin_state(), tmp_path / "vgg.safetensors", {"input_convention": '{"lowest": 0}'})
    with pytest.raises(SemsynthError, match="unknown key 'lowest'"):
        load_vgg19(tmp_path / "vgg.safetensors")


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small stand-in for torchvision's file, at a local address and with its own checksum."""
    path = tmp_path / "published" / "vgg19-01234567.pth"
    path.parent.mkdir()
    torch.save(thin_state(), path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(VGG19, "URL", path.as_uri())
    monkeypatch.setattr(VGG19, "CHECKSUM", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    return path


def test_download_once(published: Path) -> None:
    first = load_vgg19()
    published.unlink()
    second = load_vgg19()
    assert torch.equal(first.features[0].weight, second.features[0].weight)
    assert second.convention == TORCHVISION


def test_download_with_a_wrong_checksum_leaves_nothing(published: Path, tmp_path: Path) -> None:
    published.write_bytes(published.read_bytes() + b"!")
    with pytest.raises(SemsynthError, match=r"invalid hash value.*perceptual_weights"):
        load_vgg19()
    assert not list((tmp_path / "cache").rglob("*.pth*"))


def test_no_network(published: Path) -> None:
    published.unlink()
    with pytest.raises(SemsynthError, match=r"cannot download VGG-19 .*train without the VGG term"):
        load_vgg19()


def test_the_other_network_of_the_family_is_refused(tmp_path: Path) -> None:
    for kind, other, place in ((VGG16, VGG19, 16), (VGG19, VGG16, 17)):
        save_file(other([2] * 10).state_dict(), tmp_path / "vgg.safetensors", {"input": SENTENCE})
        with pytest.raises(SemsynthError, match=rf"has 'features\.{place}\.weight', where {kind.NAME} has no"):
            load_vgg(kind, tmp_path / "vgg.safetensors")
