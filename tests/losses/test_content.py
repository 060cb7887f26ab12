from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.images import decode_image, to_tensor
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.losses.content import MATCONVNET, ContentLoss, existing_levels
from semsynth.losses.level_weights import (
    INPUT,
    OFFICIAL_256P,
    OFFICIAL_512P,
    TAPS,
    BalancedWeights,
    LevelWeights,
)
from semsynth.models.input_convention import TORCHVISION, InputConvention
from semsynth.models.vgg import VGG19, load_vgg19

THIN = [4, 4, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10, 12, 12]
ENCODING = LayoutEncoding(num_classes=3)


def layouts(labels: Tensor | None = None) -> LayoutBatch:
    return LayoutBatch.from_channels(torch.randint(0, 3, (2, 32, 32)) if labels is None else labels, ENCODING)


def pictures(count: int, size: int = 32) -> Tensor:
    return torch.rand(count, 3, size, size, dtype=torch.float64) * 2 - 1


def thin_vgg(convention: InputConvention = MATCONVNET) -> VGG19:
    return VGG19(THIN, convention, "average").double()


def pixels_only(**settings: object) -> ContentLoss:
    return ContentLoss(None, LevelWeights({INPUT: 1.0}), **settings)  # type: ignore[arg-type]


def test_pixels_by_hand() -> None:
    """Equation 4 on the scale from 0 to 255."""
    real = torch.zeros(1, 3, 2, 2)
    fake = torch.zeros(1, 3, 2, 2)
    fake[0, 1, 0, 1], fake[0, 2, 1, 1] = 1.0, -3.0
    found = pixels_only()(fake, real, layouts(torch.zeros(1, 2, 2, dtype=torch.int64)))
    assert found.loss.item() == pytest.approx(127.5 * (1 + 3) / 12)
    assert found.contributions.tolist() == pytest.approx([127.5 * (1 + 3) / 12])


def test_collections_by_hand() -> None:
    """Four pixels of two classes; picture 0 is off by 2 at class 0 only, picture 1 by 1 everywhere."""
    real = torch.zeros(1, 3, 2, 2)
    fake = torch.stack([torch.tensor([[2.0, 2.0], [0.0, 0.0]]).expand(3, 2, 2), torch.ones(3, 2, 2)])
    layout = layouts(torch.tensor([[[0, 0], [1, 1]]]))
    scale = 127.5
    costs = pixels_only().costs(fake, real, layout)[0, 0]  # [k,P]
    torch.testing.assert_close(costs, scale * torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0]]))
    assert pixels_only()(fake, real, layout).loss.item() == pytest.approx(scale * (0.5 + 0.0))  # equation 3
    assert pixels_only(diversity="hindsight")(fake, real, layout).loss.item() == pytest.approx(
        scale * 1.0
    )  # equation 2
    mixed = pixels_only(mean_share=0.001)(fake, real, layout)
    assert mixed.loss.item() == pytest.approx(scale * (0.999 * 0.5 + 0.001 * (0.75 + 0.25)))
    assert mixed.contributions.tolist() == pytest.approx([scale * 0.5])


def test_weights_choose_the_best_picture() -> None:
    """The minimum is over the weighted sum of the levels, not level by level."""
    vgg, layout = thin_vgg(), layouts()
    real, fake = pictures(2), pictures(6)
    weights = dict(zip((INPUT, *TAPS), (1.0, 0.3, 2.0, 0.1, 5.0, 0.7), strict=True))
    loss = ContentLoss(vgg, LevelWeights(weights), "hindsight")
    costs = loss.costs(fake, real, layout)  # [L,N,k,1]
    expected = (torch.tensor(list(weights.values())).view(-1, 1, 1, 1) * costs).sum(0)
    found = loss(fake, real, layout)
    torch.testing.assert_close(found.loss, expected.min(1).values.mean())
    torch.testing.assert_close(
        (found.contributions * torch.tensor(list(weights.values()))).sum(), expected.min(1).values.mean()
    )


