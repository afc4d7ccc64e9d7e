"""``/api/timeseries/``status, signals and signal_trend: what is kept, and the temperatures of the packs."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from proxy.history import reading
from proxy.history.database import FILE
from proxy.history.days import bounds, day_of
from proxy.history.reading import Span
from proxy.history.schema import MINUTE, SIGNAL
from proxy.history.timeseries_query import (
    DAY_S,
    HOUR_S,
    POINTS,
    Recorders,
    Refused,
    chosen_of,
    moment,
    read_all,
    whole,
)
from proxy.history.writing import used_bytes

if TYPE_CHECKING:
    from proxy.history.recorder import Recorder

_MOST_RAW_S: Final = 14 * DAY_S
_METRIC: Final = "controller_ambient"
_METRICS: Final[Mapping[str, Any]] = {
    _METRIC: {
        "signals": ["THC_AmbientTemp"],
        "label": "Thermal controller ambient",
        "unit": "°C",
        "group": "temperature",
        "order": 50,
    }
}
_GROUPS: Final = {"temperature": {"label": "Temperature", "order": 10, "zero_based": False, "decimals": 1}}


def status(_: Mapping[str, str], recorders: Recorders) -> Any:
    """Return what is recorded, and its amount."""

    def count(_: Recorder, db: sqlite3.Connection) -> tuple[int, ...]:
        tables = ("minute", "energy", "series", "signal", "signal_day")
        return (
            *(db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables),
            used_bytes(db),
        )

    found = read_all(recorders, count)
    sums = [sum(each) for each in zip(*found.values(), strict=True)] or [0] * 6
    return {
        "enabled": True,
        "retention_seconds": MINUTE.kept_s,
        "daily_retention_seconds": 0,
        "db_file": FILE,
        "db_size_bytes": sums[5],
        "samples": sums[0],
        "daily_rows": sums[1],
        "signals_enabled": True,
        "signal_retention_seconds": SIGNAL.kept_s,
        "signal_interval_seconds": SIGNAL.span_s,
        "signal_series": sums[2],
        "signal_samples": sums[3],
        "signal_daily_rows": sums[4],
        "write_failures": sum(each.archive.failures for each in recorders.values()),
        "writes_pending": sum(each.archive.pending for each in recorders.values()),
        "write_rejections": 0,
        "gateways": list(recorders),
        "gateway_names": {id_: each.name for id_, each in recorders.items()},
    }


def signals(query: Mapping[str, str], recorders: Recorders) -> Any:
    """Return which series of temperatures there are."""
    chosen = chosen_of(query, recorders)
    found = read_all(chosen, lambda _, db: reading.device_extents(db, "temperature"))
    series = []
    for id_, devices in found.items():
        zone = recorders[id_].zone
        for device, first, last in devices:
            days = {"first_day": str(day_of(first, zone)), "last_day": str(day_of(last, zone))}
            series.append({**_labels(id_, device), "first_ts": float(first), "last_ts": float(last), **days})
    return {
        "enabled": True,
        "signals_enabled": True,
        "interval_seconds": SIGNAL.span_s,
        "metrics": _METRICS,
        "groups": _GROUPS,
        "series": series,
    }


def signal_trend(query: Mapping[str, str], recorders: Recorders) -> Any:
    """Return the values of series of temperatures, in spans or by day."""
    hours = whole(query, "hours", 24, 1, 24 * 3660)
    start, end = moment(query, "start"), moment(query, "end")
    resolution = query.get("resolution", "auto")
    if resolution not in {"auto", "raw", "daily"}:
        pattern = "^(auto|raw|daily)$"
        msg = f"String should match pattern '{pattern}'"
        raise Refused(
            "resolution", "string_pattern_mismatch", msg, input=resolution, ctx={"pattern": pattern}
        )
    now = max((recorder.now for recorder in recorders.values()), default=0.0)
    end = now if end is None else end
    start = end - hours * HOUR_S if start is None else start
    is_raw = end - start <= _MOST_RAW_S and resolution != "daily"
    step = max(math.ceil((end - start) / POINTS / 60) * 60, 60) if is_raw else DAY_S
    span = Span(int(start // step) * step, max(math.ceil(end), int(start) + 1), step)
    wanted = {name for name in query.get("metrics", "").split(",") if name}
    devices = {name for name in query.get("devices", "").split(",") if name}
    series = []
    if not wanted or _METRIC in wanted:
        chosen = chosen_of(query, recorders)
        found = read_all(chosen, lambda each, db: reading.devices(db, ("temperature",), span, each.now))
        series = [
            {**_labels(id_, each.device), "points": _signal_points(each, recorders[id_], is_raw=is_raw)}
            for id_, known in found.items()
            for each in known
            if not devices or each.device in devices
        ]
    return {
        "enabled": True,
        "start": start,
        "end": end,
        "resolution": "raw" if is_raw else "daily",
        "bucket_seconds": float(step),
        "series": series,
    }


def _labels(gateway: str, device: str) -> dict[str, Any]:
    number = device.removeprefix("PW")
    metric = _METRICS[_METRIC]
    return {
        "gateway": gateway,
        "device": device,
        "metric": _METRIC,
        "unit": metric["unit"],
        "label": metric["label"],
        "powerwall": device,
        "powerwall_order": 100 * int(number) if number.isdigit() else 0,
    }


def _signal_points(series: reading.DeviceSeries, recorder: Recorder, *, is_raw: bool) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = [
        {"ts": float(at), "avg": mean, "min": least, "max": most, "n": 1}
        for at, mean, least, most in zip(series.at, series.mean, series.least, series.most, strict=True)
    ]
    if not is_raw:
        for point in points:
            day = day_of(point["ts"] + DAY_S / 2, recorder.zone)
            point |= {"ts": float(bounds(day, recorder.zone)[0] + DAY_S // 2), "day": day.isoformat()}
    return points
