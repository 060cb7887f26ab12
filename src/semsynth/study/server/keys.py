"""Secrets of a served study: the operator's token, and the key that signs sessions and makes pseudonyms."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import Field

from semsynth.config import Config, dump_config, load_config

KEYS = "keys.json"
_DIGITS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Of completion codes: none that look alike."""


class Keys(Config):
    """Secrets; they stay in the study's folder."""

    operator: Annotated[str, Field(min_length=16)]
    """Token of the operator page."""
    signing: Annotated[str, Field(min_length=32)]
    """Signs sessions, and turns platforms' worker ids into pseudonyms that cannot be turned back without it."""

    def token(self, session: str) -> str:
        """What a participant's browser shows with every answer."""
        return f"{session}.{self._sign('session', session)}"

    def session_of(self, token: str) -> str | None:
        """The session of a token; None if it is forged."""
        session, _, signature = token.partition(".")
        known = hmac.compare_digest(signature.encode(), self._sign("session", session).encode())
        return session if known else None

    def pseudonym(self, worker: str) -> str:
        """What a worker id is called in the database."""
        return self._sign("worker", worker)[:24]

    def completion_code(self, session: str) -> str:
        """Eight signs that only a finished session tells."""
        digest = bytes.fromhex(self._sign("completion", session))
        return "".join(_DIGITS[value % len(_DIGITS)] for value in digest[:8])

    def is_operator(self, token: str) -> bool:
        """Whether the token is the operator's."""
        return hmac.compare_digest(token.encode(), self.operator.encode())

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self.signing.encode(), f"{purpose}:{text}".encode(), sha256).hexdigest()


def load_keys(study: Path) -> Keys:
    """The keys of a study's folder; drawn at the first time."""
    path = study / KEYS
    if not path.exists():
        dump_config(Keys(operator=secrets.token_urlsafe(18), signing=secrets.token_hex(32)), path)
        path.chmod(0o600)
    return load_config(Keys, path)
