"""The energy counters of a site: those of its history where it has one, else integrated from its powers, else none.

Never both: the history counts since the site was installed, and what is integrated since the proxy was. A
site whose history was read once keeps it; one that turns out to have none is integrated from then
on, and its history is looked for again by the next process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxy.drivers.cloud.history import Energies
    from proxy.drivers.cloud.meter import HistoryMeter
    from proxy.drivers.energy import EnergyMeter


class SiteEnergies:
    """What counts the energies of one site; without either of its parts they are unknown."""

    def __init__(self, history: HistoryMeter | None, integrated: EnergyMeter | None) -> None:
        self._history = history
        self._integrated = integrated
        self._counted: Energies = {}

    @property
    def reads_history(self) -> bool:
        """Whether the history of the site is read."""
        return self._history is not None and not self._integrates

    @property
    def counters(self) -> Energies:
        """(Imported, exported) watt-hours by meter; a meter whose energies are unknown is missing."""
        return self._history.counters if self._history and self.reads_history else self._counted

    @property
    def origin(self) -> str:
        """Where the counters come from, as answers are marked."""
        return "cloud" if self.reads_history else "integrated"

    async def count(self, site_id: int | None, powers: Mapping[str, float | None], at: float) -> None:
        """Take the powers (watts) of a moment (monotonic seconds)."""
        if self._integrated is not None and self._integrates:
            await self._integrated.open(str(site_id))
            self._counted = self._integrated.count(powers, at)
            self._integrated.save_soon()

    async def update(self, info: Mapping[str, Any]) -> None:
        """Read the history; ``info`` is ``site_info``."""
        if self._history is not None:
            await self._history.update(info)

    async def close(self) -> None:
        """Write counts down."""
        if self._integrated is not None:
            await self._integrated.close()

    def describe(self) -> Any:
        """Say how energies are counted."""
        if self.reads_history:
            return "history"
        return self._integrated.describe() if self._integrated else None

    @property
    def _integrates(self) -> bool:
        return self._integrated is not None and (self._history is None or self._history.is_missing)
