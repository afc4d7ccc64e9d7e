"""Parameters of ``/api/timeseries/*``, and what FastAPI says of those that mean nothing."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

if TYPE_CHECKING:
    from proxy.history.recorder import Recorder

Recorders: TypeAlias = Mapping[str, "Recorder"]

POINTS: Final = 360
HOUR_S: Final = 3600
DAY_S: Final = 86_400
_DAY_LENGTH: Final = len("2000-01-01")
_LATEST: Final = 4_102_444_800.0


class Refused(Exception):
    """A parameter that is none: what FastAPI would say of it."""

    def __init__(self, name: str, type_: str, msg: str, **others: Any) -> None:
        self.detail = {"type": type_, "loc": ["query", name], "msg": msg, **others}
        super().__init__(msg)


def whole(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """Read a whole number. Raises Refused."""
    text = query.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        msg = "Input should be a valid integer, unable to parse string as an integer"
        raise Refused(name, "int_parsing", msg, input=text) from None
    if value < least:
        msg = f"Input should be greater than or equal to {least}"
        raise Refused(name, "greater_than_equal", msg, input=text, ctx={"ge": least})
    if value > most:
        msg = f"Input should be less than or equal to {most}"
        raise Refused(name, "less_than_equal", msg, input=text, ctx={"le": most})
    return value


def moment(query: Mapping[str, str], name: str) -> float | None:
    """Read Unix seconds; None if there are none. Raises Refused."""
    text = query.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        msg = "Input should be a valid number, unable to parse string as a number"
        raise Refused(name, "float_parsing", msg, input=text) from None
    if not math.isfinite(value):
        raise Refused(name, "finite_number", "Input should be a finite number", input=text)
    return min(max(value, 0.0), _LATEST)


def day(query: Mapping[str, str], name: str) -> date | None:
    """Read a day; None if there is none. Raises Refused."""
    text = query.get(name)
    if text is None:
        return None
    try:
        # The other forms of ISO 8601 are no days to pypowerwall-server.
        return datetime.strptime(text, "%Y-%m-%d").date() if len(text) == _DAY_LENGTH else _no_day(name)  # noqa: DTZ007 - a day
    except ValueError:
        return _no_day(name)


def _no_day(name: str) -> NoReturn:
    raise Refused(name, "value_error", "must be a valid YYYY-MM-DD date")


def chosen_of(query: Mapping[str, str], recorders: Recorders) -> Recorders:
    """Return the gateway that is named, or all."""
    wanted = query.get("gateway")
    return {id_: each for id_, each in recorders.items() if wanted in {None, id_}}


def read_all(recorders: Recorders, call: Callable[[Recorder, sqlite3.Connection], Any]) -> dict[str, Any]:
    """Read of each gateway, in the thread of the archives. Raises Unavailable."""
    return {id_: each.archive.use(partial(call, each)) for id_, each in recorders.items()}
