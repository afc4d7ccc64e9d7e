"""What fails at Redis, in sentences. The library's own texts may quote what was sent: they are not repeated."""

from __future__ import annotations

from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterError,
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
_IS_CLUSTER: Final = "is part of a cluster: PW_REDIS_URL needs a single server"
# Valkey and Redis.
_DENIED_IN_SCRIPT: Final = ("ACL failure in script", "The user executing the script can't")
# What a server answers instead of doing what it is sent; the first kind that fits counts.
_MEANINGS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (AuthenticationError, "refuses the user or the password: correct PW_REDIS_URL or PW_REDIS_PASSWORD"),
    (NoPermissionError, _LACKS_RIGHTS),
    (BusyLoadingError, "is still loading its data"),
    (ReadOnlyError, "takes no writes: it is a copy of another server"),
    (OutOfMemoryError, "takes no writes: its memory is full"),
    (AskError, _IS_CLUSTER),
    (ClusterError, _IS_CLUSTER),
)


def failure_of(exc: Exception, address: str) -> RedisLost:
    """Translate an error of the library, or of the network."""
    is_refused = isinstance(exc, _REFUSALS) or _is_denied_in_script(exc)
    return (RedisRefused if is_refused else RedisLost)(f"Redis at {address} {_meaning(exc)}.")


def _meaning(exc: Exception) -> str:
    for kind, meaning in _MEANINGS:
        if isinstance(exc, kind):
            return meaning
    if _is_denied_in_script(exc):
        return _LACKS_RIGHTS
    if not isinstance(exc, ResponseError):
        return "does not answer"
    word = str(exc).split(" ", 1)[0].strip(":")
    return f"answers with an error: {word if word.isupper() else type(exc).__name__}"


def _is_denied_in_script(exc: Exception) -> bool:
    return isinstance(exc, ResponseError) and any(text in str(exc) for text in _DENIED_IN_SCRIPT)
