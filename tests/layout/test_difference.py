"""Where layouts differ."""

from __future__ import annotations

import torch
from torch import Tensor

from semsynth.layout.difference import Reading
from semsynth.ops.rectangle import Rectangle


def labels() -> Tensor:
    return torch.arange(2 * 5 * 7).view(2, 5, 7) % 4


def test_labels() -> None:
    now = labels()
    now[0, 1, 2] = 9
    now[1, 3, 1] = 9
    assert Reading(labels()).difference(Reading(now)) == Rectangle(1, 1, 4, 3)
    assert Reading(labels()).difference(Reading(labels())) is None


def test_labels_that_stand_for_vectors() -> None:
    """The same vectors under other numbers are no difference; one other vector is, where its label stands."""
    vectors, order = torch.randn(4, 3), torch.tensor([2, 0, 3, 1])
    before = Reading(labels(), vectors)
    renumbered = order.argsort()[labels()]
    assert before.difference(Reading(renumbered, vectors[order])) is None
    label = labels()
    label[label == 3] = 0
    label[0, 2, 4:6] = 3
    before = Reading(label, vectors)
    other = vectors.clone()
    other[3, 1] += 1
    assert before.difference(Reading(label, other)) == Rectangle(2, 4, 3, 6)


def test_channels() -> None:
    before = torch.randn(1, 3, 5, 7)
    now = before.clone()
    now[0, 2, 4, 6] += 1e-6
    assert Reading(before).difference(Reading(now)) == Rectangle(4, 6, 5, 7)


def test_another_kind_differs_everywhere() -> None:
    everywhere = Rectangle(0, 0, 5, 7)
    assert Reading(labels()).difference(Reading(labels(), torch.eye(4))) == everywhere
    assert Reading(labels()).difference(Reading(torch.zeros(2, 4, 5, 7))) == everywhere
