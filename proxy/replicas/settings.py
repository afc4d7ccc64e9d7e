"""The settings of replicas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from proxy.config.specs import REPLICAS, row
from proxy.config.types import FLAG, PATH, TEXT, SettingType

_DATABASE: Final = re.compile(r"(/\d{0,2})?", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)


def _url(text: str) -> str:
    url = text.strip()
    try:
        parts = urlsplit(url)
        is_valid = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    is_plain = is_valid and not parts.query and not parts.fragment  # the library would take options from them
    if not is_plain or parts.scheme not in {"redis", "rediss"} or not _DATABASE.fullmatch(parts.path):
        raise ValueError("redis://host:port or, with TLS, rediss://user@host:port: one server, no options")
    return url


def _prefix(text: str) -> str:
    if not _WORD.fullmatch(text.strip()):
        raise ValueError("up to 32 letters, digits, - and _")
    return text.strip()


_URL: Final = SettingType("redis[s]://…", _url)
_PREFIX: Final = SettingType("word", _prefix)


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """Rows of the table of settings."""

    redis_url: str = row(
        REPLICAS,
        _URL,
        "",
        "Redis or Valkey that the replicas share; enables replicas",
        secret=True,
        ours=True,
    )
    redis_password: str = row(
        REPLICAS, TEXT, "", "Password there, if it is not in PW_REDIS_URL", secret=True, ours=True
    )
    redis_ca: str = row(
        REPLICAS,
        PATH,
        "",
        "Certificates (PEM) to trust with rediss:// instead of those of the system",
        ours=True,
    )
    redis_prefix: str = row(
        REPLICAS, _PREFIX, "pwp", "Beginning of the names of all keys and channels", ours=True
    )
    redis_key: str = row(
        REPLICAS,
        TEXT,
        "",
        "Key that seals what replicas share, equal on all of them: `powerwall-proxy replica-key` makes one",
        secret=True,
        ours=True,
    )
    redis_alone: bool = row(
        REPLICAS,
        FLAG,
        True,
        "Without Redis, replicas fetch for themselves once what they have is too old; no: only the last one "
        "that fetched does",
        ours=True,
    )
