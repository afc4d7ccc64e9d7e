"""What a scrape shows of one gateway: the state of its site, and what concerns the scrape itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from proxy.core.sources import STATUS

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.core.model import Source
    from proxy.views.state import SiteState


@dataclass(frozen=True, slots=True)
class ScrapedSite:
    """One gateway at the moment of a scrape.

    ``driver`` is the name of the first link that reports the gateway's status, ``epoch`` the time
    of day (seconds) at which the monotonic clock was 0. ``serials`` allows serial numbers.
    """

    state: SiteState
    driver: str
    epoch: float
    serials: bool

    def read_at(self, source: Source) -> float | None:
        """Return the time of day (seconds) at which a source was observed."""
        observed_at = self.state.observed_at.get(source)
        return None if observed_at is None else self.epoch + observed_at


def scraped_site(cache: SourceCache, state: SiteState, wall: float, *, serials: bool = False) -> ScrapedSite:
    """Put together what a scrape at this time of day (``wall``, seconds) shows."""
    driver = next((link.driver.name for link in cache.links if link.has(STATUS)), "")
    return ScrapedSite(state, driver, wall - cache.clock.monotonic(), serials)


def moment(text: str | None) -> float | None:
    """Read a time of day of the gateway into seconds; None for year 1, which means never."""
    try:
        read = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if read.year == 1 or read.tzinfo is None else read.timestamp()
