"""What is kept of every minute: a projection of QUANTITIES.

Values are kept as whole numbers, because those take one to four bytes each: watts, watt-hours,
hundredths of a percent. ``Column.scale`` is what a value is multiplied with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from proxy.history.numbers import kept
from proxy.views.quantities import EDGES, QUANTITIES, Kind, Quantity
from proxy.views.state import SiteState

_SCALES: Final = {"W": 1.0, "Wh": 1.0, "%": 100.0, "": 100.0}


class Fold(Enum):
    """How the readings of a minute, and the minutes of an hour, are aggregated."""

    SPREAD = "mean, least and most"
    MEAN = "mean"
    LAST = "the last"


# Folded otherwise than their kind says; None is not kept. What the app shows follows from the raw scale.
_SPECIAL: Final[Mapping[str, Fold | None]] = {
    **{f"flow_{edge}": Fold.MEAN for edge in EDGES},
    **dict.fromkeys(("flow_home", "flow_unserved", "flow_unbalanced"), None),
    "charge": Fold.SPREAD,
    **dict.fromkeys(("reserve", "energy_remaining", "energy_capacity", "grid_up"), Fold.MEAN),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One quantity of every minute."""

    quantity: Quantity[SiteState]
    fold: Fold

    @property
    def name(self) -> str:
        """The name of the quantity, and of the column of its mean or last value."""
        return self.quantity.name

    @property
    def scale(self) -> float:
        """The factor by which a value is stored."""
        return _SCALES[self.quantity.unit]

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of its columns in the database: the mean first, then the least and the most."""
        return (self.name, f"{self.name}_min", f"{self.name}_max") if self.is_spread else (self.name,)

    @property
    def is_spread(self) -> bool:
        """Whether the least and the most of it are kept too."""
        return self.fold is Fold.SPREAD

    def read(self, state: SiteState) -> float | None:
        """Read its value, scaled; None if it is unknown."""
        value = kept(self.quantity.read(state))
        return None if value is None else value * self.scale


def _fold(quantity: Quantity[SiteState]) -> Fold | None:
    if quantity.name in _SPECIAL:
        return _SPECIAL[quantity.name]
    if quantity.kind is Kind.COUNTER:
        return Fold.LAST
    return Fold.SPREAD if quantity.kind is Kind.GAUGE and quantity.unit == "W" else None


COLUMNS: Final[tuple[Column, ...]] = tuple(
    Column(quantity, fold) for quantity in QUANTITIES if (fold := _fold(quantity)) is not None
)
BY_NAME: Final[Mapping[str, Column]] = {column.name: column for column in COLUMNS}
PARTS: Final[tuple[str, ...]] = tuple(part for column in COLUMNS for part in column.parts)
