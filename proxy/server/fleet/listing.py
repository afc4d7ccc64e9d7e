"""/gateways: what this process reads, and how each of them is. No address and no serial number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from proxy.core.freshness import Freshness
from proxy.drivers.registry import mode_name
from proxy.server.http.problems import PUBLIC_HEADERS

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route

# From the best to the worst.
_STATES: Final = ("ok", "stale", "cooldown", "none")


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoint of this module."""

    async def gateways(_: web.Request, __: Route, ___: Gateway) -> web.Response:
        headers = {"Cache-Control": "no-store", **PUBLIC_HEADERS}
        return web.json_response(listing(context), headers=headers)

    return {"gateways": gateways}


def listing(context: Context) -> dict[str, Any]:
    """List gateways and sites in the order of the configuration; ``href`` is relative to the proxy's own path."""
    all_ = context.gateways
    return {
        "default": context.gateway.id,
        "gateways": [
            {
                **_state(gateway),
                "site": gateway.settings.site or None,
                "mode": mode_name(gateway.settings),
                "href": f"gateways/{gateway.id}/",
            }
            for gateway in all_.values()
        ],
        "sites": [
            {
                **_state(site),
                "members": [member.id for member in site.members],
                "href": f"sites/{site.id}/",
            }
            for site in all_.sites.values()
        ],
    }


def _state(gateway: Gateway) -> dict[str, Any]:
    """Say how old the newest reading is, and its state; of a site, those of the member whose state is the worst."""
    readings = map(_reading, gateway.members or (gateway,))
    state, age = max(readings, key=lambda each: (_STATES.index(each[0]), each[1] or 0.0))
    return {"id": gateway.id, "name": gateway.name, "state": state, "age_seconds": age}


def _reading(gateway: Gateway) -> tuple[str, float | None]:
    """Say whether the newest reading is fresh (ok), stale, or there is none, and its age (s).

    A gateway whose links all wait after failures is in cooldown, with whatever readings are left.
    """
    status = gateway.status()
    if status.links and not any(link.is_up for link in status.links):
        state = "cooldown"
    elif status.newest is None:
        state = "none"
    else:
        state = "ok" if status.newest.freshness(status.at) is Freshness.FRESH else "stale"
    return state, None if status.age is None else round(status.age, 1)
