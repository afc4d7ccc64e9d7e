"""The rows of the history in the table of routes."""

from __future__ import annotations

from proxy.server.route import Route

GROUP = "History"
QUERY = ("series", "devices", "from", "to", "step", "range")


def _row(
    path: str, summary: str, endpoint: str, query: tuple[str, ...], media_type: str = "application/json"
) -> Route:
    is_for_all = path.startswith("/api/")
    return Route(
        path, summary, GROUP, endpoint=endpoint, query=query, media_type=media_type, total=not is_for_all
    )


ROUTES: tuple[Route, ...] = (
    Route(
        "/history",
        "Day, week, month and year as charts and tables",
        GROUP,
        endpoint="history_page",
        media_type="text/html",
        public=False,
        total=True,
    ),
    _row("/history.json", "Powers, charge and energies of the past", "history_json", QUERY),
    _row("/history.csv", "The same as a table", "history_csv", QUERY, "text/csv; charset=utf-8"),
    _row(
        "/alerts/history",
        "Alerts and outages of the past, the latest first",
        "history_alerts",
        ("from", "to"),
    ),
    *(
        _row(f"/api/timeseries/{name}", f"As in pypowerwall-server: {summary}", f"timeseries_{name}", query)
        for name, summary, query in (
            ("daily", "energies of days (kWh)", ("days", "start", "end", "gateway")),
            ("today", "those of today", ()),
            ("trend", "powers (kW) and charge, some 360 points", ("hours", "start", "end", "fit", "gateway")),
            ("samples", "powers (W) of every minute", ("start", "end", "limit", "gateway")),
            ("status", "what is kept, and how much", ()),
            ("signals", "series of temperatures", ("gateway",)),
            (
                "signal_trend",
                "values of these series",
                ("metrics", "devices", "hours", "start", "end", "resolution", "gateway"),
            ),
        )
    ),
)
