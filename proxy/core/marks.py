"""Fingerprints that identify a secret without storing it."""

from __future__ import annotations

import hashlib


def mark(secret: str, salt: str) -> str:
    """Return a salted hash of a secret that is slow to guess from (RFC 7914)."""
    key = secret.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(key, salt=salt.encode("utf-8", "surrogatepass"), n=1024, r=8, p=1, dklen=16).hex()
