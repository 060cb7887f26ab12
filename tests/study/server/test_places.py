"""How many people one address may bring."""

from __future__ import annotations

import pytest

from semsynth.study.server import places
from semsynth.study.server.places import JoinRate


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("nonsense", "nonsense", True),
        ("", "", True),
    ],
)
def test_addresses_that_one_client_can_have(first: str, second: str, same: bool):
    rate = JoinRate(1, lambda: 0.0)
    assert rate.take(first) == 0
    assert rate.take(second) == (60 if same else 0)


def test_many_addresses_take_little_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(places, "_REMEMBERED", 10)
    rate = JoinRate(1, lambda: 0.0)
    assert [rate.take(f"192.0.2.{number}") for number in range(50)] == [0] * 50
    assert len(rate._free) == 10
    assert rate.take("192.0.2.49") == 60
