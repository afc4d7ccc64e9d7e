"""OpenC2 commands as they travel: from bytes and a media type to a checked command, or the reason why not.

OASIS OpenC2 Language Specification 1.0 (Committee Specification 02), HTTPS transfer 1.1, and 1.0 by its media
types. Harmless novelties of language 2.0 are understood too: ``profile``, nested targets, ``comment``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

PROFILE = "x-powerwall"
LANGUAGES = ("1.0",)
FEATURES = ("versions", "profiles", "pairs", "rate_limit")
LONGEST_BODY = 64 * 1024
_MOST_FEATURES = 10
_MOST_PROPERTIES = 64
# Language section 3.3.1.1: the list must not be extended.
ACTIONS = frozenset(
    (
        *("scan", "locate", "query", "deny", "contain", "allow", "start", "stop", "restart", "cancel"),
        *("set", "update", "redirect", "create", "delete", "detonate", "restore", "copy"),
        *("investigate", "remediate"),
    )
)
RESPONSES = ("none", "ack", "status", "complete")
_TIMES = ("start_time", "stop_time", "duration")
_ARGUMENTS = frozenset({"response_requested", "comment", PROFILE, *_TIMES})
_COMMAND_ID = re.compile(r"\S{0,36}")
# A request id also travels as a header.
_HEADER_TEXT = re.compile(r"[!-~]{1,128}")
_LONGEST_QUOTE = 40


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


class Refused(Exception):
    """A command that is not carried out: the status of the language, and what would be right."""

    def __init__(self, status: int, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer needs to know of the message: how it travelled, its id and who sent it ("" if unsaid)."""

    transfer: Transfer
    request_id: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the right form, meant for ``gateway``.

    ``target`` is the name as in the pairs (``properties``, ``x-powerwall:mode``), ``value`` what stands
    there. ``token`` is the secret among the arguments; ``arguments`` are the names of all of them.
    """

    action: str
    target: str
    value: Any
    gateway: str
    command_id: str
    response: str
    token: str | None
    arguments: frozenset[str]

    @property
    def meaning(self) -> str:
        """What the command wants, as text: equal for its repetitions, however they are written."""
        return json.dumps([self.action, self.target, self.value, self.gateway], sort_keys=True)


# -- the message ------------------------------------------------------------------------------------


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
    message = _object(document, "the message", {"headers", "body", "signature"})
    if "signature" in message:
        raise Refused(501, "signatures are not supported")
    _check_headers(message.get("headers", {}))
    body = _object(message.get("body"), "body", {"openc2"})
    content = _object(body.get("openc2"), "body.openc2", {"request", "response", "notification"})
    if list(content) != ["request"]:
        raise Refused(400, "body.openc2 has exactly one request")
    return content["request"]


def _check_headers(headers: Any) -> None:
    """Check the headers that the transfer names; others are the producer's own."""
    known = _object(headers, "headers", None)
    created, recipients = known.get("created", 0), known.get("to", [])
    for name in ("request_id", "from"):
        if not isinstance(known.get(name, ""), str):
            raise Refused(400, f"headers.{name} is a text")
    if not _is_whole(created):
        raise Refused(400, "headers.created is in milliseconds since 1970")
    if not isinstance(recipients, str) and not _is_texts(recipients):
        raise Refused(400, "headers.to is a list of texts")


