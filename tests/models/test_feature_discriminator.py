from __future__ import annotations

from pathlib import Path

import pytest
import torch
from backbone_weights import REAL, mobilenet_state, save_mobilenet
from layouts import KINDS, layout_batch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.images import decode_image, to_tensor
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.backbones import load_backbone
from semsynth.models.feature_discriminator import FeatureDiscriminator, FeatureDiscriminatorConfig, resized

ENCODING = LayoutEncoding(num_classes=5)


def small_config(**changes: object) -> FeatureDiscriminatorConfig:
    values = {
        "backbone": "mobilenet_v1", "size": None, "mixed_channels": (4, 6, 8, 10), "width": 5,
    }  # fmt: skip
    return FeatureDiscriminatorConfig.model_validate(values | changes)


def make(folder: Path, channels: int = ENCODING.num_channels, **changes: object) -> FeatureDiscriminator:
    config = small_config(**changes)
    path = folder / "mobilenet.safetensors"
    if not path.exists():
        save_mobilenet(folder)
    return FeatureDiscriminator(config, channels, load_backbone("mobilenet_v1", path, config.strides))


def pictures(count: int = 2, size: tuple[int, int] = (64, 96)) -> Tensor:
    return torch.rand(count, 3, *size) * 2 - 1


def dense_reference(network: FeatureDiscriminator, one_hot: Tensor, images: Tensor) -> list[Tensor]:
    """The definition: mixed features, plain convolutions with normalised weights, and <embedding, features>."""
    state, features = network.state_dict(), network.backbone(images)
    mixed = [F.conv2d(x, state[f"mixing.of_channels{i}"]) for i, x in enumerate(features)]
    for i in (2, 1, 0):
        up = (
            mixed[i + 1].repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, : mixed[i].shape[2], : mixed[i].shape[3]]
        )
        mixed[i] = (mixed[i] + F.conv2d(up, state[f"mixing.of_scales{i}"], padding=1)) / 2**0.5
    outputs = []
    for i, head in enumerate(network.heads):
        x = mixed[i] * network.mixing.scale[i]
        for number, conv in enumerate(head.convs):
            last = number == len(head.convs) - 1
            x = F.conv2d(x, conv.normalized_weight(), conv.bias, stride=1 if last else 2, padding=1)
            x = F.leaky_relu(x, 0.2)
        logits = F.conv2d(x, head.to_logits.normalized_weight(), head.to_logits.bias)
        # Every pixel's embedding at full resolution, averaged over cells.
        embedded = torch.einsum("nchw,cd->ndhw", one_hot, head.embedding)
        cells = F.adaptive_avg_pool2d(embedded, x.shape[2:])
        outputs.append(logits + (cells * x).sum(1, keepdim=True) / x.shape[1] ** 0.5)
    return outputs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(64, 96), (64, 72)])
