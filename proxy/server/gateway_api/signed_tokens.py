"""Tokens that need no memory: each says when it ends, and shows that a holder of the key made it.

Behind a balancer the login of a program goes to one process and its next request to another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from typing import Final

# As long as the tokens of a gateway: 88 characters.
_NONCE_BYTES: Final = 24
_END: Final = struct.Struct(">d")
_SIGNED_BYTES: Final = _NONCE_BYTES + _END.size


class SignedTokens:
    """Makes and recognises tokens; ``now`` is a time (s) on which all processes with the key agree."""

    def __init__(self, key: bytes, now: Callable[[], float]) -> None:
        self._key = key
        self._now = now

    def make(self, lifetime_s: float) -> str:
        """Return a new token."""
        content = secrets.token_bytes(_NONCE_BYTES) + _END.pack(self._now() + lifetime_s)
        return base64.urlsafe_b64encode(content + self._mark(content)).decode()

    def is_valid(self, token: str) -> bool:
        """Say whether a token was made with the key and has not ended."""
        try:
            content = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return False
        signed, mark = content[:_SIGNED_BYTES], content[_SIGNED_BYTES:]
        if len(signed) < _SIGNED_BYTES or not hmac.compare_digest(mark, self._mark(signed)):
            return False
        (ends,) = _END.unpack(signed[_NONCE_BYTES:])
        return bool(self._now() < ends)

    def _mark(self, content: bytes) -> bytes:
        return hmac.new(self._key, content, hashlib.sha256).digest()
