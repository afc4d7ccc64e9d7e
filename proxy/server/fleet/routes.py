"""Rows about several gateways, and what a total has of the others."""

from __future__ import annotations

from typing import Final

from proxy.server.route import Route

FLEET: Final[tuple[Route, ...]] = (
    Route(
        "/gateways",
        "The gateways and sites of this proxy: id, name, state and age of the readings. All paths are also below "
        "/gateways/ID/, those of a total below /sites/ID/",
        "Gateways",
        endpoint="gateways",
        process=True,
    ),
)

# The rows that a total can answer (core/totals.py); any other is a question for one gateway.
OF_SITES: Final = frozenset(
    {
        *("/aggregates", "/battery", "/soe", "/csv", "/csv/v2", "/json", "/pod", "/alerts", "/alerts/pw"),
        *("/api/meters/aggregates", "/api/operation", "/api/system_status"),
        *("/api/system_status/grid_status", "/api/system_status/soe", "/api/site_info/site_name"),
        *(
            f"/pw/{name}"
            for name in (
                *("aggregates", "alerts", "battery", "battery_blocks", "get_mode", "get_reserve"),
                *("get_time_remaining", "grid", "grid_status", "home", "level", "load", "power", "site"),
                *("site_name", "solar", "system_status"),
            )
        ),
        *("/", "/flow.html", "/flow.json", "/events", "/health", "/ready", "/docs", "/help", "/example.html"),
    }
)
