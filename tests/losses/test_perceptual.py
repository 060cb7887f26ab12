from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.images import decode_image, to_tensor
from semsynth.losses.perceptual import PerceptualDistance, PerceptualLoss, load_perceptual_loss
from semsynth.models.backbones.stlpips import load_stlpips
from semsynth.models.input_convention import OFFICIAL_SPADE, TORCHVISION, InputConvention
from semsynth.models.vgg import VGG19, load_vgg19

CAFFE = InputConvention(low=0, high=255, mean=(123.68, 116.779, 103.939), std=(1, 1, 1))
THIN = [4, 4, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10, 12]


def photos(count: int = 2, size: int = 48) -> tuple[Tensor, Tensor]:
    both = torch.rand(2, count, 3, size, size) * 2 - 1
    return both[0], both[1]


def test_by_hand() -> None:
    # One convolution that passes red through: features are max(0, red) in the network's own numbers.
    vgg = VGG19([1], OFFICIAL_SPADE)
    vgg.features[0].weight.zero_()
    vgg.features[0].weight[0, 0, 1, 1] = 1
    vgg.features[0].bias.zero_()
    fake, real = torch.zeros(2, 3, 2, 2), torch.zeros(2, 3, 2, 2)
    fake[:, 0] = torch.tensor([[0.5, -1.0], [0.25, 0.0]])
    real[:, 0] = torch.tensor([[-0.5, 1.0], [0.0, 0.0]])
    expected = (0.5 + 1.0 + 0.25 + 0.0) / 4 / 32  # mean absolute difference, times the weight of relu1_1
    assert PerceptualLoss(vgg)(fake, real).item() * vgg.convention.gain == pytest.approx(expected)


def test_all_taps_and_their_weights() -> None:
    loss = PerceptualLoss(VGG19(THIN))
    assert loss.weights == {
        "relu1_1": 0.03125, "relu2_1": 0.0625, "relu3_1": 0.125, "relu4_1": 0.25, "relu5_1": 1.0,
    }  # fmt: skip
    assert loss.missing == ()
    fake, real = photos()
    single = [PerceptualLoss(loss.vgg, {name: weight})(fake, real) for name, weight in loss.weights.items()]
    torch.testing.assert_close(loss(fake, real), torch.stack(single).sum())


def test_a_short_network_says_what_is_missing() -> None:
    loss = PerceptualLoss(VGG19(THIN[:8]))
    assert list(loss.weights) == ["relu1_1", "relu2_1", "relu3_1"]
    assert loss.missing == ("relu4_1", "relu5_1")
    with pytest.raises(SemsynthError, match="end before relu4_1"):
        PerceptualLoss(VGG19(THIN[:8]), {"relu4_1": 1.0})


def test_moves_the_fake_only_and_never_the_network() -> None:
    loss = PerceptualLoss(VGG19(THIN))
    fake, real = (image.requires_grad_() for image in photos())
    loss(fake, real).backward()
    assert fake.grad is not None
    assert fake.grad.abs().sum() > 0
    assert real.grad is None
    assert not any(parameter.requires_grad for parameter in loss.parameters())


def test_the_scale_of_the_input_does_not_set_the_scale_of_the_loss() -> None:
    # The same network, once for 0..255 and once for numbers and biases 255 * 0.226 times smaller.
    large = VGG19(THIN, CAFFE)
    small = VGG19(THIN, CAFFE.model_copy(update={"std": (CAFFE.gain,) * 3}))
    assert small.convention.gain == pytest.approx(1)
    state = large.state_dict()
    small.load_state_dict({n: v / CAFFE.gain if n.endswith("bias") else v for n, v in state.items()})
    fake, real = photos()
    torch.testing.assert_close(PerceptualLoss(large)(fake, real), PerceptualLoss(small)(fake, real))


def test_the_official_way_feeds_the_image_as_it_is() -> None:
    loss = PerceptualLoss(VGG19(THIN, TORCHVISION), convention=OFFICIAL_SPADE)
    seen: list[Tensor] = []
    loss.vgg.features[0].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    fake, real = photos()
    loss(fake, real)
    torch.testing.assert_close(torch.stack(seen), torch.stack([real, fake]))


def test_double_precision_and_bfloat16() -> None:
    loss = PerceptualLoss(VGG19(THIN))
    fake, real = photos()
    exact = PerceptualLoss(loss.vgg.double())(fake.double(), real.double())
    assert exact.dtype == torch.float64
    loss.vgg.float()
    torch.testing.assert_close(loss(fake, real).double(), exact, rtol=1e-5, atol=0)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loss(fake, real)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded.double(), exact, rtol=0.02, atol=0)


