"""What /health and /stats say of all gateways, under the names that pypowerwall-server's programs know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxy import __version__
from proxy.core.sources import METERS
from proxy.server.fleet import cloud_control
from proxy.server.fleet.members import member_of

if TYPE_CHECKING:
    from proxy.server.context import Context
    from proxy.views.gateway_object import Member


def health_keys(context: Context) -> dict[str, Any]:
    """Return ids, how many gateways answer, and what is wrong with the others."""
    members = _members(context)
    online = sum(member.is_online for member in members.values())
    return {
        "gateway_ids": list(members),
        "gateways_online": online,
        "gateways_offline": len(members) - online,
        "gateway_details": [
            {"id": id_, "online": member.is_online, "error": member.error} for id_, member in members.items()
        ],
    }


def stats_keys(context: Context) -> dict[str, Any]:
    """Return versions, kinds of connections and the state of every gateway; times in seconds since 1970."""
    members, cloud = _members(context), cloud_control.in_stats(context)
    online = sum(member.is_online for member in members.values())
    return {
        "pypowerwall_version": __version__,
        "server_version": __version__,
        "basiclan": any(member.configured["basic_lan"] for member in members.values()),
        "cloudcontrol": cloud is not None,
        "cloud_control": cloud,
        "gateways": {"total": len(members), "online": online, "offline": len(members) - online},
        "gateway_statuses": [_status(context, id_, member) for id_, member in members.items()],
    }


def _members(context: Context) -> dict[str, Member]:
    return {id_: member_of(gateway, (METERS,)) for id_, gateway in context.gateways.items()}


def _status(context: Context, id_: str, member: Member) -> dict[str, Any]:
    state = context.gateways[id_].status()
    failures = max((link.failures_in_row for link in state.links), default=0)
    waits = [link.wait_s(state.at) for link in state.links if not link.is_up]
    return {
        "id": id_,
        "name": member.configured["name"],
        "host": member.configured["host"],
        "online": member.is_online,
        "last_error": member.error,
        "last_updated": member.last_success,
        "consecutive_failures": failures,
        "backoff_seconds": round(min(waits, default=0.0), 1),
    }
