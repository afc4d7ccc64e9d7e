"""What every command must keep to: values that the firmware takes, and a distance from the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core.commands import reserve_taken
from proxy.core.errors import TooSoon, ValueRefused
from proxy.core.firmware import NEWEST, UNKNOWN, parse_version
from proxy.core.model import Command, Setting
from proxy.core.sources import STATUS
from proxy.views.json_access import section, text

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.core.clock import Clock


class CommandRules:
    """The rules of one gateway. Islanding commands are at least ``islanding_cooldown_s`` apart."""

    def __init__(self, cache: SourceCache, clock: Clock, islanding_cooldown_s: float) -> None:
        self._cache = cache
        self._now = clock.monotonic
        self._islanding_cooldown_s = islanding_cooldown_s
        self._islanded_at = float("-inf")

    async def check(self, command: Command) -> None:
        """Note a command that is about to be sent. Raises CommandRejected for one that must not be."""
        wanted = command.values.get(Setting.RESERVE)
        if wanted is not None and wanted != await self.reserve_taken(wanted):
            raise ValueRefused(
                f"this firmware takes a reserve of 0 to 80 % or of 100 %, not of {wanted:g} %: nothing was changed"
            )
        if Setting.ISLANDING in command.values:
            self._note_islanding()

    async def reserve_taken(self, percent: float) -> float:
        """Return the highest reserve up to this one (percent, app's scale) that the gateway's firmware takes."""
        if reserve_taken(percent, NEWEST) == percent:
            return percent
        known = (await self._cache.get((STATUS,))).sources[STATUS].snapshot
        version = text(section(known.document.value).get("version")) if known else None
        return reserve_taken(percent, parse_version(version) if version else UNKNOWN)

    def _note_islanding(self) -> None:
        now = self._now()
        left = self._islanded_at + self._islanding_cooldown_s - now
        if left > 0:
            raise TooSoon(
                f"the last islanding command was less than {self._islanding_cooldown_s:g} s ago: "
                "look at the grid status before the next one",
                retry_after=left,
            )
        self._islanded_at = now