def test_projection_equals_the_dense_one_hot_formula(tmp_path: Path, kind: str, size: tuple[int, int]) -> None:
    layout = layout_batch(kind, size)
    network = make(tmp_path, layout.encoding.num_channels).double().eval()
    images = pictures(2 * len(layout), size).double()
    one_hot = layout.full.one_hot(torch.float64)
    expected = dense_reference(network, one_hot.repeat(2, 1, 1, 1), images)
    found = network(layout, images)
    assert [x.shape[2:] for x in found] == [
        (4, size[1] // 16),
        (4, size[1] // 16),
        (2, -(-size[1] // 16) // 2),
        (2, -(-size[1] // 32)),
    ]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)  # shares of classes are single precision
    for a, b in zip(network(one_hot, images), expected, strict=True):  # soft layouts as tensors
        torch.testing.assert_close(a, b)


def test_the_layout_never_becomes_one_hot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, layout = make(tmp_path), layout_batch("blocks", (64, 72))

    def fail(*_: object) -> Tensor:
        raise AssertionError("one-hot at full resolution")

    monkeypatch.setattr(type(layout.full), "one_hot", fail)
    network(layout, pictures(1, (64, 72)))


def test_the_projection_by_hand(tmp_path: Path) -> None:
    """Another layout changes logits by the difference of embeddings times features over the root of the width."""
    network = make(tmp_path).eval()
    image = pictures(1, (64, 64))
    a, b = (LayoutBatch.from_channels(torch.full((1, 64, 64), c), ENCODING) for c in (1, 3))
    half = LayoutBatch.from_channels(torch.tensor([1, 3]).repeat_interleave(32).expand(1, 64, 64), ENCODING)
    of_a, of_b, of_half = (network(layout, image) for layout in (a, b, half))
    for head, x, y, z in zip(network.heads, of_a, of_b, of_half, strict=True):
        assert head.embedding is not None
        columns = x.shape[3] // 2
        torch.testing.assert_close(z[..., :columns], x[..., :columns])
        torch.testing.assert_close(z[..., columns:], y[..., columns:])
        assert not torch.equal(x, y)
        with torch.no_grad():
            head.embedding[3] = head.embedding[1]
    for x, y in zip(network(a, image), network(b, image), strict=True):
        torch.testing.assert_close(x, y)


def test_without_projection_the_layout_does_not_count(tmp_path: Path) -> None:
    network = make(tmp_path, layout="none").eval()
    images = pictures(1, (64, 64))
    one, other = (network(layout_batch(kind, (64, 64)), images) for kind in ("blocks", "one class"))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not any("embedding" in name for name in network.state_dict())


def test_images_repeat_the_layouts(tmp_path: Path) -> None:
    network, layout = (
        make(tmp_path, layout_batch("batch", (64, 64)).encoding.num_channels).eval(),
        layout_batch("batch", (64, 64)),
    )
    images = pictures(6, (64, 64))
    together = network(layout, images)
    parts = [network(layout, part) for part in images.split(3)]
    for number, logits in enumerate(together):
        torch.testing.assert_close(logits, torch.cat([part[number] for part in parts]), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="4 images do not fit 3 layouts"):
        network(layout, images[:4])


def test_gradients_against_finite_differences(tmp_path: Path) -> None:
    network = make(tmp_path, size=48, strides=(4, 8), mixed_channels=(3, 4), halvings=(1, 0), width=2).double().eval()
    layout = layout_batch("blocks", (32, 32))
    image = (torch.rand(1, 3, 32, 32, dtype=torch.float64) - 0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tuple(network(layout, x)), (image,), fast_mode=True)
    parameters = tuple(network.parameters())

    def loss(*values: Tensor) -> Tensor:
        names = [name for name, _ in network.named_parameters()]
        outputs = torch.func.functional_call(network, dict(zip(names, values, strict=True)), (layout, image.detach()))
        return torch.cat([logits.flatten() for logits in outputs])

    assert torch.autograd.gradcheck(loss, parameters, fast_mode=True)


def test_only_heads_and_embeddings_are_trained(tmp_path: Path) -> None:
    network = make(tmp_path)
    assert {name.partition(".")[0] for name, _ in network.named_parameters()} == {"heads"}
    # 4x4 and 3x3 convolutions, the logits' 1x1 and five embeddings, all five wide.
    convs = [4 * 80 + 5 + 25 * 16 + 5 + 225 + 5, 6 * 80 + 5 + 225 + 5, 8 * 80 + 5 + 225 + 5, 10 * 45 + 5]
    assert sum(p.numel() for p in network.parameters()) == sum(convs) + 4 * (5 + 1 + 5 * 5)


def test_parameters_of_classes_are_named(tmp_path: Path) -> None:
    """Those that have another shape with more classes, by their axis."""
    five, seven = make(tmp_path), make(tmp_path, channels=7)
    shapes = {name: value.shape for name, value in seven.state_dict().items()}
    different = {name for name, value in five.state_dict().items() if value.shape != shapes[name]}
    assert set(five.class_axes()) == different
    assert all(shapes[name][axis] == 7 for name, axis in five.class_axes().items())


def test_the_mixing_survives_a_checkpoint(tmp_path: Path) -> None:
    one, other = make(tmp_path, mixing_seed=1), make(tmp_path, mixing_seed=2)
    layout, images = layout_batch("blocks", (64, 64)), pictures(1, (64, 64))
    before = [logits.detach() for logits in one.eval()(layout, images)]
    assert not torch.equal(before[0], other.eval()(layout, images)[0])
    torch.save(one.state_dict(), tmp_path / "state.pt")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for a, b in zip(before, other(layout, images), strict=True):
        assert torch.equal(a, b)
    assert not any(name.startswith("backbone.") for name in one.state_dict())


def test_a_seed_makes_the_same_mixing_wherever_it_is_made(tmp_path: Path) -> None:
    one = make(tmp_path, mixing_seed=3)
    torch.manual_seed(99)
    torch.randn(5)
    other = make(tmp_path, mixing_seed=3)
    fixed = [name for name in one.state_dict() if name.startswith("mixing.")]
    assert len(fixed) == 4 + 3 + 1
    for name in fixed:
        assert torch.equal(one.state_dict()[name], other.state_dict()[name])


def test_another_backbones_file_is_refused_on_resuming(tmp_path: Path) -> None:
    state = make(tmp_path).state_dict()
    torch.manual_seed(5)
    save_file(mobilenet_state(), tmp_path / "other.safetensors")
    other = FeatureDiscriminator(
        small_config(), 5, load_backbone("mobilenet_v1", tmp_path / "other.safetensors", (4, 8, 16, 32))
    )
    with pytest.raises(SemsynthError, match=r"other\.safetensors is not the network .*`feature_weights`") as caught:
        other.load_state_dict(state)
    assert "\n" not in str(caught.value)


def test_photos_and_pictures_are_resized_alike() -> None:
    images = pictures(1, (32, 48))
    assert resized(images, None) is images
    assert resized(images, 32) is images
    assert resized(images, 64).shape == (1, 3, 64, 96)
    assert resized(images.transpose(2, 3), 16).shape == (1, 3, 24, 16)
    flat = torch.full((1, 3, 8, 8), 0.25)
    torch.testing.assert_close(resized(flat, 20), torch.full((1, 3, 20, 20), 0.25))
    checks = torch.tensor([1.0, -1.0]).repeat(16, 8).repeat(1, 2)[None, None, :, :32]  # stripes of one pixel
    assert resized(checks, 8)[..., 1:-1].abs().max() < 0.2  # antialiased: grey, not stripes


def test_larger_pictures_are_seen(tmp_path: Path) -> None:
    logits = make(tmp_path, size=128)(layout_batch("blocks", (64, 64)), pictures(1, (64, 64)))
    assert [x.shape[2] for x in logits] == [8, 8, 4, 4]


def test_precision_under_autocast(tmp_path: Path) -> None:
    network, layout = make(tmp_path).eval(), layout_batch("blocks", (64, 64))
    images = pictures(1, (64, 64))
    plain = network(layout, images)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = network(layout, images)
    assert all(torch.equal(a, b) for a, b in zip(plain, mixed, strict=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strides": (4, 8, 32, 64)}, "strides must double"),
        ({"strides": (4, 8)}, "one entry per scale"),
        ({"mixed_channels": (0, 1, 1, 1)}, "greater than or equal to 1"),
        ({"size": 8}, "greater than or equal to 32"),
        ({"backbone": "stlpips_alex"}, "Input should be"),  # for scores only
    ],
)
def test_faulty_configurations(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        small_config(**changes)


@pytest.fixture(scope="module")
def photos(shared: Path) -> Tensor:
    """[9,3,256,256]: landscapes, facades and streets."""
    folders = [shared / "data" / name / "val" / "images" for name in ("ade_landscapes", "cmp_facades", "camvid")]
    images = [to_tensor(decode_image(path)) for folder in folders for path in sorted(folder.iterdir())[:3]]
    return torch.cat([F.interpolate(image[None], (256, 256), mode="bilinear", antialias=True) for image in images])


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mobilenet_v1", pytest.param("vgg16", marks=pytest.mark.slow)])
def test_features_of_photos_have_deviations_near_one(shared: Path, photos: Tensor, name: str) -> None:
    config = small_config(backbone=name, size=256, mixed_channels=(32, 64, 128, 256))
    backbone = load_backbone(config.backbone, shared / "weights" / REAL[name], config.strides)
    network = FeatureDiscriminator(config, 5, backbone)
    with torch.no_grad():
        deviations = [float(x.std()) for x in network.mixing(backbone(photos))]
    assert all(0.5 < deviation < 2 for deviation in deviations), deviations


@pytest.mark.slow
def test_it_learns_to_tell_photos_from_blurred_ones(shared: Path, photos: Tensor) -> None:
    config = small_config(size=None, mixed_channels=(32, 64, 128, 256), width=16)
    path = shared / "weights" / REAL["mobilenet_v1"]
    network = FeatureDiscriminator(config, 5, load_backbone("mobilenet_v1", path, config.strides))
    blurred = F.avg_pool2d(F.pad(photos, (2,) * 4, mode="replicate"), 5, stride=1)
    layout = LayoutBatch.from_channels(torch.zeros(9, 256, 256, dtype=torch.int64), ENCODING)
    optimizer = torch.optim.Adam(network.parameters(), 4e-4, (0.0, 0.99))
    for _ in range(15):
        real, fake = (network(layout, images) for images in (photos, blurred))
        loss = sum(F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(real, fake, strict=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    real, fake = (network(layout, images) for images in (photos, blurred))
    assert all(r.mean() > f.mean() + 0.5 for r, f in zip(real, fake, strict=True))
