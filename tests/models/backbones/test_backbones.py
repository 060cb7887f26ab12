from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import torch
from backbone_weights import REAL, efficientnet_state, mobilenet_state, save_mobilenet
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.models.backbones import Backbone, BackboneName, Tap, load_backbone
from semsynth.models.backbones.base import FixedConv
from semsynth.models.vgg import VGG16


def pictures(size: tuple[int, int] = (64, 96)) -> Tensor:
    return torch.rand(2, 3, *size) * 2 - 1


@pytest.fixture
def efficientnet(tmp_path: Path) -> Path:
    save_file(efficientnet_state(), tmp_path / "lite0.safetensors")
    return tmp_path / "lite0.safetensors"


def plain_conv_norm_relu6(
    state: dict[str, Tensor], x: Tensor, conv: str, norm: str, stride: int, groups: int
) -> Tensor:
    """TensorFlow's definition: "same" padding, a convolution, a batch norm, ReLU6."""
    weight = state[f"{conv}.weight"]
    kernel = weight.shape[-1]
    for axis in (2, 3):
        total = max((-(-x.shape[axis] // stride) - 1) * stride + kernel - x.shape[axis], 0)
        before, after = total // 2, total - total // 2
        x = F.pad(x, (before, after, 0, 0) if axis == 3 else (0, 0, before, after))
    x = F.conv2d(x, weight, None, stride, groups=groups)
    parts = [state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *parts, eps=1e-3)


@pytest.mark.parametrize("size", [(64, 96), (51, 63)])
def test_efficientnet_equals_its_unfolded_layers(efficientnet: Path, size: tuple[int, int]) -> None:
    state, image = load_file(efficientnet), pictures(size)
    x = ((image + 1) * 127.5 - 127) / 128
    x = plain_conv_norm_relu6(state, x, "_conv_stem", "_bn0", 2, 1).clamp(0, 6)
    x = plain_conv_norm_relu6(state, x, "_blocks.0._depthwise_conv", "_blocks.0._bn1", 1, 32).clamp(0, 6)
    x = plain_conv_norm_relu6(state, x, "_blocks.0._project_conv", "_blocks.0._bn2", 1, 1)
    found = load_backbone("efficientnet_lite0", efficientnet)(image)
    torch.testing.assert_close(found[0], x, rtol=1e-4, atol=1e-4)
    for number, stride in ((1, 2), (2, 1)):
        name = f"_blocks.{number}."
        wide = state[f"{name}_expand_conv.weight"].shape[0]
        y = plain_conv_norm_relu6(state, x, f"{name}_expand_conv", f"{name}_bn0", 1, 1).clamp(0, 6)
        y = plain_conv_norm_relu6(state, y, f"{name}_depthwise_conv", f"{name}_bn1", stride, wide).clamp(0, 6)
        y = plain_conv_norm_relu6(state, y, f"{name}_project_conv", f"{name}_bn2", 1, 1)
        x = y if number == 1 else x + y
    torch.testing.assert_close(found[1], x, rtol=1e-4, atol=1e-3)


def test_taps_of_all_networks(efficientnet: Path, tmp_path: Path) -> None:
    def taps(backbone: Backbone) -> list[tuple[int, int]]:
        features = backbone(pictures())
        sizes = [tuple(64 // tap.stride for _ in "x") for tap in backbone.taps]
        assert [feature.shape[2] for feature in features] == [size[0] for size in sizes]
        assert [feature.shape[1] for feature in features] == [tap.channels for tap in backbone.taps]
        return [(tap.stride, tap.channels) for tap in backbone.taps]

    expected = [(2, 16), (4, 24), (8, 40), (16, 112), (32, 320)]
    assert taps(load_backbone("efficientnet_lite0", efficientnet)) == expected
    thin = load_backbone("mobilenet_v1", save_mobilenet(tmp_path))
    assert taps(thin) == [(2, 8), (4, 16), (8, 32), (16, 64), (32, 128)]
    save_vgg(tmp_path / "vgg16.safetensors", [2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6])
    vgg = load_backbone("vgg16", tmp_path / "vgg16.safetensors")
    assert taps(vgg) == [(1, 2), (2, 3), (4, 4), (8, 5), (16, 6), (32, 6)]


def save_vgg(path: Path, widths: list[int]) -> None:
    save_file(VGG16(widths).state_dict(), path, {"input": "RGB 0..255 minus (123.68,116.779,103.939)"})


def test_vgg16_equals_its_layers(tmp_path: Path) -> None:
    widths = [2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6]
    save_vgg(tmp_path / "vgg16.safetensors", widths)
    state, image = load_file(tmp_path / "vgg16.safetensors"), pictures((32, 32))
    x = (image + 1) * 127.5 - torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    found = load_backbone("vgg16", tmp_path / "vgg16.safetensors")(image)
    for block, indices in enumerate([(0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)]):
        for index in indices:
            x = F.conv2d(x, state[f"features.{index}.weight"], state[f"features.{index}.bias"], padding=1).relu()
        torch.testing.assert_close(found[block], x)
        x = F.max_pool2d(x, 2)
    torch.testing.assert_close(found[5], x)


def test_chosen_strides_give_the_same_features(tmp_path: Path) -> None:
    path, image = save_mobilenet(tmp_path), pictures()
    whole = load_backbone("mobilenet_v1", path)(image)
    some = load_backbone("mobilenet_v1", path, (4, 16))
    assert some.taps == (Tap(16, 4), Tap(64, 16))
    found = some(image)
    assert len(found) == 2
    torch.testing.assert_close(found[0], whole[1])
    torch.testing.assert_close(found[1], whole[3])
    assert sum(isinstance(layer, FixedConv) for layer in some.modules()) == 1 + 2 * 11  # up to pw11


def test_same_padding_by_hand() -> None:
    # A kernel of ones counts the pixels inside the image; of even sizes only the bottom and the right stick out.
    conv = FixedConv(torch.ones(1, 1, 3, 3), torch.zeros(1), 2, relu6=False)
    assert conv(torch.ones(1, 1, 4, 4))[0, 0].tolist() == [[9, 6], [6, 4]]
    assert conv(torch.ones(1, 1, 5, 5))[0, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]
    assert FixedConv(torch.ones(1, 1, 3, 3), torch.zeros(1), 2, relu6=True)(torch.ones(1, 1, 4, 4)).max() == 6


def test_constants_are_no_part_of_a_state(tmp_path: Path) -> None:
    backbone = load_backbone("mobilenet_v1", save_mobilenet(tmp_path), (4, 8))
    assert backbone.state_dict() == {}
    assert list(backbone.parameters()) == []
    image = pictures()
    single = backbone(image)
    double = backbone.double()(image)
    assert double[0].dtype == torch.float64
    torch.testing.assert_close(single[1].double(), double[1], rtol=1e-4, atol=1e-4)


def test_features_are_single_precision_under_autocast(tmp_path: Path) -> None:
    backbone, image = load_backbone("mobilenet_v1", save_mobilenet(tmp_path), (4, 8)), pictures()
    with torch.autocast("cpu", torch.bfloat16):
        features = backbone(image.bfloat16().float())
    assert features[0].dtype == torch.float32
    assert torch.equal(features[1], backbone(image.bfloat16().float())[1])


def test_gradients_against_finite_differences(tmp_path: Path) -> None:
    backbone = load_backbone("mobilenet_v1", save_mobilenet(tmp_path), (2, 4)).double()
    image = (torch.rand(1, 3, 6, 7, dtype=torch.float64) - 0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tuple(backbone(x)), (image,), fast_mode=True)


def test_halves_and_doubles_are_computed_in_single_precision(tmp_path: Path) -> None:
    state, image = mobilenet_state(), pictures()
    for dtype, close in ((torch.float16, 1e-2), (torch.float64, 1e-6)):
        path = tmp_path / f"{dtype}.safetensors"
        save_file({name: value.to(dtype) for name, value in state.items()}, path)
        save_file(state, tmp_path / "single.safetensors")
        found = load_backbone("mobilenet_v1", path, (4,))(image)[0]
        assert found.dtype == torch.float32
        torch.testing.assert_close(
            found,
            load_backbone("mobilenet_v1", tmp_path / "single.safetensors", (4,))(image)[0],
            rtol=close,
            atol=close,
        )


def test_the_files_convention_counts(tmp_path: Path) -> None:
    save_file(mobilenet_state(), tmp_path / "a.safetensors", {"input": "RGB 0..1"})
    backbone = load_backbone("mobilenet_v1", tmp_path / "a.safetensors")
    assert (backbone.convention.low, backbone.convention.high, backbone.convention.std) == (0, 1, (1, 1, 1))


def test_timms_names(efficientnet: Path, tmp_path: Path) -> None:
    renamed = {}
    blocks = [(g, i) for g, count in enumerate((1, 2, 2, 3, 3, 4, 1)) for i in range(count)]
    for name, value in load_file(efficientnet).items():
        if not name.startswith("_blocks."):
            renamed[name.replace("_conv_stem", "conv_stem").replace("_bn0", "bn1")] = value
            continue
        _, number, layer, part = name.split(".")
        group, position = blocks[int(number)]
        first = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
        later = {
            "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
            "_project_conv": "conv_pwl", "_bn2": "bn3",
        }  # fmt: skip
        renamed[f"blocks.{group}.{position}.{(later if group else first)[layer]}.{part}"] = value
    torch.save(renamed, tmp_path / "timm.pth")
    image = pictures()
    one, other = (load_backbone("efficientnet_lite0", path)(image) for path in (efficientnet, tmp_path / "timm.pth"))
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a, b)


def refused(name: BackboneName, path: Path | None, match: str, strides: tuple[int, ...] | None = None) -> None:
    with pytest.raises(SemsynthError, match=match) as caught:
        load_backbone(name, path, strides)
    assert "\n" not in str(caught.value)
    if path is not None:
        assert str(path) in str(caught.value)


def test_faulty_files(tmp_path: Path) -> None:
    good = save_mobilenet(tmp_path)
    refused("efficientnet_lite0", good, r"has no '_conv_stem.weight': expected the weights of EfficientNet-lite0")
    refused("vgg16", good, "has no 'features.0.weight': expected VGG-16")
    refused("stlpips_alex", good, "expected the weights of shift-tolerant LPIPS")
    refused("mobilenet_v1", good, r"strides 2, 4, 8, 16, 32, none of stride 64", (4, 64))
    truncated = tmp_path / "truncated.safetensors"
    truncated.write_bytes(good.read_bytes()[:-100])
    refused("mobilenet_v1", truncated, "is corrupt")
    refused("mobilenet_v1", tmp_path / "absent.safetensors", "cannot read")
    state = mobilenet_state()
    for name, changed, match in (
        ("nan", torch.full_like(state["pw3.bias"], float("nan")), "'pw3.bias' holds NaN or infinity"),
        ("integers", torch.ones(16, dtype=torch.int8), r"'pw3.bias' is \(16,\) int8"),
        ("shape", torch.ones(5), r"'pw3.bias' is \(5,\) float32"),
    ):
        save_file(state | {"pw3.bias": changed}, tmp_path / f"{name}.safetensors")
        refused("mobilenet_v1", tmp_path / f"{name}.safetensors", match)
    del state["dw13.weight"]
    save_file(state, tmp_path / "short.safetensors")
    refused("mobilenet_v1", tmp_path / "short.safetensors", "has no 'dw13.weight'")


def test_a_prefix_of_vgg16_has_fewer_taps(tmp_path: Path) -> None:
    save_vgg(tmp_path / "short.safetensors", [2, 2, 3, 3, 4, 4, 4, 5])
    assert [tap.stride for tap in load_backbone("vgg16", tmp_path / "short.safetensors").taps] == [1, 2, 4]
    refused("vgg16", tmp_path / "short.safetensors", "strides 1, 2, 4, none of stride 8", (4, 8))


def test_what_is_not_downloaded_says_which_file_is_needed() -> None:
    refused("mobilenet_v1", None, r"`feature_weights` \(conv0, dw1")
    refused("stlpips_alex", None, r"`feature_weights` \(net\.slice1")


@pytest.mark.slow
def test_real_networks_tell_scenes_apart(shared: Path) -> None:
    """Features of two crops of one photo are nearer to each other than those of two photos."""
    from semsynth.images import decode_image, to_tensor

    folder = shared / "data" / "ade_landscapes" / "val" / "images"
    photos = [to_tensor(decode_image(path))[:, :200, :200] for path in sorted(folder.iterdir())[:4]]
    views = torch.stack([crop for photo in photos for crop in (photo[:, :192, :192], photo[:, 8:, 8:])])
    for name in get_args(BackboneName):
        backbone = load_backbone(name, shared / "weights" / REAL[name])
        with torch.no_grad():
            pooled = torch.cat([F.normalize(x.mean((2, 3)), dim=1) for x in backbone(views)], 1)
        distances = torch.cdist(pooled, pooled)
        same = distances[range(0, 8, 2), range(1, 8, 2)]
        others = distances[::2, 1::2][~torch.eye(4, dtype=torch.bool)]
        assert same.max() < others.min(), name