def test_one_picture_is_equation_1_whatever_the_diversity() -> None:
    vgg, layout, real, fake = thin_vgg(), layouts(), pictures(2), pictures(2)
    losses = [
        ContentLoss(vgg, LevelWeights(OFFICIAL_256P), kind)(fake, real, layout) for kind in ("class_wise", "hindsight")
    ]  # type: ignore[arg-type]
    torch.testing.assert_close(losses[0].loss, losses[1].loss)
    x, y = (vgg(MATCONVNET.convert(image), TAPS) for image in (fake, real))
    expected = 127.5 * (fake - real).abs().mean()
    expected = expected + sum(OFFICIAL_256P[tap] * (x[tap] - y[tap]).abs().mean() for tap in TAPS)
    torch.testing.assert_close(losses[0].loss, expected, rtol=1e-6, atol=0)


@hypothesis.given(st.integers(1, 4), st.integers(0, 10**6))
def test_orders_of_the_ways_to_choose(count: int, seed: int) -> None:
    """Class by class is never worse than the best picture, and that never than the mean; equal pictures: equal."""
    torch.manual_seed(seed)
    layout, real = layouts(), pictures(2)
    fake = pictures(2 * count)
    class_wise, hindsight, mean = (
        float(pixels_only(diversity=kind, mean_share=share)(fake, real, layout).loss)
        for kind, share in (("class_wise", 0), ("hindsight", 0), ("hindsight", 1))
    )
    assert class_wise <= hindsight + 1e-9
    assert hindsight <= mean + 1e-9
    same = real.repeat_interleave(count, 0) + 0.1
    assert float(pixels_only()(same, real, layout).loss) == pytest.approx(12.75)


def test_gradients() -> None:
    vgg, layout, real = thin_vgg(), layouts(), pictures(2)
    loss = ContentLoss(vgg, LevelWeights(OFFICIAL_512P), mean_share=0.01)
    fake = pictures(4).requires_grad_()
    loss(fake, real.requires_grad_(), layout).loss.backward()
    assert real.grad is None
    assert fake.grad is not None
    direction = torch.randn_like(fake)
    step = 1e-6
    values = [float(loss(fake.detach() + sign * step * direction, real, layout).loss) for sign in (1, -1)]
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(float((fake.grad * direction).sum()), rel=1e-4)


def test_another_convention_makes_the_same_loss() -> None:
    """The same network, for 0..255 and for numbers (and biases) 57 times smaller."""
    large, small = thin_vgg(), thin_vgg(MATCONVNET.model_copy(update={"std": (MATCONVNET.gain,) * 3}))
    state = large.state_dict()
    small.load_state_dict({n: v / MATCONVNET.gain if n.endswith("bias") else v for n, v in state.items()})
    layout, real, fake = layouts(), pictures(2), pictures(2)
    first, second = (ContentLoss(vgg, LevelWeights(OFFICIAL_256P))(fake, real, layout) for vgg in (large, small))
    torch.testing.assert_close(first.contributions, second.contributions)


def test_sizes_that_do_not_halve_evenly() -> None:
    labels = torch.randint(0, 3, (1, 36, 44))
    loss = ContentLoss(thin_vgg(), LevelWeights(OFFICIAL_256P))
    real = torch.rand(1, 3, 36, 44, dtype=torch.float64)
    costs = loss.costs(torch.rand(2, 3, 36, 44, dtype=torch.float64), real, layouts(labels))
    assert costs.shape == (6, 1, 2, 3)
    assert costs.isfinite().all()


def test_half_precision_activations() -> None:
    loss = ContentLoss(thin_vgg().float(), LevelWeights(OFFICIAL_256P), mean_share=0.001)
    layout, real, fake = layouts(), pictures(2).float(), pictures(4).float()
    exact = loss(fake, real, layout)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loss(fake, real, layout)
    assert rounded.loss.dtype == torch.float32
    torch.testing.assert_close(rounded.loss, exact.loss, rtol=0.02, atol=0)


def test_prefixes_of_vgg() -> None:
    short = VGG19(THIN[:8], TORCHVISION, "average")
    assert existing_levels(short) == (INPUT, "relu1_2", "relu2_2", "relu3_2")
    loss = ContentLoss(short, LevelWeights(dict.fromkeys(existing_levels(short), 1.0)))
    assert loss.missing == ("relu4_2", "relu5_2")
    assert ContentLoss(thin_vgg(), LevelWeights(OFFICIAL_256P)).missing == ()
    with pytest.raises(SemsynthError, match="end before relu1_2: give a file with more layers"):
        existing_levels(VGG19(THIN[:1]))


