"""/control/*: reading and setting mode, reserve and rules; requests and answers as in http-contract.md section 11.

A POST has a form or a JSON object with ``value`` and ``token`` (or ``Authorization: Bearer``).
Without a value it reads. The checks and their order are the contract's; where the pypowerwall
proxy answers 400 for what the gateway refused, or guesses, the status here is the error's own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from proxy.core.commands import BadValue, parse
from proxy.core.errors import GatewayError, OutcomeUnknown
from proxy.core.model import Setting, raw_percent
from proxy.core.redaction import redact
from proxy.gateway.control import Report, named
from proxy.publish.families import Samples
from proxy.server.admission import client_of
from proxy.server.body import read_body
from proxy.server.guard import Entry, Verdict
from proxy.server.problems import COMMON_HEADERS, retry_after

if TYPE_CHECKING:
    from proxy.core.commands import Raw
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route

LONGEST_BODY = 4096
_MOST_FIELDS = 16
_FORMS = frozenset({"application/x-www-form-urlencoded", "application/octet-stream"})  # the latter: unsaid
_JSON = "application/json"

DISABLED = "Control Commands Disabled - Set PW_CONTROL_SECRET to enable"
INVALID = "Control Command Error: Invalid Request"
WRONG_TOKEN = "Control Command Token Invalid"  # noqa: S105 - the answer, not a token
# Codes of Control.counts, as the metrics call them.
_OUTCOMES = {
    "ok": "ok",
    OutcomeUnknown.code(): "unknown",
    **{name: name for name in ("unauthorized", "invalid", "disabled")},
}


@dataclass(frozen=True, slots=True)
class Action:
    """What a path sets, and what may be set along with it under another field."""

    setting: Setting
    field: str = ""
    along: Setting | None = None


ACTIONS: Mapping[str, Action] = {
    "/control/mode": Action(Setting.MODE, "level", Setting.RESERVE),
    "/control/reserve": Action(Setting.RESERVE, "mode", Setting.MODE),
    "/control/grid_charging": Action(Setting.GRID_CHARGING),
    "/control/grid_export": Action(Setting.GRID_EXPORT),
    "/control/max_backup": Action(Setting.MAX_BACKUP),
    "/control/islanding": Action(Setting.ISLANDING),
}


class Refused(Exception):
    """A request that is answered without asking the gateway."""

    def __init__(self, status: int, error: str, detail: str = "") -> None:
        super().__init__(error)
        self.status = status
        self.detail = detail


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoint of this module."""

    async def control(request: web.Request, route: Route) -> web.Response:
        action = ACTIONS[route.path]
        refusals = context.control.counts if request.method == "POST" else Counter()
        if not context.guard.is_on:
            refusals[action.setting.value, "disabled"] += 1
            return answer(400, {"error": DISABLED})
        try:
            if request.method != "POST":
                return await _read(context, action)
            fields = await fields_of(request)
            verdict = await context.guard.admit(
                token_of(request, fields), client_of(request, context.settings)
            )
            if verdict.entry is not Entry.GRANTED:
                refusals[action.setting.value, "unauthorized"] += 1
                return denied(verdict)
            if fields.get("value", "") == "":
                return await _read(context, action)
            return await _write(context, request, action, fields)
        except Refused as refused:
            refusals[action.setting.value, "invalid"] += 1
            body = {"error": str(refused), **({"detail": refused.detail} if refused.detail else {})}
            return answer(refused.status, body)

    return {"control": control}


def offers(context: Context) -> Mapping[str, Callable[[], Samples]]:
    """Return the metrics of control. What the gateway did not carry out for sure counts as rejected."""

    def commands() -> Samples:
        total: Counter[tuple[str, str, str]] = Counter()
        for (setting, outcome), count in context.control.counts.items():
            total[context.gateway.name, setting, _OUTCOMES.get(outcome, "rejected")] += count
        return total.items()

    return {"powerwall_proxy_commands_total": commands}


def account_of(context: Context) -> dict[str, Any]:
    """Tell of the last commands, for holders of the secret only."""
    return {
        "wrong_tokens": context.guard.wrong,
        "refused_guesses": context.guard.refused,
        "latest": [
            {
                "at": datetime.fromtimestamp(report.at, UTC).isoformat(timespec="seconds"),
                "client": report.who,
                "wanted": named(report.command.values),
                "before": named(report.before),
                "after": named(report.after),
                "outcome": report.outcome,
                "detail": redact(str(report.error or "")),
            }
            for report in context.control.reports
        ],
    }


# -- what was sent ---------------------------------------------------------------------------------


async def fields_of(request: web.BaseRequest) -> dict[str, Raw]:
    """Read the body, a form or a JSON object; a field that is named twice is refused. Raises Refused."""
    body = await _body(request)
    try:
        if request.content_type == _JSON:
            fields = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_number)
        elif request.content_type in _FORMS:
            pairs = parse_qsl(
                body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
            )
            fields = _once(pairs)
        else:
            raise Refused(415, INVALID, f"The body is a form or {_JSON}.")
    except (ValueError, RecursionError) as exc:
        raise Refused(400, INVALID) from exc
    if not isinstance(fields, dict) or any(isinstance(v, dict | list) or v is None for v in fields.values()):
        raise Refused(400, INVALID, "The body is an object of texts, numbers and true or false.")
    return fields


