"""Seeds of many pictures from one."""

from __future__ import annotations

import hashlib


def picture_seed(seed: int, name: str, number: int) -> int:
    """The seed of one picture: 31 bits that depend on nothing but these three, on every machine.

    Args:
        seed: of all pictures.
        name: the layout's, without folder and suffix.
        number: from 0, of several pictures of one layout.
    """
    digest = hashlib.blake2b(f"{seed} {name} {number}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") >> 1
