"""Whether the grid is there: readings in, at most one loss and one return for each outage out.

Pure. Times are monotonic seconds, charge is percent on the app's scale. The contactor may open and close many
times in one outage: an outage lasts until the grid was there for ``settle_s`` without a break, and a loss that is
over before that time has passed is no event. What is unknown, or in transition, begins and ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from proxy.notify.events import Fact

UP: Final = "up"
OUTAGE: Final = "outage"
CHOSEN: Final = "off_grid"
UNEXPLAINED: Final = "islanded"
# The worst comes first: of several gateways behind one connection to the grid, it is what the house has.
OFF: Final = (OUTAGE, UNEXPLAINED, CHOSEN)
# The alert with the reason comes with the devices' alerts, later than the state of the grid.
_REASON_WITHIN_S: Final = 120.0
# A command to leave the grid is carried out within this time.
_CHOICE_WITHIN_S: Final = 180.0
# Readings that are further apart do not say when something changed.
_PAUSE_S: Final = 300.0
# The charge has to rise by this much (percent) before it can be low once more.
_HYSTERESIS: Final = 5.0


@dataclass(frozen=True, slots=True)
class GridReading:
    """What is known of the grid at a time; ``explains``: alerts, which give the reason, can be read."""

    at: float
    grid: str
    charge: float | None
    explains: bool


@dataclass(frozen=True, slots=True)
class Absence:
    """A time off the grid, from the first reading of it; ``seen`` is the latest one, ``back_at`` the first with the grid since."""

    start: float
    seen: float
    is_start_known: bool
    charge: float | None
    is_chosen: bool
    back_at: float | None = None
    is_reported: bool = False
    is_low_reported: bool = False


class Grid:
    """Follows the grid of one site. ``low`` is the charge in percent below which a house off the grid is in need."""

    def __init__(self, settle_s: float, low: float) -> None:
        self._settle_s = settle_s
        self._low = low
        self._absence: Absence | None = None
        self._taken_at = float("-inf")
        self._up_at = float("-inf")
        self._chosen_at = float("-inf")

    @property
    def lacks_reason(self) -> bool:
        """Whether the house is off the grid, and it is not known why."""
        absence = self._absence
        return absence is not None and not (absence.is_chosen or absence.is_reported)

    def choose(self, now: float) -> None:
        """Note that the gateway was ordered to leave the grid."""
        self._chosen_at = now

    def observe(self, reading: GridReading) -> Iterator[Fact]:
        """Add a reading; one that is already known is ignored."""
        if reading.at <= self._taken_at:
            return
        self._taken_at = reading.at
        if reading.grid == UP:
            yield from self._up(reading)
        elif reading.grid in OFF:
            yield from self._off(reading)

    def _off(self, reading: GridReading) -> Iterator[Fact]:
        absence = self._following(reading)
        lasted_s = reading.at - absence.start
        settle_s = self._settle_s
        if reading.grid == UNEXPLAINED and reading.explains:
            settle_s = max(settle_s, _REASON_WITHIN_S)
        if lasted_s >= settle_s and not (absence.is_chosen or absence.is_reported):
            absence = replace(absence, is_reported=True)
            yield Fact(
                "grid_lost",
                reading.at,
                {"since": absence.start},
                {
                    "cause": "outage" if reading.grid == OUTAGE else "unknown",
                    "is_start_known": absence.is_start_known,
                    "charge_percent": absence.charge if reading.charge is None else reading.charge,
                },
            )
        if lasted_s >= self._settle_s:
            absence, low = self._charge(absence, reading)
            yield from low
        self._absence = absence

    def _following(self, reading: GridReading) -> Absence:
        """Return the absence that a reading belongs to."""
        known = self._absence
        # The grid may fail while the house is off it by choice: that is another event, and begins now.
        if known is None or (known.is_chosen and reading.grid == OUTAGE):
            was_up = reading.at - self._up_at <= _PAUSE_S or known is not None
            known = Absence(reading.at, reading.at, was_up, reading.charge, is_chosen=False)
        is_ordered = reading.grid == UNEXPLAINED and abs(known.start - self._chosen_at) <= _CHOICE_WITHIN_S
        is_chosen = known.is_chosen or (not known.is_reported and (reading.grid == CHOSEN or is_ordered))
        charge = reading.charge if known.charge is None else known.charge
        return replace(known, seen=reading.at, back_at=None, charge=charge, is_chosen=is_chosen)

    def _charge(self, absence: Absence, reading: GridReading) -> tuple[Absence, list[Fact]]:
        """Report once that the charge is low, and again only after it has risen."""
        if reading.charge is None:
            return absence, []
        if absence.is_low_reported:
            return replace(absence, is_low_reported=reading.charge < self._low + _HYSTERESIS), []
        if reading.charge >= self._low:
            return absence, []
        values = {"charge_percent": reading.charge, "limit_percent": self._low}
        low = Fact("charge_low", reading.at, {"since": absence.start}, values)
        return replace(absence, is_low_reported=True), [low]

    def _up(self, reading: GridReading) -> Iterator[Fact]:
        self._up_at = reading.at
        absence = self._absence
        if absence is None:
            return
        back_at = reading.at if absence.back_at is None else absence.back_at
        if reading.at - back_at < self._settle_s:
            self._absence = replace(absence, back_at=back_at)
            return
        self._absence = None
        if absence.is_reported:
            is_end_known = back_at - absence.seen <= _PAUSE_S
            yield Fact(
                "grid_back",
                reading.at,
                {"since": absence.start, "until": back_at, "seen": absence.seen},
                {
                    "duration_seconds": round((back_at if is_end_known else absence.seen) - absence.start),
                    "is_start_known": absence.is_start_known,
                    "is_end_known": is_end_known,
                    "charge_before_percent": absence.charge,
                    "charge_percent": reading.charge,
                },
            )

    def dump(self, offset: float) -> dict[str, Any]:
        """Return what has to outlive the process; ``offset`` makes Unix time of monotonic seconds."""
        absence = self._absence
        if absence is None:
            return {}
        return {
            "start": absence.start + offset,
            "seen": absence.seen + offset,
            "back_at": None if absence.back_at is None else absence.back_at + offset,
            "is_start_known": absence.is_start_known,
            "charge": absence.charge,
            "is_chosen": absence.is_chosen,
            "is_reported": absence.is_reported,
            "is_low_reported": absence.is_low_reported,
        }

    def load(self, document: Mapping[str, Any], offset: float) -> None:
        """Go on with what an earlier process left. Raises KeyError, TypeError."""
        if not document:
            return
        back_at = document["back_at"]
        self._absence = Absence(
            float(document["start"]) - offset,
            float(document["seen"]) - offset,
            bool(document["is_start_known"]),
            None if document["charge"] is None else float(document["charge"]),
            bool(document["is_chosen"]),
            None if back_at is None else float(back_at) - offset,
            bool(document["is_reported"]),
            bool(document["is_low_reported"]),
        )
