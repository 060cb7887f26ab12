from __future__ import annotations

from pathlib import Path

import pytest
import torch
from backbone_weights import REAL
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from semsynth.images import decode_image, to_tensor
from semsynth.models.backbones.stlpips import STLPIPS, load_stlpips


@pytest.fixture(scope="module")
def distance(shared: Path) -> STLPIPS:
    return load_stlpips(shared / "weights" / REAL["stlpips_alex"])


@pytest.fixture(scope="module")
def photos(shared: Path) -> Tensor:
    folder = shared / "data" / "ade_landscapes" / "val" / "images"
    return torch.stack([to_tensor(decode_image(path))[:, :192, :192] for path in sorted(folder.iterdir())[:3]])


def test_equals_its_layers_and_its_formula(distance: STLPIPS, photos: Tensor, shared: Path) -> None:
    state = {name: value.float() for name, value in load_file(shared / "weights" / REAL["stlpips_alex"]).items()}

    def conv(x: Tensor, name: str, padding: int) -> Tensor:
        return F.conv2d(x, state[f"net.{name}.weight"], state[f"net.{name}.bias"], padding=padding)

    def blur(x: Tensor) -> Tensor:
        kernel = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
        each = F.conv2d(F.pad(x, (2,) * 4, "reflect").flatten(0, 1)[:, None], kernel[None, None], stride=2)
        return each.view(*x.shape[:2], *each.shape[2:])

    def features(x: Tensor) -> list[Tensor]:
        x = (x - torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1)) / torch.tensor([0.458, 0.448, 0.450]).view(
            3, 1, 1
        )
        found = [blur(conv(x, "slice1.0", 2)).relu()]
        found.append(conv(blur(F.max_pool2d(found[0], 3, 1)), "slice2.5", 2).relu())
        found.append(conv(blur(F.max_pool2d(found[1], 3, 1)), "slice3.9", 1).relu())
        found.append(conv(found[2], "slice4.11", 1).relu())
        return [*found, conv(found[3], "slice5.13", 1).relu()]

    a, b = photos[:2], photos[1:]
    expected = torch.zeros(2)
    for number, (x, y) in enumerate(zip(features(a), features(b), strict=True)):
        difference = F.normalize(x, dim=1, eps=1e-10) - F.normalize(y, dim=1, eps=1e-10)
        expected += F.conv2d(difference.square(), state[f"lin{number}.model.1.weight"]).mean((1, 2, 3))
    torch.testing.assert_close(distance(a, b), expected, rtol=2e-3, atol=0)  # the file's constants are halves


def test_hardly_minds_shifts_and_minds_noise(distance: STLPIPS, photos: Tensor) -> None:
    assert distance(photos, photos).tolist() == [0, 0, 0]
    shifted = distance(photos[..., :-1], photos[..., 1:])
    noisy = distance(photos, (photos + torch.randn_like(photos) * 40 / 127.5).clamp(-1, 1))
    others = distance(photos, photos.roll(1, 0))
    assert shifted.max() < 0.02
    assert noisy.min() > 0.3
    assert others.min() > 0.4
    torch.testing.assert_close(distance(photos.roll(1, 0), photos), others)


def test_gradients_against_finite_differences(distance: STLPIPS, photos: Tensor) -> None:
    a, b = photos[:1, :, :48, :48].double(), photos[1:2, :, :48, :48].double()
    double = distance.double()
    direction, step = torch.randn_like(a), 1e-6
    moved = a.clone().requires_grad_()
    double(moved, b).sum().backward()
    assert moved.grad is not None
    slope = (double(a + step * direction, b) - double(a - step * direction, b)) / (2 * step)
    torch.testing.assert_close((moved.grad * direction).sum(), slope[0], rtol=1e-4, atol=1e-8)
    distance.float()
