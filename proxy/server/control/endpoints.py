"""/control/*: reading and setting mode, reserve and rules; as the pypowerwall proxy does.

A POST has a form or a JSON object with ``value`` and ``token`` (or ``Authorization: Bearer``).
Without a value it reads. Checks, their order and the errors are those of the pypowerwall proxy
(docs/protocol.md, "Its control requests"); where that proxy answers 400 for what the gateway refused, or guesses, the status here is the error's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.core.commands import BadValue, parse
from proxy.core.errors import GatewayError, OutcomeUnknown
from proxy.core.model import Setting, raw_percent
from proxy.core.redaction import redact
from proxy.gateways.commands import Report, named
from proxy.metrics.families import Samples
from proxy.server.control.request import INVALID, Refused, fields_of, invalid, token_of
from proxy.server.http.admission import client_of
from proxy.server.http.guard import AuthResult, Verdict
from proxy.server.http.problems import private, retry_after

if TYPE_CHECKING:
    from proxy.core.commands import Raw
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route


DISABLED = "Control Commands Disabled - Set PW_CONTROL_SECRET to enable"
WRONG_TOKEN = "Control Command Token Invalid"  # noqa: S105 - the answer, not a token
# What a body may have; /openapi.json describes each.
_FIELDS = frozenset({"value", "token", "mode", "level", "confirm"})
# Codes of Control.counts, as the metrics call them.
_OUTCOMES = {
    "ok": "ok",
    "accepted": "accepted",
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
    "/control/storm_watch": Action(Setting.STORM_WATCH),
    "/control/off_grid_vehicle_reserve": Action(Setting.OFF_GRID_VEHICLE_RESERVE),
}


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoint of this module."""

    async def control(request: web.Request, route: Route, gateway: Gateway) -> web.Response:
        action = ACTIONS[route.path]
        writes = request.method == "POST"
        try:
            return await (
                _post(context, request, gateway, action) if writes else _get(context, gateway, action)
            )
        except Refused as refused:
            if writes:
                gateway.commands.counts[action.setting.value, refused.outcome] += 1
            return refused.response

    return {"control": control}


async def _get(context: Context, gateway: Gateway, action: Action) -> web.Response:
    """Read, which needs no token as long as control is on. Raises Refused."""
    # 200 as the peer's: a dashboard requests this along with readings, and an error would cost it both.
    _check_on(context, status=200)
    return await _read(gateway, action)


async def _post(context: Context, request: web.Request, gateway: Gateway, action: Action) -> web.Response:
    """Let in who has the token; then set, or read if there is no value. Raises Refused."""
    fields = await admitted(context, request)
    if fields.get("value", "") == "":
        if "value" in request.query or not fields.keys() <= _FIELDS:
            raise invalid(
                400, INVALID, "There is no value in the body: it is in the URL, or its field is misspelt."
            )
        return await _read(gateway, action)
    return await _write(context, request, gateway, action, fields)


async def admitted(context: Context, request: web.Request) -> dict[str, Raw]:
    """Return the fields of a request with the right token. Raises Refused."""
    _check_on(context, status=400)
    fields = await fields_of(request)
    verdict = await context.guard.admit(token_of(request, fields), client_of(request, context.settings))
    if verdict.entry is not AuthResult.GRANTED:
        raise Refused(denied(verdict), "unauthorized")
    return fields


def _check_on(context: Context, *, status: int) -> None:
    if not context.guard.is_on:
        raise Refused(private(status, {"error": DISABLED}), "disabled")


def samples(context: Context) -> dict[str, Callable[[], Samples]]:
    """Return the metrics of control. What the gateway did not carry out for sure counts as rejected."""

    def commands() -> Samples:
        total: Counter[tuple[str, str, str]] = Counter()
        for gateway in context.gateways.values():
            for (setting, outcome), count in gateway.commands.counts.items():
                total[gateway.id, setting, _OUTCOMES.get(outcome, "rejected")] += count
        return total.items()

    return {"powerwall_proxy_commands_total": commands}


def account_of(context: Context, gateway: Gateway) -> dict[str, Any]:
    """Report the last commands, for holders of the secret only."""
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
            for report in gateway.commands.reports
        ],
    }


# -- what is answered ------------------------------------------------------------------------------


def denied(verdict: Verdict) -> web.Response:
    """Answer a request without the right token."""
    if verdict.entry is AuthResult.WAIT:
        wait = retry_after(verdict.wait_s)
        text = f"Too many wrong tokens from this address - wait {wait} s"
        return private(429, {"unauthorized": text, "detail": text}, {"Retry-After": wait})
    body = {"unauthorized": WRONG_TOKEN, "detail": WRONG_TOKEN}
    return private(401, body, {"WWW-Authenticate": 'Bearer realm="control"'})


async def _read(gateway: Gateway, action: Action) -> web.Response:
    """Report what the gateway holds."""
    setting = action.setting
    try:
        held = await gateway.commands.read(setting)
    except GatewayError as error:
        return failed(error, f"Failed to read {setting.value}")
    if setting is Setting.MAX_BACKUP:
        return private(200, dict(held))
    if held is None:
        return private(503, {"error": f"Failed to read {setting.value}", setting.value: None})
    return private(200, {setting.value: held})


async def _write(
    context: Context, request: web.Request, gateway: Gateway, action: Action, fields: Mapping[str, Raw]
) -> web.Response:
    """Carry out a command and report its outcome."""
    raw = {action.setting: fields["value"]}
    if fields["value"] == "off_grid" and fields.get("confirm") not in {True, "true"}:
        raise invalid(400, "Off-grid requires 'confirm': true")
    if action.along is not None and fields.get(action.field, "") != "":
        raw[action.along] = fields[action.field]
    try:
        command = parse(raw)
    except BadValue as bad:
        what = "Value" if bad.setting is action.setting else action.field.capitalize()
        hint = " - use seconds or cancel" if bad.setting is Setting.MAX_BACKUP else ""
        raise invalid(400, f"Control Command {what} Invalid{hint}", str(bad)) from bad
    report = await gateway.commands.execute(command, client_of(request, context.settings))
    if report.error is None:
        return private(200 if report.confirmed else 202, success(report))
    subject = "reserve+mode" if len(raw) > 1 else action.setting.value
    return failed(report.error, f"Failed to set {subject}", named(report.after))


def success(report: Report) -> dict[str, Any]:
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
        # The gateway has the whole pack's scale; the cloud, which only accepts, has the app's.
        percent = raw_percent(reserve) if report.confirmed else reserve
        body["set_backup_reserve_percent"] = {"backup_reserve_percent": round(percent, 6), "result": done}
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
    return private(error.status, body, headers)
