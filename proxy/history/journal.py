"""What was recorded of one gateway and is not written yet. Pure: readings in, batches for the disk out."""

from __future__ import annotations

from datetime import date, tzinfo
from typing import Any, Final

from proxy.history.energies import LONGEST_GAP_S, DayBook, DayTotals, reading_of
from proxy.history.folding import MINUTE_S, Minutes, Row
from proxy.history.incidents import Incidents
from proxy.history.reading import Unfinished
from proxy.history.signals import Signal, signals
from proxy.history.writing import Batch
from proxy.views.state import SiteState

_SIGNALS_EVERY_S: Final = 240.0


class Journal:
    """The minute and the days that are not over, and what has happened since the last batch.

    ``zone_name`` is the time zone of the site, empty while it is not known. Powers that are further apart than
    ``longest_gap_s`` are not integrated.
    """

    def __init__(self) -> None:
        self.zone_name = ""
        self.longest_gap_s = LONGEST_GAP_S
        self._minutes = Minutes()
        self._book = DayBook()
        self._incidents = Incidents()
        self._rows: list[Row] = []
        self._signals: list[tuple[int, Signal]] = []
        self._signals_at: dict[tuple[str, str], float] = {}

    @property
    def last_at(self) -> float | None:
        """The time of the last reading, Unix s."""
        return self._book.last.at if self._book.last else None

    def today(self) -> list[DayTotals]:
        """Return the energies of the days that are not over, as they are at this moment."""
        return list(self._book.snapshot().values())

    def resume(self, left: Unfinished) -> None:
        """Go on with what an earlier process left open."""
        self._book = DayBook(left.last, self.longest_gap_s, {totals.day: totals for totals in left.days})
        self._incidents.resume(left.alerts, left.outage)

    def add(self, at: float, state: SiteState, zone: tzinfo) -> bool:
        """Add a reading of this time (Unix s); return whether it completes a minute."""
        self._incidents.add(at, state)
        self._book.add(reading_of(at, state), zone)
        self._add_signals(at, state)
        return self._keep(self._minutes.add(at, state))

    def _add_signals(self, at: float, state: SiteState) -> None:
        """Record what devices report, once every five minutes."""
        for signal in signals(state):
            key = (signal.device, signal.metric)
            if abs(at - self._signals_at.get(key, 0.0)) >= _SIGNALS_EVERY_S:
                self._signals_at[key] = at
                self._signals.append((int(at), signal))

    def is_over(self, now: float) -> bool:
        """Say whether the minute that is open ended before ``now`` (Unix s)."""
        return self._minutes.at is not None and now >= self._minutes.at + MINUTE_S

    def finish_minute(self) -> None:
        """End the minute that is open."""
        self._keep(self._minutes.finish())

    def _keep(self, row: Row | None) -> bool:
        if row is not None:
            self._rows.append(row)
        return row is not None

    def close_until(self, day: date) -> None:
        """Add no more energies to a day and those before it: they are known from elsewhere."""
        self._book.close_until(day)

    def take_batch(self, zone: tzinfo) -> Batch:
        """Return what is to be written; the next batch begins after it."""
        alerts, outages = self._incidents.take_changes()
        rows, self._rows = self._rows, []
        signals_, self._signals = self._signals, []
        meta: dict[str, Any] = {"zone": self.zone_name} if self.zone_name else {}
        if self._book.last is not None:
            meta["last"] = self._book.last.as_json()
        batch = Batch(rows, signals_, self._book.snapshot(), alerts, outages, meta)
        self._book.close_days(zone)
        return batch