async def _body(request: web.BaseRequest) -> bytes:
    if "Content-Length" not in request.headers and "Transfer-Encoding" not in request.headers:
        raise Refused(400, INVALID, "The body is missing.")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(415, INVALID, "The body is not compressed.")
    body = await read_body(request, LONGEST_BODY)
    if body is None:
        raise Refused(400, INVALID, f"The body has at most {LONGEST_BODY} bytes.")
    return body


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of pairs. Raises ValueError for a name that comes twice: two readers might disagree."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(name)
        fields[name] = value
    return fields


def _no_number(text: str) -> float:
    raise ValueError(text)


def token_of(request: web.BaseRequest, fields: Mapping[str, Any]) -> str | None:
    """Find the token: in the body or as a bearer, not both. Raises Refused."""
    if len(request.headers.getall("Authorization", [])) + ("token" in fields) > 1:
        raise Refused(400, INVALID, "The token is sent once: in the body or as Authorization: Bearer.")
    token = fields.get("token")
    return token if isinstance(token, str) else bearer_of(request)


def bearer_of(request: web.BaseRequest) -> str | None:
    """Find the token in the one Authorization header."""
    shown = request.headers.getall("Authorization", [])
    scheme, _, token = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
    return token.strip() if scheme.lower() == "bearer" else None


# -- what is answered ------------------------------------------------------------------------------


def denied(verdict: Verdict) -> web.Response:
    """Answer a request without the right token."""
    if verdict.entry is Entry.WAIT:
        wait = retry_after(verdict.wait_s)
        text = f"Too many wrong tokens from this address - wait {wait} s"
        return answer(429, {"unauthorized": text}, {"Retry-After": wait})
    return answer(401, {"unauthorized": WRONG_TOKEN}, {"WWW-Authenticate": 'Bearer realm="control"'})


async def _read(context: Context, action: Action) -> web.Response:
    """Tell what the gateway holds."""
    setting = action.setting
    try:
        held = await context.control.read(setting)
    except GatewayError as error:
        return failed(error, f"Failed to read {setting.value}")
    if setting is Setting.MAX_BACKUP:
        return answer(200, dict(held))
    if held is None:
        return answer(503, {"error": f"Failed to read {setting.value}", setting.value: None})
    return answer(200, {setting.value: held})


async def _write(
    context: Context, request: web.Request, action: Action, fields: Mapping[str, Raw]
) -> web.Response:
    """Carry out a command and tell what became of it."""
    raw = {action.setting: fields["value"]}
    if action.along is not None and fields.get(action.field, "") != "":
        raw[action.along] = fields[action.field]
    try:
        command = parse(raw)
    except BadValue as bad:
        what = "Value" if bad.setting is action.setting else action.field.capitalize()
        hint = " - use seconds or cancel" if bad.setting is Setting.MAX_BACKUP else ""
        raise Refused(400, f"Control Command {what} Invalid{hint}", str(bad)) from bad
    report = await context.control.execute(command, client_of(request, context.settings))
    if report.error is None:
        return answer(200, _success(report))
    subject = "reserve+mode" if len(raw) > 1 else action.setting.value
    return failed(report.error, f"Failed to set {subject}", named(report.after))


def _success(report: Report) -> dict[str, Any]:
    """Say what was done, in the words that clients of the pypowerwall proxy know."""
    wanted, held = report.command.values, report.after
    if Setting.MAX_BACKUP in wanted:
        seconds = wanted[Setting.MAX_BACKUP]
        return {"max_backup": f"Scheduled for {seconds} seconds" if seconds else "Cancelled"}
    if not {Setting.RESERVE, Setting.MODE} & wanted.keys():
        return {setting.value: "Set Successfully" for setting in wanted}
    body: dict[str, Any] = {}
    if (reserve := held.get(Setting.RESERVE)) is not None:
        done = {"response": {"Message": "Backup reserve updated", "Code": 200}}
        body["set_backup_reserve_percent"] = {
            "backup_reserve_percent": round(raw_percent(reserve), 6),
            "result": done,
        }
        body["reserve"] = round(reserve, 6)
    if (mode := held.get(Setting.MODE)) is not None:
        done = {"response": {"Message": "Operation mode updated", "Code": 200}}
        body["set_operation"] = {"real_mode": mode, "result": done}
        body["mode"] = mode
    return body


def failed(error: GatewayError, text: str, held: Mapping[str, Any] | None = None) -> web.Response:
    """Answer for a gateway that did not do it, or may have; ``held`` is what was read back."""
    body = {"error": text, "outcome": error.code(), "detail": redact(str(error)), **(held or {})}
    headers = {"Retry-After": retry_after(error.retry_after)} if error.retry_after is not None else {}
    return answer(error.status, body, headers)


def answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> web.Response:
    """Write an answer that no web page of another origin may read and nobody may keep."""
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        headers={
            "Content-Type": _JSON,
            "Cache-Control": "no-store",
            **COMMON_HEADERS,
            **(headers or {}),
        },
    )
