"""OpenC2 messages as they travel: from a media type and a document to the command inside, or the reason why not.

Specification for Transfer of OpenC2 Messages via HTTPS 1.1, and 1.0 by its media types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from proxy.openc2.commands import Refused, is_texts, is_whole, object_of

LONGEST_BODY = 64 * 1024
# A request id also travels as a header.
_HEADER_TEXT = re.compile(r"[!-~]{1,128}")


class Transfer(Enum):
    """How messages travel; the value is the label of the metrics."""

    V1_0 = "1.0"  # the body is the bare command
    V1_1 = "1.1"  # the body is a message with headers

    @property
    def answer_type(self) -> str:
        """The media type of answers, to the byte: one producer reads it by position."""
        return f"application/openc2{'-rsp' if self is Transfer.V1_0 else ''}+json;version=1.0"


_TYPES: Mapping[str, Transfer] = {
    "application/openc2-cmd+json": Transfer.V1_0,
    "application/openc2+json": Transfer.V1_1,
}
_BY_SHAPE = frozenset({"", "application/json"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer needs to know of the message: how it travelled, its id and who sent it ("" if unsaid)."""

    transfer: Transfer
    request_id: str = ""
    sender: str = ""


def envelope_of(content_type: str, document: Any, header_id: str) -> Envelope:
    """Read what an answer needs, from whatever came: errors are answered as well."""
    message = document if isinstance(document, dict) else {}
    transfer = _TYPES.get(_media_type(content_type)[0])
    if transfer is None:
        transfer = Transfer.V1_0 if "action" in message else Transfer.V1_1
    headers = message.get("headers")
    named = headers if transfer is Transfer.V1_1 and isinstance(headers, dict) else {}
    sender = named.get("from")
    return Envelope(
        transfer, _id(named.get("request_id")) or _id(header_id), sender if isinstance(sender, str) else ""
    )


def check_media_type(content_type: str) -> None:
    """Raise Refused unless a body of this type is read here."""
    essence, version = _media_type(content_type)
    if essence not in _TYPES and essence not in _BY_SHAPE:
        raise Refused(400, "the Content-Type is application/openc2+json;version=1.0")
    if version not in {None, "1.0"}:
        raise Refused(400, "version 1.0 is understood")


def content_of(document: Any, transfer: Transfer) -> Any:
    """Take the command out of the message. Raises Refused."""
    if transfer is Transfer.V1_0:
        return document
    message = object_of(document, "the message", {"headers", "body", "signature"})
    if "signature" in message:
        raise Refused(501, "signatures are not supported")
    _check_headers(message.get("headers", {}))
    body = object_of(message.get("body"), "body", {"openc2"})
    content = object_of(body.get("openc2"), "body.openc2", {"request", "response", "notification"})
    if list(content) != ["request"]:
        raise Refused(400, "body.openc2 has exactly one request")
    return content["request"]


def _check_headers(headers: Any) -> None:
    """Check the headers that the transfer names; others are the producer's own."""
    known = object_of(headers, "headers", None)
    created, recipients = known.get("created", 0), known.get("to", [])
    for name in ("request_id", "from"):
        if not isinstance(known.get(name, ""), str):
            raise Refused(400, f"headers.{name} is a text")
    if not is_whole(created):
        raise Refused(400, "headers.created is in milliseconds since 1970")
    if not isinstance(recipients, str) and not is_texts(recipients):
        raise Refused(400, "headers.to is a list of texts")


def _media_type(content_type: str) -> tuple[str, str | None]:
    """Return type/subtype and the version parameter, however they are spaced and quoted."""
    essence, *parameters = (part.strip().lower() for part in content_type.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    versions = [value.strip().strip('"') for name, _, value in pairs if name.strip() == "version"]
    return essence, versions[0] if versions else None


def _id(value: Any) -> str:
    return value if isinstance(value, str) and _HEADER_TEXT.fullmatch(value) else ""
