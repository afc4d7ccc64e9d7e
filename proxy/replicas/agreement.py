"""What all replicas of a gateway have to agree on, and sentences for when they do not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from proxy.replicas.keys import SCHEMA, Term
from proxy.replicas.sealing import mark_of

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings

# Each machine has its own.
_PATHS: Final = frozenset({"cache_file", "auth_path", "rsa_key_path", "gw_ca", "listen"})
OTHER_KEY: Final = (
    "PW_REDIS_KEY is not the one of the replica that holds the lease: give all replicas the same."
)


def term_of(replica: str, key: bytes, settings: GatewaySettings) -> Term:
    """Return what a replica writes into the lease of a gateway, but for the number of its term."""
    equal = {name: value for name, value in asdict(settings).items() if name not in _PATHS}
    return Term("", replica, mark_of(key, "key"), mark_of(key, json.dumps(equal, default=str)))


def differences(gateway: str, held: Term | None, own: Term, schemas: Sequence[int] = ()) -> Iterator[str]:
    """Say what the replica that holds the lease of a gateway, and those with other schemas, have that this one has not."""
    if held and held.key != own.key:
        yield OTHER_KEY
    elif held and held.settings != own.settings:
        yield (
            f"The replica that fetches {gateway} has other settings for it: give all replicas the same address, "
            "passwords and lifetimes."
        )
    if schemas:
        yield (
            f"Replicas of another release share {gateway} on this Redis (schema {', '.join(map(str, schemas))}; this "
            f"one has {SCHEMA}): each group has one that fetches, until all have the same release."
        )
