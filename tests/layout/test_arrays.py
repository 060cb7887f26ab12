"""Pixels and vectors in the forms in which programs hold them: taken, or refused with what is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.data.sample import Batch, Sample
from semsynth.errors import SemsynthError
from semsynth.layout import ConditionPicture, Layout, LayoutEncoding

CLASSES = ClassSet(name="c", classes=tuple(ClassInfo(id=i, name=f"c{i}", color=(i, 0, 9)) for i in range(4)))
IDS = [[0, 1, 2], [3, 1, 0]]


def read_only(values: NDArray[Any]) -> NDArray[Any]:
    values.setflags(write=False)
    return values


INTEGERS: dict[str, Any] = {
    "lists": IDS,
    "tuples": tuple(map(tuple, IDS)),
    "rows": [np.array(row) for row in IDS],
    "uint8": np.array(IDS, np.uint8),
    "uint16": np.array(IDS, np.uint16),
    "int64": np.array(IDS),
    "big-endian": np.array(IDS, ">i4"),
    "read-only": read_only(np.array(IDS, np.uint16)),
    "strided": np.array(IDS, np.uint8).repeat(2, 1)[:, ::2],
    "flipped": np.array(IDS, np.uint8)[:, ::-1][:, ::-1],
    "fortran": np.asfortranarray(np.array(IDS)),
    "tensor": torch.tensor(IDS),
    "tensor of uint8": torch.tensor(IDS, dtype=torch.uint8),
    "tensor of int32": torch.tensor(IDS, dtype=torch.int32),
    "picture": Image.fromarray(np.array(IDS, np.uint8)),
}


@pytest.mark.parametrize("form", INTEGERS)
def test_integers_are_ids(form: str) -> None:
    assert Layout.of_pixels(INTEGERS[form], CLASSES).labels.tolist() == IDS


@pytest.mark.parametrize("form", [form for form in INTEGERS if form != "picture"])
def test_layouts_are_made_of_any_integers(form: str) -> None:
    layout = Layout(INTEGERS[form], CLASSES, INTEGERS[form])
    assert layout.labels.dtype == np.uint16
    assert layout.labels.tolist() == IDS
    assert layout.instances is not None
    assert layout.instances.dtype == np.int32
    assert layout.instances.tolist() == IDS


def test_void_is_255_in_8_bits_only() -> None:
    assert Layout.of_pixels(torch.tensor([[255]], dtype=torch.uint8), CLASSES).labels.tolist() == [[VOID]]
    assert Layout.of_pixels([[VOID]], CLASSES).labels.tolist() == [[VOID]]
    with pytest.raises(SemsynthError, match=r"255 \(1 pixels\).*--void 255"):
        Layout.of_pixels(torch.tensor([[255]]), CLASSES)


def test_truth_values_are_0_and_1() -> None:
    assert Layout.of_pixels(np.array([[True, False]]), CLASSES).labels.tolist() == [[1, 0]]
    assert Layout.of_pixels(torch.tensor([[True, False]]), CLASSES).labels.tolist() == [[1, 0]]


@pytest.mark.parametrize("make", [np.asarray, torch.tensor, lambda x: read_only(np.array(x))])
def test_colours(make: Callable[[Any], Any]) -> None:
    colors = make(CLASSES.palette[np.array(IDS)])
    assert Layout.of_pixels(colors, CLASSES).labels.tolist() == IDS


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (torch.zeros(2, 3), r"a tensor of float32 \[2, 3\]|float32 \[2, 3\]"),
        (np.zeros((2, 3)), r"float64 \[2, 3\]"),
        (torch.zeros(2, 3, dtype=torch.bfloat16), r"a tensor of bfloat16 \[2, 3\]"),
        (torch.zeros(1, 4, 2, 3, dtype=torch.int64), r"a tensor of int64 \[1, 4, 2, 3\]"),
        (torch.zeros(4, 2, 5, dtype=torch.uint8), r"a tensor of uint8 \[4, 2, 5\]"),
        (np.zeros((2, 3, 4), np.uint8), r"uint8 \[2, 3, 4\]"),
        (np.zeros(3, np.uint8), r"uint8 \[3\]"),
        ([[0, 1], [2]], "a list"),
        ([["a"]], "a list"),
        ([[None]], "a list"),
        (None, "a NoneType"),
        ({"labels": 1}, "a dict"),
        ([[-1]], r"int64 \[1, 1\] of -1 to -1"),
        ([[2**70]], "a list"),
        (torch.tensor([[65536]]), r"int64 \[1, 1\] of 65536 to 65536"),
        (np.array([["0"]]), r"<U1 \[1, 1\]"),
    ],
)
def test_what_is_no_label_map_is_refused(pixels: Any, found: str) -> None:
    with pytest.raises(SemsynthError, match=f"({found})") as caught:
        Layout.of_pixels(pixels, CLASSES)
    assert "a label map is a picture, [H,W] integers from 0 to 65535 or [H,W,3] uint8 colours" in str(caught.value)


@pytest.mark.parametrize("labels", [np.zeros((2, 2)), [[0.5]], [[-1]], [[70_000]], None, "labels.png", [[0], [1, 2]]])
def test_labels_that_are_no_integers_are_refused(labels: Any) -> None:
    with pytest.raises(
        SemsynthError, match=r"labels are \[H,W\] integers from 0 to 65535, as an array, a tensor or lists"
    ):
        Layout(labels, CLASSES)


def test_instances_that_are_no_integers_are_refused() -> None:
    with pytest.raises(SemsynthError, match=r"instances are \[H,W\] integers .*: got float64 \[2, 3\]"):
        Layout(np.array(IDS, np.uint16), CLASSES, np.zeros((2, 3)))  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [np.asarray, torch.tensor, lambda x: read_only(np.array(x)), lambda x: x.tolist()])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_pictures(make: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = np.asarray(Image.fromarray(pixels).convert("RGB"))
    assert np.array_equal(ConditionPicture.open(make(pixels)).pixels, expected)


@pytest.mark.parametrize(
    "pixels", [np.zeros((2, 3)), torch.zeros(3, 2, 3), [[300]], [[-1]], np.zeros((0, 3), np.uint8)]
)
def test_pixels_that_are_no_picture_are_refused(pixels: Any) -> None:
    with pytest.raises(SemsynthError, match=r"a picture is \[H,W,3\] or \[H,W\] uint8, 0 to 255: got "):
        ConditionPicture.open(pixels)


def test_read_only_arrays_become_batches() -> None:
    labels, instances = read_only(np.array(IDS, np.uint16)), read_only(np.array(IDS, np.int32))
    sample = Sample("x", Layout(labels, CLASSES, instances), read_only(np.zeros((2, 3, 3), np.uint8)))
    batch = Batch.from_samples([sample], LayoutEncoding(num_classes=4, void="none", edges=True))
    assert batch.image.shape == (1, 3, 2, 3)
