"""What the gateway's counters read, kept in the state folder so that no scrape ever sees one fall.

Prometheus takes any decrease for a restart from 0 and adds the whole value again: a meter
that corrects itself by 5 Wh would become 900 kWh. What was exported is therefore held, also
over a restart of the proxy, orderly or not (core/high_water.py): a body leaves only when the
marks of its counters are on the disk.

``counters.json`` has a table for each address at which a gateway was read. At a new address,
a counter goes on from the table in which it fits, and the table moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from proxy.core.high_water import HighWater, Kept, Key, Marks
from proxy.core.json_access import number
from proxy.state.store import Unreadable

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.state.store import Document, StateStore

_FILE: Final = "counters.json"
_AHEAD_S: Final = 300.0  # memory cards are written no more often than this when all runs evenly


class CounterState:
    """The counters of one gateway, by series; nothing of them is known before ``load``."""

    def __init__(self, store: StateStore, address: str, clock: Clock) -> None:
        self._store = store
        self._address = address
        self._clock = clock
        self._levels = HighWater({}, _AHEAD_S, replaceable=True)
        self._elsewhere: dict[str, Marks] = {}
        self._moved: set[str] = set()
        self._is_loaded = False

    async def load(self) -> None:
        """Read what an earlier process left; a document that cannot be read is not touched, and counts as empty."""
        tables: dict[str, Marks] = {}
        with suppress(Unreadable):
            tables = _tables(await self._store.load(_FILE))
        if self._is_loaded:
            return  # for another scrape, meanwhile
        self._is_loaded = True
        if self._address in tables:
            self._levels = HighWater(tables[self._address], _AHEAD_S, replaceable=True)
        else:
            self._elsewhere = tables

    def export(self, series: Key, reading: float) -> float:
        """Take the reading of a counter; return the value to export."""
        if series not in self._levels:
            self._find(series, reading)
        return self._levels.export(series, reading)

    async def settle(self) -> None:
        """Return when everything that ``export`` returned may leave."""
        if self._levels.is_due:
            await self._commit(self._levels.proposed(self._clock.monotonic()))

    async def close(self) -> None:
        """Keep the counters for the next start."""
        if marks := self._levels.exact():
            await self._commit(marks)

    def _find(self, series: Key, reading: float) -> None:
        """Go on with a counter that was read at another address: the one whose mark is next above the reading."""
        found = [
            (table[series].mark, address)
            for address, table in self._elsewhere.items()
            if series in table and table[series].fits(reading)
        ]
        if found:
            _, address = min(found)
            self._levels.adopt(series, self._elsewhere[address][series])
            self._moved.add(address)

    async def _commit(self, marks: Marks) -> None:
        over, moved = self._levels.over(marks), frozenset(self._moved)

        def write(document: Document) -> Document:
            tables = _tables(document)
            tables[self._address] = over(tables.get(self._address, {}))
            return {address: _written(tables[address]) for address in tables if address not in moved}

        with suppress(
            OSError, Unreadable
        ):  # logged by the store: a scrape is worth more than its counters after a crash
            await self._store.commit(_FILE, write)
            self._levels.written(marks, self._clock.monotonic())


def _tables(document: Mapping[str, Any]) -> dict[str, Marks]:
    """Read the tables by address; that of an earlier release, which had only one, has the address ""."""
    tables = {
        address: _marks(table.items()) for address, table in document.items() if isinstance(table, dict)
    }
    if old := _marks(item for item in document.items() if not isinstance(item[1], dict)):
        tables[""] = old
    return tables


def _marks(items: Iterable[tuple[str, Any]]) -> Marks:
    """Read a table: by series a reading and a mark, or (earlier releases) one number that is both."""
    found = {}
    for series, value in items:
        pair = value if isinstance(value, list) else [value, value]
        known = [each for each in map(number, pair) if each is not None]
        if len(known) == len(("reading", "mark")) == len(pair):
            found[tuple(series.split("|"))] = Kept(known[0], max(known))
    return found


def _written(marks: Marks) -> dict[str, list[float]]:
    return {"|".join(series): [kept.reading, kept.mark] for series, kept in marks.items()}