def test_official_constants() -> None:
    assert OFFICIAL_256P == {
        "input": 1.0, "relu1_2": 1 / 1.6, "relu2_2": 1 / 2.3, "relu3_2": 1 / 1.8, "relu4_2": 1 / 2.8, "relu5_2": 12.5,
    }  # fmt: skip
    assert OFFICIAL_512P["relu5_2"] == pytest.approx(10 / 1.5)


def test_the_official_constants_fit_photographs(shared: Path) -> None:
    """Divided by the code's numbers, levels of unrelated photographs contribute as much as their pixels, within 3."""
    vgg = load_vgg19(shared / "weights" / "vgg19_conv1_1-conv3_4.safetensors", pooling="average")
    paths = sorted((shared / "data" / "camvid" / "val" / "images").iterdir())[:2]
    a, b = (to_tensor(decode_image(path))[None, :, 20:180, 20:180] for path in paths)
    levels = existing_levels(vgg)
    loss = ContentLoss(vgg, LevelWeights({level: OFFICIAL_512P[level] for level in levels}))
    layout = layouts(torch.zeros(1, 160, 160, dtype=torch.int64))
    shares = loss(a, b, layout).contributions * loss.weights.values
    assert 1 / 3 < float(shares.min() / shares[0]) <= float(shares.max() / shares[0]) < 3


# Balanced weights --------------------------------------------------------------------------------------------------


def test_balanced_by_hand() -> None:
    weights = BalancedWeights((INPUT, *TAPS[:2]), rescale_after_epochs=2, factors={TAPS[1]: 10.0})
    weights.begin_epoch(0)
    weights.measure(torch.tensor([100.0, 100.0, 100.0]), 1)  # of the first epoch: forgotten
    weights.begin_epoch(1)
    assert weights.values.tolist() == [1, 1, 1]
    weights.measure(torch.tensor([4.0, 1.0, 8.0]), 3)
    weights.measure(torch.tensor([8.0, 5.0, 0.0]), 1)
    weights.begin_epoch(1)
    assert weights.values.tolist() == [1, 1, 1]
    weights.begin_epoch(2)  # means: 5, 2, 6
    torch.testing.assert_close(weights.values, torch.tensor([1.0, 2.5, 10 * 5 / 6]))
    weights.measure(torch.tensor([1.0, 100.0, 100.0]), 1)
    weights.begin_epoch(3)
    torch.testing.assert_close(weights.values, torch.tensor([1.0, 2.5, 10 * 5 / 6]))


@pytest.mark.parametrize("epochs", [(1, 2, 5), (5,)], ids=["in order", "at once"])
def test_balanced_once_even_where_epochs_are_skipped(epochs: tuple[int, ...]) -> None:
    weights = BalancedWeights((INPUT, TAPS[0]), rescale_after_epochs=2)
    for epoch in epochs:
        weights.measure(torch.tensor([1.0, 4.0]), 1)
        weights.begin_epoch(epoch)
    assert weights.values.tolist() == [1, 0.25]


def test_levels_contribute_equally_afterwards() -> None:
    vgg, layout, real = thin_vgg(), layouts(), pictures(2)
    weights = BalancedWeights(existing_levels(vgg), rescale_after_epochs=1).double()
    loss = ContentLoss(vgg, weights)
    fakes = [pictures(4) for _ in range(3)]
    for fake in fakes:
        weights.measure(loss(fake, real, layout).contributions, 2)
    means = torch.stack([loss(fake, real, layout).contributions for fake in fakes]).mean(0)
    weights.begin_epoch(1)
    torch.testing.assert_close(means * weights.values, means[:1].expand(6))


def test_state_carries_what_was_measured() -> None:
    first = BalancedWeights((INPUT, TAPS[0]), rescale_after_epochs=1)
    first.measure(torch.tensor([0.1, 0.3]), 3)
    second = BalancedWeights((INPUT, TAPS[0]), rescale_after_epochs=1)
    second.load_state_dict(first.state_dict())
    for weights in (first, second):
        weights.measure(torch.tensor([0.7, 0.2]), 1)
        weights.begin_epoch(1)
    assert torch.equal(first.values, second.values)


def test_fixed_weights_stay() -> None:
    weights = LevelWeights({INPUT: 1.0, TAPS[0]: 0.5})
    weights.measure(torch.tensor([3.0, 1.0]), 1)
    weights.begin_epoch(100)
    assert weights.values.tolist() == [1.0, 0.5]
