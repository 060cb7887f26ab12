"""Dilated convolutions keep the size, and do not crash where oneDNN's do."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from semsynth.ops.dilated_conv import dilated_conv2d

STEP = """
import torch
from torch import nn
from semsynth.ops.dilated_conv import dilated_conv2d
conv = nn.Conv2d(24, 24, 3, padding=8, dilation=8).to(memory_format=torch.channels_last)
x = torch.randn(1, 24, 64, 64).to(memory_format=torch.channels_last)
for _ in range(6):
    with torch.autocast("cpu", torch.bfloat16):
        y = dilated_conv2d(conv, x)
    y.float().square().mean().backward()
"""


@pytest.mark.parametrize(("channels", "out", "dilation"), [(5, 7, 1), (16, 32, 4), (24, 24, 16)])
def test_is_the_convolution_that_keeps_the_size(channels, out, dilation):
    conv = nn.Conv2d(channels, out, 3, dilation=dilation).double().to(memory_format=torch.channels_last)
    x = torch.randn(2, channels, 12, 17, dtype=torch.float64, requires_grad=True)
    ours = dilated_conv2d(conv, x.to(memory_format=torch.channels_last))
    expected = F.conv2d(x, conv.weight, conv.bias, padding=dilation, dilation=dilation)
    torch.testing.assert_close(ours, expected)
    upstream = torch.randn_like(expected)
    gradients = [torch.autograd.grad(one, (x, conv.weight), upstream, retain_graph=True) for one in (ours, expected)]
    torch.testing.assert_close(*gradients)


def test_gradients_in_bfloat16_of_any_number_of_channels_do_not_crash():
    """In a process of its own, which would end with SIGSEGV."""
    assert subprocess.run([sys.executable, "-c", STEP], check=False).returncode == 0
