from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from semsynth.ops import layer_norm
from semsynth.ops.layer_norm import EPSILON, LayerNormLeakyReLU

SLOPE = 0.2


def norm(channels: int, dtype: torch.dtype = torch.float64) -> LayerNormLeakyReLU:
    module = LayerNormLeakyReLU(channels, SLOPE).to(dtype)
    torch.nn.init.uniform_(module.weight, -1, 2)
    torch.nn.init.normal_(module.bias)
    return module


def expected(module: LayerNormLeakyReLU, x: Tensor) -> Tensor:
    return F.leaky_relu(F.group_norm(x, 1, module.weight, module.bias, EPSILON), SLOPE)


def test_by_hand() -> None:
    module = LayerNormLeakyReLU(2, SLOPE).double()
    x = torch.tensor([1.0, 3.0, 5.0, 7.0]).double().view(1, 2, 1, 2)  # mean 4, biased variance 5
    normalized = torch.tensor([-3.0, -1.0, 1.0, 3.0]).double().view(1, 2, 1, 2) / 5**0.5
    made = module(x)
    torch.testing.assert_close(made[:, 1], normalized[:, 1])
    torch.testing.assert_close(made[:, 0], SLOPE * normalized[:, 0])
    with torch.no_grad():
        module.weight.copy_(torch.tensor([2.0, 0.0]))
        module.bias.copy_(torch.tensor([10.0, -1.0]))
    made = module(x)
    torch.testing.assert_close(made[:, 0], 2 * normalized[:, 0] + 10)
    torch.testing.assert_close(made[:, 1], torch.full_like(made[:, 1], -SLOPE))


@pytest.mark.parametrize("cached", [4, 10**6], ids=["many parts", "one part"])
def test_values_and_gradients_in_parts(cached: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_norm, "CACHED_ELEMENTS", cached)
    module, x = norm(3), (2 * torch.randn(2, 3, 2, 3, dtype=torch.float64) + 1).requires_grad_()
    torch.testing.assert_close(module(x), expected(module, x))
    assert torch.autograd.gradcheck(
        lambda x, weight, bias: functional_call(module, {"weight": weight, "bias": bias}, (x,)),
        (x, module.weight, module.bias),
    )


def test_inference_overwrites_its_input() -> None:
    module, x = norm(3), torch.randn(2, 3, 4, 5, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    wanted = expected(module, x).detach()
    with torch.no_grad():
        made = module(x)
    torch.testing.assert_close(made, wanted)
    assert made.data_ptr() == x.data_ptr()


def test_large_images_are_exact() -> None:
    # torch's own group norm is off by more than 1e-4 here (2.13, channels-last, one thread).
    x = (3 * torch.randn(1, 8, 512, 512) + 50).contiguous(memory_format=torch.channels_last)
    module = LayerNormLeakyReLU(8, SLOPE)
    made = module(x.clone().requires_grad_()).detach().double()
    difference = made - expected(module.double(), x.double()).detach()
    assert float(difference.abs().max()) < 2e-5


def test_half_precision_has_single_precision_statistics() -> None:
    module, x = norm(4, torch.float32), (torch.randn(2, 4, 64, 64) + 20).bfloat16()
    made = module(x.requires_grad_())
    assert made.dtype == torch.bfloat16
    torch.testing.assert_close(made.float(), expected(module, x.float()), rtol=0.01, atol=0.01)
    made.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16
    assert module.weight.grad is not None
    assert module.weight.grad.dtype == torch.float32