def _media_type(content_type: str) -> tuple[str, str | None]:
    """Return type/subtype and the version parameter, however they are spaced and quoted."""
    essence, *parameters = (part.strip().lower() for part in content_type.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    versions = [value.strip().strip('"') for name, _, value in pairs if name.strip() == "version"]
    return essence, versions[0] if versions else None


def _id(value: Any) -> str:
    return value if isinstance(value, str) and _HEADER_TEXT.fullmatch(value) else ""


# -- the command ------------------------------------------------------------------------------------


def command_of(content: Any, gateways: Collection[str]) -> Command:
    """Check a command's form and whom it is meant for. Raises Refused."""
    fields = _object(content, "a command", {"action", "target", "args", "actuator", "profile", "command_id"})
    action = fields.get("action")
    if not isinstance(action, str) or action not in ACTIONS:
        raise Refused(400, f"{quoted(action)} is no action of OpenC2; query and set are understood here")
    target, value = _target(fields.get("target"))
    arguments = _arguments(fields)
    command_id = fields.get("command_id", "")
    if not isinstance(command_id, str) or not _COMMAND_ID.fullmatch(command_id):
        raise Refused(400, "command_id has at most 36 characters and no blanks")
    gateway = _gateway(fields, gateways)
    return Command(
        action=action,
        target=target,
        value=value,
        gateway=gateway,
        command_id=command_id,
        response=arguments.get("response_requested", "complete"),
        token=arguments.get(PROFILE, {}).get("token"),
        arguments=frozenset(arguments) - {"response_requested"},
    )


def features_of(command: Command) -> frozenset[str]:
    """Return the features that are asked for. Raises Refused (language section 4.1)."""
    if command.arguments or command.response != "complete":
        raise Refused(400, "query features takes no argument but response_requested=complete")
    if not _is_texts(command.value) or len(command.value) > _MOST_FEATURES:
        raise Refused(400, f"features is a list of at most {_MOST_FEATURES} names")
    if unknown := [name for name in command.value if name not in FEATURES]:
        raise Refused(400, f"{quoted(unknown[0])} is no feature; {', '.join(FEATURES)} are")
    return frozenset(command.value)


def properties_of(command: Command) -> tuple[str, ...]:
    """Return the names of the properties that are asked for. Raises Refused."""
    names = command.value
    if not _is_texts(names) or not 0 < len(names) <= _MOST_PROPERTIES or len(set(names)) < len(names):
        raise Refused(400, f"properties is a list of 1 to {_MOST_PROPERTIES} different names")
    return tuple(names)


def check_times(command: Command) -> None:
    """Raise Refused for a command that is to be carried out at another time than now."""
    if command.arguments & set(_TIMES):
        raise Refused(501, "start_time, stop_time and duration are not supported")


def quoted(value: Any) -> str:
    """Show what a client sent, in a few printable characters."""
    shown = value if isinstance(value, str) else json.dumps(value)
    shown = "".join(c if c.isprintable() else "?" for c in shown[: _LONGEST_QUOTE + 1])
    return f"{shown[:_LONGEST_QUOTE]}…" if len(shown) > _LONGEST_QUOTE else shown


def _target(target: Any) -> tuple[str, Any]:
    if not isinstance(target, dict) or len(target) != 1:
        raise Refused(400, "target is an object of exactly one member")
    ((name, value),) = target.items()
    if name != PROFILE:
        return name, value
    if not isinstance(value, dict) or len(value) != 1:
        raise Refused(400, f"target.{PROFILE} is an object of exactly one member")
    ((name, value),) = value.items()
    return f"{PROFILE}:{name}", value


def _arguments(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if "args" not in fields:
        return {}
    arguments = _object(fields["args"], "args", _ARGUMENTS)
    if not arguments:
        raise Refused(400, "args has at least one member, or is left out")
    if arguments.get("response_requested", "complete") not in RESPONSES:
        raise Refused(400, f"response_requested is one of {', '.join(RESPONSES)}")
    if any(name in arguments and not _is_whole(arguments[name]) for name in _TIMES):
        raise Refused(400, "times and durations are in milliseconds")
    if all(name in arguments for name in _TIMES):
        raise Refused(400, "at most two of start_time, stop_time and duration")
    own = _object(arguments.get(PROFILE, {"token": ""}), f"args.{PROFILE}", {"token"})
    if not isinstance(own.get("token"), str) or not isinstance(arguments.get("comment", ""), str):
        raise Refused(400, "token and comment are texts")
    return arguments


def _gateway(fields: Mapping[str, Any], gateways: Collection[str]) -> str:
    """Return the gateway that is meant; the first one if none is named. Raises Refused."""
    profile, actuator = fields.get("profile", PROFILE), fields.get("actuator", {PROFILE: {}})
    if not isinstance(actuator, dict) or len(actuator) != 1:
        raise Refused(400, "actuator is an object of exactly one member")
    if profile != PROFILE or PROFILE not in actuator:
        raise Refused(404, f"the only profile here is {PROFILE}")
    specifiers = _object(actuator[PROFILE], f"actuator.{PROFILE}", {"gateway", "asset_id"})
    if not _is_texts(list(specifiers.values())):
        raise Refused(400, "gateway and asset_id are texts")
    named: set[str] = {name for name in specifiers.values() if name} or {next(iter(gateways))}
    if len(named) > 1 or not named <= set(gateways):
        raise Refused(404, f"{quoted(named.pop())} is no gateway here; {', '.join(gateways)} is")
    return named.pop()


def _object(value: Any, name: str, members: Collection[str] | None) -> dict[str, Any]:
    """Return an object that has no other members than these; None: any."""
    if not isinstance(value, dict):
        raise Refused(400, f"{name} is an object")
    if members is not None and (unknown := [member for member in value if member not in members]):
        raise Refused(400, f"{name} has no {quoted(unknown[0])}")
    return value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
