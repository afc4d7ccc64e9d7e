"""Scripted faults: what goes wrong, where, how often.

A fault either replaces the answer (status, headers, body), spoils it (``edit`` or
one of the SPOILS by name), delays it, or breaks its delivery (DELIVERIES); faults
of connections (CONNECTIONS) concern all paths. With ``after=True`` the gateway
has carried out the request before the fault strikes: what a write needs.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from proxy.sim.answers import Answer, Edit, edited

DELIVERIES = frozenset({"reset", "cut", "hang", "drip", "trickle", "close"})
CONNECTIONS = frozenset({"refuse", "stall", "sni"})
HUGE = 50 * 1024 * 1024


def _body(text: bytes, media_type: str | None = None) -> Callable[[Answer], Answer]:
    return lambda given: Answer(200, text, media_type or given.media_type)


def _mistype(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _mistype(value) for key, value in document.items()}
    return [] if isinstance(document, str) else str(document)


def _drop(document: Any) -> Any:
    return {key: {} for key in document} if isinstance(document, dict) else []


SPOILS: dict[str, Callable[[Answer], Answer]] = {
    "html": _body(b"<!DOCTYPE html><title>Tesla</title><p>Please log in", "text/html"),
    "empty": _body(b""),
    "null": _body(b"null"),
    "number": _body(b"42"),
    "nan": _body(b'{"percentage": NaN, "site": {"instant_power": NaN}}'),
    "overflow": _body(b'{"percentage": 1e400, "site": {"instant_power": -1e400}}'),
    "utf8": _body(b'{"site_name": "\xff\xfe\xc3\x28"}'),
    "deep": _body(b"[" * 100_000 + b"]" * 100_000),
    # Larger than any gateway's; built at the first request.
    "huge": lambda given: replace(given, body=b'{"percentage": 1, "padding": "' + b" " * HUGE + b'"}'),
    "truncate": lambda given: replace(given, body=given.body[: len(given.body) // 2]),
    "gzip": lambda given: replace(given, body=gzip.compress(given.body, mtime=0)),
    "bad-gzip": lambda given: replace(
        given, body=gzip.compress(b"", mtime=0)[:10] + b"\xff" * 32, headers={"Content-Encoding": "gzip"}
    ),
    "media-type": lambda given: replace(given, media_type="text/plain"),
    "mistype": lambda given: edited(given, _mistype),
    "drop": lambda given: edited(given, _drop),
    "redirect": lambda given: replace(
        given, status=302, body=b"", headers={"Location": "https://elsewhere.invalid/api/status"}
    ),
    "cookies": lambda given: replace(
        given, cookies=("AuthCookie=intruder; Path=/", "x=" + "y" * 3000, "=;;;", "a=b; Domain=example.com")
    ),
}
ACTIONS = DELIVERIES | CONNECTIONS | frozenset(SPOILS)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. ``path`` is exact, or a prefix when it ends in ``*``."""

    path: str = "*"
    method: str | None = None
    status: int | None = None
    headers: Mapping[str, str] | None = None
    body: bytes | str | Mapping[str, Any] | list[Any] | None = None
    edit: Edit | None = None
    delay_s: float = 0.0
    action: str | None = None
    times: int | None = None
    after: bool = False
    probability: float = 1.0

    def __post_init__(self) -> None:
        if self.action is not None and self.action not in ACTIONS:
            raise ValueError(f"no such fault: {self.action} (known: {', '.join(sorted(ACTIONS))})")

    def concerns(self, method: str, path: str) -> bool:
        """Say whether a request meets this fault."""
        if self.action in CONNECTIONS or (self.method and self.method != method):
            return False
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path

    @property
    def replaces(self) -> bool:
        """Whether the answer does not depend on what the gateway would have said."""
        return self.status is not None or self.body is not None

    @property
    def preempts(self) -> bool:
        """Whether the request never reaches the gateway's mind."""
        return not self.after and (self.replaces or self.action in {"reset", "hang"})

    def apply(self, given: Answer) -> Answer:
        """Replace or spoil an answer."""
        if self.replaces:
            body = self.body if self.body is not None else b""
            if isinstance(body, str):
                body = body.encode()
            elif not isinstance(body, bytes):
                body = json.dumps(body).encode()
            given = Answer(self.status or 200, body)
        elif self.action in SPOILS:
            given = SPOILS[self.action](given)
        if self.edit:
            given = edited(given, self.edit)
        if self.headers:
            given = replace(given, headers={**given.headers, **self.headers})
        return given


class Handle:
    """A fault in force; ``remove`` ends it."""

    def __init__(self, faults: Faults, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.times
        self._faults = faults

    def remove(self) -> None:
        """End the fault; once is enough, twice does no harm."""
        self._faults.discard(self)


class Faults:
    """All faults in force, in the order in which they were added; the first that fits strikes."""

    def __init__(self, random: Random, changed: Callable[[], None] = lambda: None) -> None:
        self._random = random
        self._changed = changed
        self._handles: list[Handle] = []

    def add(self, fault: Fault) -> Handle:
        """Put a fault in force."""
        handle = Handle(self, fault)
        self._handles.append(handle)
        self._changed()
        return handle

    def discard(self, handle: Handle) -> None:
        """Take a fault out of force."""
        if handle in self._handles:
            self._handles.remove(handle)
            self._changed()

    def clear(self) -> None:
        """Take all faults out of force."""
        self._handles.clear()
        self._changed()

    def has(self, action: str) -> bool:
        """Say whether a fault of connections is in force."""
        return any(handle.fault.action == action for handle in self._handles)

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the fault that a request meets, and count it."""
        for handle in self._handles:
            fault = handle.fault
            if not fault.concerns(method, path):
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            if handle.left is not None:
                handle.left -= 1
                if handle.left <= 0:
                    self.discard(handle)
            return fault
        return None
