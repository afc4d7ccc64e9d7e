"""Keys that a gateway trusts for v1r, as the cloud adds and lists them. Pure.

What the cloud answers has been seen in three forms: a key's record by itself, a list of records, and either of them inside
the gateway's own message, in snake or in Pascal case. A record is therefore found by its key, wherever it is: that of
another client is never taken for ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.core.json_access import text

ENDPOINT: Final = "command"
_RSA, _CUSTOMER_APP = 1, 1
# A number in most answers, the name of the protocol in some.
_VERIFIED: Final = frozenset({3, "3", "AUTHORIZED_STATE_VERIFIED"})


def addition(public: str, description: str) -> dict[str, Any]:
    """Return the command that registers a key (PKCS #1, DER, base64)."""
    record = {
        "key_type": _RSA,
        "public_key": public,
        "authorized_client_type": _CUSTOMER_APP,
        "description": description,
    }
    return _command("add_authorized_client_request", record)


def listing() -> dict[str, Any]:
    """Return the command that lists the keys that the gateway knows."""
    return _command("list_authorized_clients_request", {})


def is_verified(answer: Any, public: str) -> bool | None:
    """Say whether the gateway trusts a key; None if the answer does not have it."""
    states = [record.get("state") for record in _records(answer) if text(record.get("publickey")) == public]
    return any(state in _VERIFIED for state in states) if states else None


def _command(name: str, request: Mapping[str, Any]) -> dict[str, Any]:
    message = {"authorization": {name: request}}
    return {
        "command_type": "grpc_command",
        "command_properties": {"message": message, "identifier_type": 1},
    }


def _records(value: Any) -> Iterator[Mapping[str, Any]]:
    """Find the objects in an answer, with their names in one spelling."""
    if isinstance(value, list):
        for each in value:
            yield from _records(each)
    elif isinstance(value, dict):
        yield {str(name).replace("_", "").lower(): each for name, each in value.items()}
        for each in value.values():
            yield from _records(each)