@pytest.fixture(scope="module")
def real_vgg(shared: Path) -> VGG19:
    return load_vgg19(shared / "weights" / "vgg19_conv1_1-conv3_4.safetensors")


@pytest.fixture(scope="module")
def real_photos(shared: Path) -> Tensor:
    """[6,3,160,160]: the middles of street views and facades."""
    paths = [
        path
        for folder in ("camvid", "labelmefacade", "cmp_facades")
        for path in sorted((shared / "data" / folder / "val" / "images").iterdir())[:2]
    ]
    images = [to_tensor(decode_image(path)) for path in paths]
    return torch.stack([image[:, -200:-40, 60:220] for image in images])


def test_magnitude_on_photos(real_vgg: VGG19, real_photos: Tensor) -> None:
    loss = PerceptualLoss(real_vgg)
    assert loss.missing == ("relu4_1", "relu5_1")
    a, b = real_photos[:3], real_photos[[3, 4, 5]]
    # The network's own activations: from pixels of 0..255 come some tens after one layer, some hundred after three.
    with torch.no_grad():
        features = real_vgg(real_vgg.convention.convert(real_photos), ["relu1_1", "relu2_1", "relu3_1"])
    means = [float(feature.mean()) for feature in features.values()]
    assert 10 < means[0] < 60
    assert 50 < means[1] < 250
    assert 50 < means[2] < 250
    # Divided by the gain they are of the order of 1, and the loss of unrelated photos of that of its weights (0.22).
    right = float(loss(a, b))
    assert 0.1 < right < 1.0
    # Fed on torchvision's scale, the same weights see almost nothing.
    wrong = float(PerceptualLoss(real_vgg, convention=TORCHVISION)(a, b))
    assert 30 < right / wrong < 90
    assert float(loss(a, a)) == 0


def test_nearer_photos_have_a_smaller_loss(real_vgg: VGG19, real_photos: Tensor) -> None:
    loss = PerceptualLoss(real_vgg)
    noise = torch.randn_like(real_photos)
    values = [float(loss((real_photos + sigma * noise).clamp(-1, 1), real_photos)) for sigma in (0.02, 0.1, 0.5)]
    assert 0 < values[0] < values[1] < values[2]


def test_vgg16_has_the_papers_five_taps(shared: Path, real_photos: Tensor) -> None:
    path = shared / "weights" / "vgg16_conv1_1-conv5_3.fp16.safetensors"
    loss = load_perceptual_loss(10, path, network="vgg16")
    assert isinstance(loss, PerceptualLoss)
    assert loss.missing == ()
    a, b = real_photos[:2, :, :64, :64], real_photos[2:4, :, :64, :64]
    # The definition, from the file: five taps, weights 1/32 .. 1, divided by the scale of 0..255.
    state = {name: value.float() for name, value in load_file(path).items()}
    x = (torch.cat([a, b]) + 1) * 127.5 - torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    expected, factor = 0.0, 1 / 32
    for block in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)):
        for index in block:
            x = F.conv2d(x, state[f"features.{index}.weight"], state[f"features.{index}.bias"], padding=1).relu()
            if index == block[0]:
                expected += factor * float((x[:2] - x[2:]).abs().mean())
        x, factor = F.max_pool2d(x, 2), (2 * factor if factor < 0.25 else 4 * factor)
    assert float(loss(a, b)) == pytest.approx(expected / CAFFE.gain, rel=1e-4)
    assert float(loss(a, a)) == 0


def test_the_distance_of_shift_tolerant_lpips(shared: Path, real_photos: Tensor) -> None:
    path = shared / "weights" / "stlpips_alex.fp16.safetensors"
    loss = load_perceptual_loss(1, path, network="stlpips_alex")
    assert isinstance(loss, PerceptualDistance)
    fake, real = (photo.clone().requires_grad_() for photo in (real_photos[:2], real_photos[2:4]))
    found = loss(fake, real)
    torch.testing.assert_close(found, load_stlpips(path)(fake, real).mean())
    found.backward()
    assert fake.grad is not None
    assert fake.grad.abs().sum() > 0
    assert real.grad is None


def test_no_weight_loads_nothing_and_no_file_is_named() -> None:
    assert load_perceptual_loss(0, Path("absent"), network="stlpips_alex") is None
    with pytest.raises(SemsynthError, match="`perceptual_weights`"):
        load_perceptual_loss(1, None, network="stlpips_alex")
