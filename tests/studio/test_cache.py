from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from semsynth.studio.cache import Payload, PayloadCache, request_key

PARTS = st.lists(st.none() | st.binary(max_size=4) | st.lists(st.binary(max_size=3), max_size=3), max_size=4)


def answer(size: int) -> Payload:
    return Payload(b"x" * size, "image/png")


def test_what_was_not_used_for_longest_goes() -> None:
    cache = PayloadCache(10)
    for key in (b"a", b"b"):
        cache.put(key, answer(4))
    assert cache.get(b"a") is not None  # used: now b is the oldest
    cache.put(b"c", answer(4))
    assert [cache.get(key) is not None for key in (b"a", b"b", b"c")] == [True, False, True]
    assert cache.size == 8


def test_an_answer_larger_than_the_cache_leaves_it_empty() -> None:
    cache = PayloadCache(10)
    cache.put(b"a", answer(4))
    cache.put(b"b", answer(11))
    assert (cache.get(b"a"), cache.get(b"b"), cache.size) == (None, None, 0)


def test_a_replaced_answer_is_counted_once() -> None:
    cache = PayloadCache(10)
    for size in (9, 3, 5):
        cache.put(b"a", answer(size))
    assert cache.size == 5


@given(PARTS, PARTS)
def test_keys_are_equal_only_if_all_parts_are(one: list[object], other: list[object]) -> None:
    assert (request_key(*one) == request_key(*other)) == (one == other)
