"""What replicas send each other, as bytes: answers of the gateway, errors, commands and their reports.

A message is a JSON object and, behind it, the bodies of documents as they are; compressed as a whole.
Moments are ages in seconds when it is sent: no replica's clock means anything to another one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from proxy.core import cloud_errors, errors
from proxy.core.errors import GatewayError, OutcomeUnknown, SourceUnavailable
from proxy.core.model import JSON, Command, Document, Setting, Source
from proxy.drivers.base import Answer
from proxy.gateways.commands import Report
from proxy.replicas import errors as replica_errors

Head: TypeAlias = dict[str, Any]

_LENGTH: Final = 4
_FAST: Final = 1
# No message is longer when it is unpacked: the documents of one exchange have less than 2 MB.
_MOST: Final = 16 * 1024 * 1024


class Malformed(Exception):
    """A message that no release of this schema sends."""


def pack(head: Mapping[str, Any], bodies: bytes = b"") -> bytes:
    """Make the bytes of a message."""
    written = json.dumps(head, separators=(",", ":")).encode()
    return zlib.compress(len(written).to_bytes(_LENGTH) + written + bodies, _FAST)


def unpack(message: bytes) -> tuple[Head, bytes]:
    """Return the object and the bodies of a message. Raises Malformed."""
    engine = zlib.decompressobj()
    try:
        plain = engine.decompress(message, _MOST)
        ends = _LENGTH + int.from_bytes(plain[:_LENGTH])
        head = json.loads(plain[_LENGTH:ends])
    except (zlib.error, ValueError, RecursionError) as exc:
        raise Malformed from exc
    if not engine.eof or not isinstance(head, dict):
        raise Malformed
    return head, plain[ends:]


def written_answer(answer: Answer, now: float) -> tuple[Head, bytes]:
    """Write what an exchange brought."""
    rows: Head = {}
    bodies = bytearray()
    for source, found in answer.items():
        if isinstance(found, GatewayError):
            rows[source] = {"error": written_error(found)}
            continue
        rows[source] = {
            "observed": now - found.observed_at,
            "answered": now - found.answered_at,
            "media": found.media_type,
            "notes": dict(found.notes),
            "body": [len(bodies), len(found.body)],
            **({} if _says_all(found) else {"value": found.value}),
        }
        bodies += found.body
    return rows, bytes(bodies)


def read_answer(rows: Mapping[str, Any], bodies: bytes, sent_at: float) -> dict[Source, Any]:
    """Read what an exchange brought, and another replica sent then by our clock. Raises Malformed."""
    return {Source(source): _found(row, bodies, sent_at) for source, row in rows.items()}


def _found(row: Mapping[str, Any], bodies: bytes, sent_at: float) -> Document | GatewayError:
    try:
        if "error" in row:
            return read_error(row["error"])
        start, length = row["body"]
        body = bodies[start : start + length]
        value = row["value"] if "value" in row else json.loads(body)
        observed_at, answered_at = sent_at - row["observed"], sent_at - row["answered"]
        return Document(value, body, observed_at, answered_at, row["media"], row["notes"])
    except (KeyError, TypeError, ValueError) as exc:
        raise Malformed from exc


def _says_all(document: Document) -> bool:
    """Say whether the body of a document is all of it."""
    if document.media_type != JSON:
        return False
    try:
        return bool(json.loads(document.body) == document.value)
    except ValueError:
        return False


# -- errors ------------------------------------------------------------------------------------------


def _kinds(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)


# Those that any replica has.
_KNOWN: Final = {
    kind.__name__: kind
    for kind in _kinds(GatewayError)
    if kind.__module__ in {errors.__name__, cloud_errors.__name__, replica_errors.__name__}
}


def written_error(error: GatewayError, wait_s: float | None = None) -> Head:
    """Write an error; ``wait_s`` is for how long no request is sent because of it."""
    waits = [wait for wait in (error.retry_after, wait_s) if wait is not None]
    kind = next(each.__name__ for each in type(error).__mro__ if each.__name__ in _KNOWN)
    return {"kind": kind, "message": str(error), "retry_after": max(waits, default=None)}


def read_error(row: Mapping[str, Any], unknown: type[GatewayError] = SourceUnavailable) -> GatewayError:
    """Read an error; one that this release does not have is read as ``unknown``."""
    kind, wait = _KNOWN.get(row["kind"], unknown), row.get("retry_after")
    return kind(str(row["message"]), retry_after=None if wait is None else float(wait))


# -- commands ----------------------------------------------------------------------------------------


def written_values(values: Mapping[Setting, Any]) -> Head:
    """Write settings by their names."""
    return {setting.value: value for setting, value in values.items()}


def read_values(row: Mapping[str, Any]) -> dict[Setting, Any]:
    """Read settings by their names. Raises ValueError for one that is unknown."""
    return {Setting(name): value for name, value in row.items()}


def written_report(report: Report) -> Head:
    """Write what became of a command."""
    return {
        "before": written_values(report.before),
        "after": written_values(report.after),
        "error": None if report.error is None else written_error(report.error),
        "confirmed": report.confirmed,
    }


def read_report(row: Mapping[str, Any], command: Command, who: str, at: float) -> Report:
    """Read what became of a command. Raises Malformed."""
    try:
        # Nothing but its kind says whether the command was carried out.
        error = None if row["error"] is None else read_error(row["error"], OutcomeUnknown)
        before, after = read_values(row["before"]), read_values(row["after"])
        return Report(command, who, at, before, after, error=error, confirmed=bool(row["confirmed"]))
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise Malformed from exc
