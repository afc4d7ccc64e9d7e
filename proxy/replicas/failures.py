"""What fails at Redis, in sentences. The library's own texts may quote what was sent: they are not repeated."""

from __future__ import annotations

import ssl
from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)


class RedisLost(Exception):
    """Redis does not answer, or answers with an error; the message is a sentence without secrets."""


class RedisRefused(RedisLost):
    """Redis refuses the user, the password or a command: the settings or its ACL have to be changed."""


_REFUSALS: Final = (AuthenticationError, NoPermissionError)
_LACKS_RIGHTS: Final = "gives its user fewer rights than replicas need: see the ACL in docs/replicas.md"
# By what the text of an error says; Redis and Valkey have different ones for scripts.
_REFUSING_TEXTS: Final = {
    "ACL failure in script": _LACKS_RIGHTS,
    "The user executing the script can't": _LACKS_RIGHTS,
    "DB index is out of range": "has no database of the number that PW_REDIS_URL ends with",
    "unknown command": "lacks a command that replicas need: it is a Sentinel, or older than Redis 6.2",
}
_IS_CLUSTER: Final = "is part of a cluster: PW_REDIS_URL needs a single server"
# What a server answers instead of doing what it is sent; the first kind that fits counts.
_MEANINGS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (AuthenticationError, "refuses the user or the password: correct PW_REDIS_URL or PW_REDIS_PASSWORD"),
    (NoPermissionError, _LACKS_RIGHTS),
    (BusyLoadingError, "is still loading its data"),
    (ReadOnlyError, "takes no writes: it is a copy of another server"),
    (OutOfMemoryError, "takes no writes: its memory is full"),
    (AskError, _IS_CLUSTER),
    (ClusterError, _IS_CLUSTER),
    (
        InvalidResponse,
        "answers as no Redis does: PW_REDIS_URL names another server, or one that needs rediss://",
    ),
)


def failure_of(exc: Exception, address: str) -> RedisLost:
    """Translate an error of the library, or of the network."""
    is_refused = isinstance(exc, _REFUSALS) or _refusal(exc) is not None
    return (RedisRefused if is_refused else RedisLost)(f"Redis at {address} {_meaning(exc)}.")


def _meaning(exc: Exception) -> str:
    for kind, meaning in _MEANINGS:
        if isinstance(exc, kind):
            return meaning
    if not isinstance(exc, ResponseError):
        return _tls_fault(exc) or "does not answer"
    word = str(exc).split(" ", 1)[0].strip(":")
    return _refusal(exc) or f"answers with an error: {word if word.isupper() else type(exc).__name__}"


def _refusal(exc: Exception) -> str | None:
    if not isinstance(exc, ResponseError):
        return None
    return next((meaning for text, meaning in _REFUSING_TEXTS.items() if text in str(exc)), None)


def _tls_fault(exc: BaseException | None) -> str | None:
    """Say what is wrong with TLS, if that is what the library failed at."""
    while exc is not None:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return f"has a certificate that is not trusted ({exc.verify_message}): see PW_REDIS_CA"
        if isinstance(exc, ssl.SSLError):
            return "does not speak TLS: PW_REDIS_URL is that of a server without it, or of its other port"
        exc = exc.__context__
    return None
