"""What answers the routes of the history: read in the thread of the archives, packed there, too."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from aiohttp import web

from proxy.history import reading
from proxy.history.answers import (
    alert_json,
    day_json,
    days_csv,
    device_json,
    outage_json,
    series_csv,
    series_json,
)
from proxy.history.archive import Unavailable
from proxy.history.days import day_of
from proxy.history.energies import DayTotals
from proxy.history.query import BadQuery, Query, parse
from proxy.server.http.admission import target_of
from proxy.server.http.coding import choose, has_it, offered, pack, tag_of
from proxy.server.http.problems import PUBLIC_HEADERS, problem

if TYPE_CHECKING:
    from proxy.history.recorder import Recorder

Maker: TypeAlias = Callable[[sqlite3.Connection], str]

_MOST_INCIDENTS: Final = 1000
_A_MONTH_S: Final = 31 * 86_400
_SMALL: Final = 1000  # packing so few bytes gains nothing


async def history_json(request: web.Request, recorder: Recorder) -> web.Response:
    """Answer with series, and for steps of a day or more with energies."""
    query = parse(request.query, recorder.zone, recorder.now)

    def make(db: sqlite3.Connection) -> str:
        return json.dumps(document(db, query, recorder), separators=(",", ":"))

    return await _answer(request, recorder, make, "application/json")


async def history_csv(request: web.Request, recorder: Recorder) -> web.Response:
    """Answer with a table: of energies for steps of a day or more, else of series."""
    query, zone = parse(request.query, recorder.zone, recorder.now), recorder.zone

    def make(db: sqlite3.Connection) -> str:
        if query.step:
            return days_csv(_energies(db, query, recorder))
        return series_csv(
            reading.series(db, query.columns, query.span, zone, recorder.now), query.columns, zone
        )

    name = f'attachment; filename="history-{day_of(query.span.begin, zone)}.csv"'
    return await _answer(request, recorder, make, "text/csv; charset=utf-8", {"Content-Disposition": name})


async def history_alerts(request: web.Request, recorder: Recorder) -> web.Response:
    """Answer with alerts and outages, of the last month unless ``from`` says otherwise."""
    texts = {"from": str(recorder.now - _A_MONTH_S), **request.query, "step": "day"}
    span = parse(texts, recorder.zone, recorder.now).span

    def make(db: sqlite3.Connection) -> str:
        alerts = reading.alerts(db, span.begin, span.end, _MOST_INCIDENTS)
        outages = reading.outages(db, span.begin, span.end, _MOST_INCIDENTS)
        return json.dumps(
            {
                "from": span.begin,
                "to": span.end,
                "alerts": [*map(alert_json, alerts)],
                "outages": [*map(outage_json, outages)],
            },
            separators=(",", ":"),
        )

    return await _answer(request, recorder, make, "application/json")


def document(db: sqlite3.Connection, query: Query, recorder: Recorder) -> dict[str, Any]:
    """Make the document of /history.json."""
    span, zone, now = query.span, recorder.zone, recorder.now
    found = reading.series(db, query.columns, span, zone, now)
    extent = reading.extent(db)
    devices = reading.devices(db, query.devices, span, now) if query.devices else []
    outages = reading.outages(db, span.begin, span.end, _MOST_INCIDENTS)
    return {
        "v": 1,
        "gateway": recorder.id,
        "zone": str(zone),
        "simulated": recorder.is_simulated,
        "now": round(now),
        "first": extent[0] if extent else None,
        "from": span.begin,
        "to": span.end,
        "step": query.step or found.step_s,
        **series_json(found, query.columns),
        "devices": [*map(device_json, devices)],
        "energies": [day_json(totals, label) for label, totals in _energies(db, query, recorder)]
        if query.step
        else [],
        "outages": [*map(outage_json, outages)],
    }


def _energies(db: sqlite3.Connection, query: Query, recorder: Recorder) -> list[tuple[str, DayTotals]]:
    """Read the energies of the days or months of a span; today's are those of this moment."""
    zone, span = recorder.zone, query.span
    first, last = day_of(span.begin, zone), day_of(span.end - 1, zone)
    found = {totals.day: totals for totals in reading.days(db, first, last)}
    found |= {totals.day: totals for totals in recorder.today() if first <= totals.day <= last}
    totals = [found[day] for day in sorted(found)]
    if query.step == "month":
        return [(f"{each.day:%Y-%m}", each) for each in reading.months(totals)]
    return [(each.day.isoformat(), each) for each in totals]


async def _answer(
    request: web.Request,
    recorder: Recorder,
    make: Maker,
    media_type: str,
    others: Mapping[str, str] | None = None,
) -> web.Response:
    """Make an answer in the thread of the archive, unless the client has it already."""
    coding = choose(request.headers.get("Accept-Encoding", ""), offered())
    minute = int(recorder.now // 60)
    state = f"{recorder.started_at} {recorder.archive.commits} {minute} {target_of(request)}"
    tag = f'"{hashlib.sha256(state.encode()).hexdigest()[:16]}"'
    headers = {
        **PUBLIC_HEADERS,
        "Cache-Control": "no-cache",
        "ETag": tag_of(tag, coding),
        "Vary": "Accept-Encoding",
    }
    if has_it(request.headers.get("If-None-Match", ""), tag):
        return web.Response(status=304, headers=headers)

    def work(db: sqlite3.Connection) -> tuple[bytes, str]:
        body = make(db).encode()
        used = coding if len(body) > _SMALL else ""
        return pack(body, used), used

    body, used = await recorder.archive.read(work)
    headers |= {"Content-Type": media_type, "ETag": tag_of(tag, used), **(others or {})}
    if used:
        headers["Content-Encoding"] = used
    return web.Response(body=body, headers=headers)


def _guarded(
    endpoint: Callable[[web.Request, Recorder], Awaitable[web.Response]],
) -> Callable[[web.Request, Recorder], Awaitable[web.Response]]:
    async def answer(request: web.Request, recorder: Recorder) -> web.Response:
        try:
            return await endpoint(request, recorder)
        except BadQuery as exc:
            return problem(400, str(exc))
        except Unavailable:
            return problem(
                503, "The history cannot be read now; the log says why.", headers={"Retry-After": "60"}
            )

    return answer


ENDPOINTS: Final = {each.__name__: _guarded(each) for each in (history_json, history_csv, history_alerts)}
