"""What is written to Redis is sealed: without PW_REDIS_KEY nothing in it can be read, changed or made.

AES-256-GCM (NIST SP 800-38D) with a random nonce for each message; keys come from PW_REDIS_KEY by
HKDF-SHA256 (RFC 5869), one for each purpose. What a message is for is its additional data, so that one
that was copied to another place is not taken for what belongs there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_MARK_DIGITS: Final = 12


class Unsealed(Exception):
    """A message was not sealed with our key, or for another purpose, or it was changed."""


def new_key() -> str:
    """Make a key in the form of PW_REDIS_KEY."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode().rstrip("=")


def read_key(text: str) -> bytes:
    """Read a key. Raises ValueError for anything that ``new_key`` did not make."""
    try:
        key = base64.b64decode(f"{text.strip()}=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("the key that `powerwall-proxy replica-key` makes")
    return key


def derived(key: bytes, purpose: str) -> bytes:
    """Return the key of a purpose."""
    hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"powerwall-proxy {purpose}".encode())
    return hkdf.derive(key)


def mark_of(key: bytes, text: str) -> str:
    """Return a short mark by which holders of the key recognise a text, and others cannot guess it."""
    return hmac.new(derived(key, "mark"), text.encode(), hashlib.sha256).hexdigest()[:_MARK_DIGITS]


class Seal:
    """Seals and opens messages with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(derived(key, "replicas"))

    def seal(self, message: bytes, purpose: str) -> bytes:
        """Seal a message for a purpose."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, message, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Return a message that was sealed for a purpose. Raises Unsealed."""
        if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise Unsealed
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode())
        except InvalidTag as exc:
            raise Unsealed from exc
