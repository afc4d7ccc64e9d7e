"""What a request for history means. Pure: text in, a bounded span of time and columns out, or a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from proxy.history.columns import BY_NAME, Column
from proxy.history.days import day_of, next_month, start_of
from proxy.history.reading import Span
from proxy.history.signals import METRICS

MOST_POINTS: Final = 2016  # a week of five minutes
MOST_DAYS: Final = 4000
_MINUTE_S: Final = 60
_DAY_S: Final = 86_400
_LONGEST_STEP_S: Final = _DAY_S
_EARLIEST: Final = 946_684_800.0  # 2000
_LATEST: Final = 4_102_444_800.0  # 2100
# A span of at most so many seconds gets this step, if none is requested.
_STEPS: Final = ((2 * _DAY_S + 3600, 300), (8 * _DAY_S, 900), (40 * _DAY_S, 3600))
_WORDS: Final = {"day": _DAY_S, "month": 28 * _DAY_S}
DEFAULT: Final = ("solar_power", "site_power", "battery_power", "load_power", "charge", "reserve", "grid_up")
PARAMETERS: Final = ("series", "devices", "from", "to", "step", "range")


class BadQuery(Exception):
    """A request that means nothing; the text says what would be right."""


@dataclass(frozen=True, slots=True)
class Query:
    """``step`` is "" for seconds, else day or month: then energies are wanted, too."""

    span: Span
    columns: tuple[Column, ...]
    devices: tuple[str, ...]
    step: str


def parse(texts: Mapping[str, str], zone: tzinfo, now: float) -> Query:
    """Read the parameters of a request. Raises BadQuery."""
    begin, end = _limits(texts, zone, now)
    word, step_s = _step(texts.get("step", "auto"), end - begin)
    if (end - begin) / step_s > (MOST_DAYS if word else MOST_POINTS):
        raise BadQuery(f"That would be too many values: a step of {_least(end - begin)} fits this span.")
    return Query(
        Span(begin, end, step_s), _columns(texts.get("series", "")), _devices(texts.get("devices", "")), word
    )


def _least(length_s: float) -> str:
    """Name the steps that a span of this length may have."""
    least = math.ceil(length_s / MOST_POINTS / _MINUTE_S) * _MINUTE_S
    found = [f"at least {least} s"] if least <= _LONGEST_STEP_S else []
    return ", or ".join([*found, "day" if length_s / _DAY_S <= MOST_DAYS else "month"])


def _limits(texts: Mapping[str, str], zone: tzinfo, now: float) -> tuple[int, int]:
    if word := texts.get("range"):
        first = day_of(_time("from", texts["from"], zone) if "from" in texts else now, zone)
        begin_day, end_day = period(word, first)
        return start_of(begin_day, zone), start_of(end_day, zone)
    begin = _time("from", texts["from"], zone) if "from" in texts else start_of(day_of(now, zone), zone)
    end = _time("to", texts["to"], zone, is_end=True) if "to" in texts else max(now, begin + 1)
    if end <= begin:
        raise BadQuery("from has to be before to.")
    return int(begin // _MINUTE_S) * _MINUTE_S, math.ceil(end)


def period(word: str, day: date) -> tuple[date, date]:
    """Return the first day of the day, week, month or year of a day, and that of the next. Raises BadQuery."""
    match word:
        case "day":
            return day, day + timedelta(days=1)
        case "week":
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=7)
        case "month":
            return day.replace(day=1), next_month(day)
        case "year":
            return date(day.year, 1, 1), date(day.year + 1, 1, 1)
    raise BadQuery("range is day, week, month or year.")


def _time(name: str, text: str, zone: tzinfo, *, is_end: bool = False) -> float:
    """Read Unix seconds, a local day (as an end: its last moment), or a time in ISO 8601."""
    try:
        at = float(text)
    except ValueError:
        at = _iso_time(name, text, zone, is_end=is_end)
    if not _EARLIEST <= at <= _LATEST:
        raise BadQuery(f"{name} lies outside of the years 2000 to 2099.")
    return at


def _iso_time(name: str, text: str, zone: tzinfo, *, is_end: bool) -> float:
    try:
        if len(text) == len("2000-01-01"):
            day = date.fromisoformat(text)
            return start_of(day + timedelta(days=1) if is_end else day, zone)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        raise BadQuery(f"{name} is a day (2026-11-29), a time in ISO 8601 or Unix seconds.") from None


def _step(text: str, span_s: int) -> tuple[str, int]:
    if text in _WORDS:
        return text, _WORDS[text]
    if text == "auto":
        found = next((step for longest, step in _STEPS if span_s <= longest), None)
        return ("", found) if found else ("day", _DAY_S)
    if not (
        text.isascii()
        and text.isdigit()
        and _MINUTE_S <= int(text) <= _LONGEST_STEP_S
        and int(text) % _MINUTE_S == 0
    ):
        raise BadQuery("step is a number of seconds, a multiple of 60 up to 86400, or day, month or auto.")
    return "", int(text)


def _columns(text: str) -> tuple[Column, ...]:
    if text == "none":
        return ()
    names = tuple(dict.fromkeys(text.split(","))) if text else DEFAULT
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise BadQuery(f"series are of: {', '.join(BY_NAME)}.")
    return tuple(BY_NAME[name] for name in names)


def _devices(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(","))) if text else ()
    if not set(names) <= METRICS.keys():
        raise BadQuery(f"devices are of: {', '.join(METRICS)}.")
    return names
