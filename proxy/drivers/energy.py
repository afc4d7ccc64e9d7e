"""Energy from power, for gateways that have no counters to report.

Each reading is joined to the one before by a straight line, and the area on
either side of zero is added to what the meter has imported and exported. A
pause longer than ``longest_gap_s`` adds nothing, since nothing is known of what
happened meanwhile: the counters are good while clients read at least every few
minutes, and too low otherwise. They outlive the process in the state folder,
under the DIN of the gateway, and never fall (core/high_water.py).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from proxy.core.high_water import HighWater, Kept, Key, Marks
from proxy.core.json_access import number
from proxy.core.powers import Powers, corrected
from proxy.state.store import Unreadable

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.state.store import Document, StateStore

LONGEST_GAP_S = 300.0

_FILE = "energy.json"
# How often the sums are written, and how far ahead the marks are that stand beside them.
_SAVE_EVERY_S = 240.0
_AHEAD_S = 300.0
_HOUR_S = 3600.0
# No house takes or gives a megawatt; counted once, such a reading would stay in the sum for ever.
_MOST_W = 1e6
# These give when their power is positive; grid and home take.
_PRODUCERS = frozenset({"solar", "battery", "generator"})
_SIGNS: Final = ("positive", "negative")


@dataclass(frozen=True, slots=True)
class Counter:
    """What one meter has seen: watt-hours at positive and at negative power, and the last power in watts."""

    positive_wh: float = 0.0
    negative_wh: float = 0.0
    power_w: float | None = None

    def read(self, power_w: float | None, gap_s: float) -> Counter:
        """Take a reading, ``gap_s`` seconds after the last one. An unknown power interrupts the counting."""
        if power_w is not None and abs(power_w) > _MOST_W:
            power_w = None
        if power_w is None or self.power_w is None or gap_s <= 0:
            return replace(self, power_w=power_w)
        positive, negative = areas(self.power_w, power_w, gap_s / _HOUR_S)
        return Counter(self.positive_wh + positive, self.negative_wh + negative, power_w)

    @property
    def sums(self) -> tuple[float, float]:
        """The sums, in the order of their signs."""
        return self.positive_wh, self.negative_wh


def areas(first: float, last: float, span: float) -> tuple[float, float]:
    """Give the areas above and below zero of the straight line between two values, both as positive numbers."""
    if first * last >= 0:
        area = (first + last) / 2 * span
        return max(area, 0.0), max(-area, 0.0)
    crossing = first / (first - last) * span
    before, after = abs(first) / 2 * crossing, abs(last) / 2 * (span - crossing)
    return (before, after) if first > 0 else (after, before)


class EnergyMeter:
    """The counters of one gateway, kept under its DIN. Owns the writing that is under way until closed.

    ``address`` is where an earlier release kept them. Powers are counted as they are shown:
    ``neg_solar`` and ``site_zero_threshold`` (watts) are the owner's corrections.
    """

    def __init__(
        self,
        store: StateStore,
        clock: Clock,
        address: str,
        *,
        neg_solar: bool = True,
        site_zero_threshold: float = 0.0,
        longest_gap_s: float = LONGEST_GAP_S,
    ) -> None:
        self._correct = partial(corrected, neg_solar=neg_solar, site_zero_threshold=site_zero_threshold)
        self._store = store
        self._clock = clock
        self._address = address
        self._longest_gap_s = longest_gap_s
        self._account: _Account | None = None
        self._saving: asyncio.Task[None] | None = None
        self._document = self._read()

    async def open(self, din: str) -> None:
        """Find the counters of a gateway, unless they are at hand; where they cannot be read, none are known."""
        if self._account is not None and self._account.din != din:
            await self.close()
            self._account, self._document = None, None
        if self._account is None and (document := self._document or self._read()) is not None:
            row = _row(document, din, self._address)
            self._account = _Account(din, self._address, row, self._clock, self._longest_gap_s)
            self._account.is_kept = self._store.is_persistent

    def count(
        self, powers: Mapping[str, float | None], at: float | None = None
    ) -> Mapping[str, tuple[float, float]]:
        """Take the powers (watts) of a moment (monotonic s, now); return (imported, exported) watt-hours by meter.

        Nothing is returned while the earlier sums are not known.
        """
        if self._account is None:
            return {}
        shown = self._correct(Powers(*map(powers.get, Powers.__slots__)))
        at = self._clock.monotonic() if at is None else at
        return self._account.count({name: getattr(shown, name, power) for name, power in powers.items()}, at)

    def save_soon(self) -> None:
        """Write the counters down, beside the event loop, if that was long ago or a counter passed its mark.

        An SD card may take seconds for it, and wears out: neither readings nor cards are to suffer.
        """
        account = self._account
        if account is None or not account.is_due or (self._saving is not None and not self._saving.done()):
            return
        self._saving = asyncio.create_task(
            self._save(account, account.marks.proposed(self._clock.monotonic()))
        )

    async def close(self) -> None:
        """Write the counters down for the next start."""
        if self._saving is not None:
            await self._saving
        if self._account is not None:
            await self._save(self._account, self._account.marks.exact())

    async def _save(self, account: _Account, marks: Marks) -> None:
        try:
            await self._store.commit(_FILE, account.change(marks))
        except (OSError, Unreadable):  # logged by the store
            account.not_saved()
        else:
            account.saved(marks)

    def _read(self) -> Document | None:
        try:
            return self._store.read(_FILE)
        except Unreadable:  # sums that are unknown are not zero; the file may yet be repaired
            return None

    def describe(self) -> Mapping[str, Any]:
        """Say since when energy has been counted here (seconds since 1970)."""
        return {"method": "integrated", "since": self._account and self._account.since}


class _Account:
    """The counters of one gateway, and what of them is on the disk."""

    def __init__(
        self, din: str, address: str, row: Mapping[str, Any], clock: Clock, longest_gap_s: float
    ) -> None:
        self.din = din
        self._longest_gap_s = longest_gap_s
        self._address = address
        self._clock = clock
        counters = {name: _table(row) for name, row in _table(row.get("counters")).items()}
        self._counters = {name: _counter(row) for name, row in counters.items()}
        self.marks = HighWater(_marks(counters), _AHEAD_S)
        since = number(row.get("since"))
        self.since = clock.wall() if since is None else since
        # Across a restart only the wall clock shows the gap; one that was set back shows none.
        self._until = number(row.get("until"))
        self._read_at = None if self._until is None else clock.monotonic() - (clock.wall() - self._until)
        self._counted_at = -math.inf
        self._saved_at = clock.monotonic()
        self.is_kept = True  # unless writing fails: then nothing is known to be on the disk

    @property
    def is_due(self) -> bool:
        """Say whether it is time to write the counters down."""
        age_s = self._clock.monotonic() - self._saved_at
        return age_s >= _SAVE_EVERY_S or (self.is_kept and self.marks.is_due)

    def count(self, powers: Mapping[str, float | None], at: float) -> Mapping[str, tuple[float, float]]:
        """Take the powers of a moment (monotonic seconds), unless later ones were; return the energies."""
        if at >= self._counted_at:
            self._add(powers, at)
        return {name: self._directions(name, counter) for name, counter in self._counters.items()}

    def _add(self, powers: Mapping[str, float | None], at: float) -> None:
        self._counted_at = at
        gap_s = -1.0 if self._read_at is None else at - self._read_at
        if gap_s > self._longest_gap_s:
            gap_s = -1.0
        self._read_at, self._until = at, self._clock.wall() - (self._clock.monotonic() - at)
        for name, power in powers.items():
            self._counters[name] = self._counters.get(name, Counter()).read(power, gap_s)

    def _directions(self, name: str, counter: Counter) -> tuple[float, float]:
        positive, negative = (
            self._exported((name, sign), value) for sign, value in zip(_SIGNS, counter.sums, strict=True)
        )
        return (negative, positive) if name in _PRODUCERS else (positive, negative)

    def _exported(self, key: tuple[str, str], reading: float) -> float:
        """Return a sum, or its mark until a higher one is on the disk."""
        value = self.marks.export(key, reading)
        return min(value, self.marks.mark(key) or 0.0) if self.is_kept else value

    def change(self, marks: Marks) -> Any:
        """Make the function that writes this account into the document.

        Another process may have counted for the same gateway: nothing is replaced by less.
        """
        row = {"since": self.since, "until": self._until}
        powers = {name: counter.power_w for name, counter in self._counters.items()}
        over = self.marks.over(marks)

        def write(document: Document) -> Document:
            disk = _row(document, self.din, self._address)
            counters = {name: _table(row) for name, row in _table(disk.get("counters")).items()}
            merged = over(_marks(counters))
            rows = {name: {**counters.get(name, {}), "power_w": power} for name, power in powers.items()}
            for (name, sign), kept in merged.items():
                rows.setdefault(name, {})
                rows[name] |= {f"{sign}_wh": kept.reading, f"{sign}_mark_wh": kept.mark}
            others = {key: value for key, value in document.items() if key != self._address}
            return {**others, self.din: {**disk, **row, "counters": rows}}

        return write

    def not_saved(self) -> None:
        """Note that writing failed: it is tried again in a while, and what is exported no longer waits for it."""
        self.is_kept = False
        self._saved_at = self._clock.monotonic()

    def saved(self, marks: Marks) -> None:
        """Note that marks are on the disk."""
        self.is_kept = True
        self._saved_at = self._clock.monotonic()
        self.marks.written(marks, self._saved_at)


def _row(document: Mapping[str, Any], din: str, address: str) -> Mapping[str, Any]:
    """Find a gateway in the document: under its DIN, or where an earlier release had it."""
    return _table(document.get(din)) or _table(document.get(address))


def _marks(counters: Mapping[str, Mapping[str, Any]]) -> Marks:
    """Read sums and marks; a document of an earlier release has no marks, and a sum is one."""
    found: dict[Key, Kept] = {}
    for name, row in counters.items():
        for sign, reading in zip(_SIGNS, _counter(row).sums, strict=True):
            mark = number(row.get(f"{sign}_mark_wh"))
            found[name, sign] = Kept(reading, max(reading, mark or 0.0))
    return found


def _counter(row: Mapping[str, Any]) -> Counter:
    """Read a saved counter; what is damaged starts at zero."""
    positive, negative, power = (number(row.get(key)) for key in ("positive_wh", "negative_wh", "power_w"))
    return Counter(max(positive or 0.0, 0.0), max(negative or 0.0, 0.0), power)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
