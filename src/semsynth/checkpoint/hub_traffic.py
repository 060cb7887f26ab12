"""What comes from a hub or a mirror, checked before ``huggingface_hub`` makes paths of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from semsynth.errors import SemsynthError, shortened

_ETAG = re.compile(r'(?:W/)?"?[\w+=-][\w.+=-]{0,127}"?', re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_HEADERS = {"etag": _ETAG, "x-linked-etag": _ETAG, "x-repo-commit": _COMMIT}
"""Of answers about files; they become names of files and folders in the cache."""
_NAMES, _HASHES = ("rfilename", "path"), ("sha", "oid", "sha256")
"""Keys of listings that do, too."""
_MAX_LISTING = 2**24
"""Bytes."""


@contextmanager
def checked_answers() -> Iterator[None]:
    """Within, every answer of the hub is one that cannot name a file outside the cache.

    Raises:
        SemsynthError: headers or listings that no hub sends.
    """
    from huggingface_hub import get_session

    client = get_session()
    before = client.event_hooks
    client.event_hooks = {**before, "response": [*before.get("response", ()), _check]}
    try:
        yield
    finally:
        client.event_hooks = before


@contextmanager
def no_requests() -> Iterator[None]:
    """Within, libraries that speak to the hub are told that there is none."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _check(answer: Any) -> None:
    if answer.status_code >= 400:
        return
    host = answer.url.host
    for name, pattern in _HEADERS.items() if answer.request.method == "HEAD" else ():
        value = answer.headers.get(name)
        if value is not None and not pattern.fullmatch(value):
            raise _nonsense(host, f"{name}: {value}")
    if answer.status_code < 300 and answer.url.path.startswith("/api/") and answer.request.method == "GET":
        _check_listing(_read(answer, host), host)


def _read(answer: Any, host: str) -> Any:
    data = b""
    for piece in answer.iter_bytes():
        data += piece
        if len(data) > _MAX_LISTING:
            raise _nonsense(host, f"a listing of more than {_MAX_LISTING:,} bytes")
    answer._content = data  # as its own read() does
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _nonsense(host, data[:100].decode("utf-8", "replace")) from error


def _check_listing(listing: Any, host: str) -> None:
    waiting = [listing]
    if not isinstance(listing, dict | list):
        raise _nonsense(host, listing)
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        elif isinstance(one, dict):
            for name in _NAMES:
                if name in one and not _is_inside(one[name]):
                    raise _nonsense(host, f"{name}: {one[name]}")
            for name in _HASHES:
                if one.get(name) is not None and not (isinstance(one[name], str) and _COMMIT.fullmatch(one[name])):
                    raise _nonsense(host, f"{name}: {one[name]}")
            waiting += one.values()


def _is_inside(name: Any) -> bool:
    """Whether a file's name leads to no other folder, on any system."""
    if not isinstance(name, str) or not name.isprintable() or any(sign in name for sign in "\\:"):
        return False
    parts = name.split("/")
    return all(part not in ("", ".", "..") and len(part.encode()) < 256 for part in parts) and len(name) < 1024


def _nonsense(host: str, what: object) -> SemsynthError:
    return SemsynthError(
        f"{host} answers what no Hugging Face hub does ({shortened(what)}): check HF_ENDPOINT and the network, or "
        "download the model elsewhere and give the folder"
    )
