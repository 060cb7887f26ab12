"""Keys of a study's server."""

from __future__ import annotations

from pathlib import Path

from semsynth.study.server.keys import KEYS, Keys, load_keys

KEY = Keys(operator="operator-token-0123", signing="s" * 32)


def test_keys_are_drawn_once_and_private(tmp_path: Path):
    keys = load_keys(tmp_path)
    assert load_keys(tmp_path) == keys
    assert (tmp_path / KEYS).stat().st_mode & 0o077 == 0
    assert keys.session_of(keys.token("abc")) == "abc"
    assert keys.session_of("abc." + "0" * 64) is None
    assert KEY.session_of(keys.token("abc")) is None
