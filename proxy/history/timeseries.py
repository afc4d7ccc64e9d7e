"""``/api/timeseries/*`` as pypowerwall-server 0.13 answers it, for programs made for that.

The forms are its own, and so are its errors (422, as FastAPI writes them). What differs is true: a day that
comes from counters says so (``source``), a pause is no energy (``gap_seconds``), a sum with a member missing
is absent, and what is unknown is null.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date, timedelta
from heapq import merge
from itertools import islice, starmap
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from aiohttp import web

from proxy.core.model import JSON, app_percent
from proxy.history import reading
from proxy.history import totals as totals_of
from proxy.history.answers import written
from proxy.history.archive import Unavailable, joined
from proxy.history.columns import BY_NAME
from proxy.history.days import bounds, day_of
from proxy.history.energies import DayTotals, basis
from proxy.history.reading import Span
from proxy.history.schema import MINUTE
from proxy.history.timeseries_query import (
    HOUR_S,
    POINTS,
    Recorders,
    Refused,
    chosen_of,
    day,
    moment,
    read_all,
    whole,
)
from proxy.history.timeseries_signals import signal_trend, signals, status
from proxy.history.totals import Part
from proxy.server.http.problems import PUBLIC_HEADERS, problem

if TYPE_CHECKING:
    from proxy.history.archive import Worker
    from proxy.history.recorder import Recorder

_POWERS: Final = tuple(
    BY_NAME[name] for name in ("solar_power", "load_power", "battery_power", "site_power", "charge")
)
_AHEAD_S: Final = 300
_KILO: Final = 1000.0
_ROW: Final = {
    "solar_kwh": "solar",
    "home_kwh": "home",
    "battery_charge_kwh": "battery_in",
    "battery_discharge_kwh": "battery_out",
    "grid_import_kwh": "grid_in",
    "grid_export_kwh": "grid_out",
}


# -- energies --------------------------------------------------------------------------------------


def _row(recorder: Recorder, totals: DayTotals) -> dict[str, Any]:
    end = bounds(totals.day, recorder.zone)[1]
    last = min(recorder.journal.last_at or end, end)
    return {
        "gateway_id": recorder.id,
        "day": totals.day.isoformat(),
        **{key: _kilo(totals.total.get(name)) for key, name in _ROW.items()},
        "last_sample_ts": last,
        "updated_at": last,
        "gap_seconds": round(totals.gap_s),
        "source": basis(totals.total, totals.integrated),
    }


def _kilo(value: float | None) -> float | None:
    return None if value is None else value / _KILO


def _latest(recorders: Recorders) -> float | None:
    """Return the time of the last reading of any gateway."""
    return max((at for each in recorders.values() if (at := each.journal.last_at)), default=None)


def daily(query: Mapping[str, str], recorders: Recorders) -> Any:
    """Return the energies of days, the newest first."""
    count = whole(query, "days", 7, 1, 366)
    start, end = day(query, "start"), day(query, "end")
    if start and end and start > end:
        raise Refused("start", "value_error", "must not be after end")

    def read(recorder: Recorder, db: sqlite3.Connection) -> list[DayTotals]:
        today = day_of(recorder.now, recorder.zone)
        first = start or (date.min if end else today - timedelta(days=count - 1))
        last = end or date.max
        known = {each.day: each for each in reading.days(db, first, last)}
        known |= {each.day: each for each in recorder.journal.today() if first <= each.day <= last}
        return list(known.values())

    chosen = chosen_of(query, recorders)
    rows: dict[str, dict[str, Any]] = {}
    for id_, days in read_all(chosen, read).items():
        for totals in days:
            rows.setdefault(totals.day.isoformat(), {})[id_] = _row(recorders[id_], totals)
    return {
        "enabled": True,
        "days": [{"day": day, "gateways": rows[day]} for day in sorted(rows, reverse=True)],
        "last_updated": _latest(chosen),
    }


def today(_: Mapping[str, str], recorders: Recorders) -> Any:
    """Return the energies of today; a gateway of which nothing was read today is absent."""
    rows = {
        recorder.id: _row(recorder, totals)
        for recorder in recorders.values()
        for totals in recorder.journal.today()
        if totals.day == day_of(recorder.now, recorder.zone)
    }
    now = max((recorder.now for recorder in recorders.values()), default=0.0)
    return {"enabled": True, "gateways": rows, "server_time": now}


# -- powers ----------------------------------------------------------------------------------------


def trend(query: Mapping[str, str], recorders: Recorders) -> Any:
    """Return mean powers of some 360 spans, all gateways together."""
    hours = whole(query, "hours", 24, 1, 168)
    start, end = moment(query, "start"), moment(query, "end")
    chosen = chosen_of(query, recorders)
    now = max((recorder.now for recorder in recorders.values()), default=0.0)
    if query.get("fit", "").lower() in {"true", "1", "yes", "on"}:
        extents = read_all(chosen, lambda _, db: reading.extent(db)).values()
        start = min((float(extent[0]) for extent in extents if extent), default=now - hours * HOUR_S)
    end = now + _AHEAD_S if end is None else end
    start = now - hours * HOUR_S if start is None else start
    step = max(math.ceil((end - _AHEAD_S - start) / POINTS / 60) * 60, 60)
    span = Span(int(start // step) * step, max(math.ceil(end), int(start) + 1), step)
    columns = totals_of.needed(_POWERS, "")
    found = read_all(chosen, lambda each, db: reading.series(db, columns, span, each.zone, each.now))
    parts = {id_: Part(known, chosen[id_].has_battery) for id_, known in found.items()}
    grids = {id_: each.grid for id_, each in chosen.items()}
    points = list(_points(totals_of.of_all(parts, _POWERS, grids)))
    return {
        "enabled": True,
        "hours": hours,
        "bucket_seconds": float(step),
        "start": start,
        "end": end,
        "points": points,
        "count": len(points),
        "last_updated": _latest(chosen),
    }


def _points(found: reading.Series) -> Iterable[dict[str, Any]]:
    """Write the totals of all gateways, span by span."""
    values = [found.values.get(column.name, ()) for column in _POWERS]
    for at, solar, home, battery, grid, charge in zip(found.at, *values, strict=True):
        yield {
            "ts": float(at),
            "solar_kw": _kilo(solar),
            "home_kw": _kilo(home),
            "battery_kw": _kilo(battery),
            "grid_kw": _kilo(grid),
            "battery_level": None if charge is None else _app(charge),
        }


def _app(charge: float) -> float:
    return min(max(app_percent(charge), 0.0), 100.0)


def samples(query: Mapping[str, str], recorders: Recorders) -> Any:
    """Return minutes, ascending; the first ones of a span that has more than ``limit``."""
    start, end = moment(query, "start"), moment(query, "end")
    limit = whole(query, "limit", 500, 1, 10_000)

    def read(recorder: Recorder, db: sqlite3.Connection) -> list[tuple[Any, ...]]:
        begin = int(start) if start is not None else int(recorder.now) - MINUTE_SPAN
        until = math.ceil(end) if end is not None else math.ceil(recorder.now) + 1
        return [(recorder.id, *row) for row in reading.minutes(db, _POWERS, begin, until, limit)]

    found = read_all(chosen_of(query, recorders), read).values()
    rows = [*islice(merge(*found, key=itemgetter(1)), limit)]
    return {"enabled": True, "samples": starmap(_sample, rows), "count": len(rows)}


MINUTE_SPAN: Final = MINUTE.kept_s or 0


def _sample(
    id_: str,
    at: int,
    solar: float | None,
    home: float | None,
    battery: float | None,
    grid: float | None,
    charge: float | None,
) -> dict[str, Any]:
    return {
        "gateway_id": id_,
        "ts": float(at),
        "solar_w": solar,
        "home_w": home,
        "battery_charge_w": _half(battery, -1),
        "battery_discharge_w": _half(battery, 1),
        "grid_import_w": _half(grid, 1),
        "grid_export_w": _half(grid, -1),
        "soe": None if charge is None else _app(charge),
    }


def _half(watts: float | None, sign: int) -> float | None:
    return None if watts is None else max(watts * sign, 0.0)


# -- answers ---------------------------------------------------------------------------------------

Answer: TypeAlias = Callable[[web.Request, Recorders, "Worker"], Awaitable[web.Response]]


def _answered(endpoint: Callable[[Mapping[str, str], Recorders], Any]) -> Answer:
    async def answer(request: web.Request, recorders: Recorders, worker: Worker) -> web.Response:
        try:
            body, code = await worker.run(lambda: joined(written(endpoint(request.query, recorders)))), 200
        except Refused as exc:
            body, code = joined(written({"detail": [exc.detail]})), 422
        except Unavailable:
            return problem(
                503, "The history cannot be read now; the log says why.", headers={"Retry-After": "60"}
            )
        headers = {**PUBLIC_HEADERS, "Content-Type": JSON, "Cache-Control": "no-store"}
        return web.Response(status=code, body=body, headers=headers)

    return answer


ENDPOINTS: Final[Mapping[str, Answer]] = {
    each.__name__: _answered(each) for each in (daily, today, trend, samples, status, signals, signal_trend)
}
