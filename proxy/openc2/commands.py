"""OpenC2 commands: checked, or the reason why not.

OASIS OpenC2 Language Specification 1.0 (Committee Specification 02). Harmless novelties of language 2.0 are
understood too: ``profile``, nested targets, ``comment``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

PROFILE = "x-powerwall"
LANGUAGES = ("1.0",)
FEATURES = ("versions", "profiles", "pairs", "rate_limit")
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
_LONGEST_QUOTE = 40


class Refused(Exception):
    """A command that is not carried out: the status of the language, and what would be right."""

    def __init__(self, status: int, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after


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


def command_of(content: Any, gateways: Collection[str]) -> Command:
    """Check a command's form and whom it is meant for. Raises Refused."""
    fields = object_of(
        content, "a command", {"action", "target", "args", "actuator", "profile", "command_id"}
    )
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
    """Return the requested features. Raises Refused (language section 4.1)."""
    if command.arguments or command.response != "complete":
        raise Refused(400, "query features takes no argument but response_requested=complete")
    if not is_texts(command.value) or len(command.value) > _MOST_FEATURES:
        raise Refused(400, f"features is a list of at most {_MOST_FEATURES} names")
    if unknown := [name for name in command.value if name not in FEATURES]:
        raise Refused(400, f"{quoted(unknown[0])} is no feature; {', '.join(FEATURES)} are")
    return frozenset(command.value)


def properties_of(command: Command) -> tuple[str, ...]:
    """Return the names of the requested properties. Raises Refused."""
    names = command.value
    if not is_texts(names) or not 0 < len(names) <= _MOST_PROPERTIES or len(set(names)) < len(names):
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
    arguments = object_of(fields["args"], "args", _ARGUMENTS)
    if not arguments:
        raise Refused(400, "args has at least one member, or is left out")
    if arguments.get("response_requested", "complete") not in RESPONSES:
        raise Refused(400, f"response_requested is one of {', '.join(RESPONSES)}")
    if any(name in arguments and not is_whole(arguments[name]) for name in _TIMES):
        raise Refused(400, "times and durations are in milliseconds")
    if all(name in arguments for name in _TIMES):
        raise Refused(400, "at most two of start_time, stop_time and duration")
    own = object_of(arguments.get(PROFILE, {"token": ""}), f"args.{PROFILE}", {"token"})
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
    specifiers = object_of(actuator[PROFILE], f"actuator.{PROFILE}", {"gateway", "asset_id"})
    if not is_texts(list(specifiers.values())):
        raise Refused(400, "gateway and asset_id are texts")
    named: set[str] = {name for name in specifiers.values() if name} or {next(iter(gateways))}
    if len(named) > 1 or not named <= set(gateways):
        raise Refused(
            404,
            f"{quoted(named.pop())} is no gateway here; {', '.join(gateways)} {'are' if len(gateways) > 1 else 'is'}",
        )
    return named.pop()


def object_of(value: Any, name: str, members: Collection[str] | None) -> dict[str, Any]:
    """Return an object that has no other members than these; None: any. Raises Refused."""
    if not isinstance(value, dict):
        raise Refused(400, f"{name} is an object")
    if members is not None and (unknown := [member for member in value if member not in members]):
        raise Refused(400, f"{name} has no {quoted(unknown[0])}")
    return value


def is_whole(value: Any) -> bool:
    """Say whether a value is a whole number, at least 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_texts(value: Any) -> bool:
    """Say whether a value is a list of texts."""
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
