"""Where a gateway is now: for a name, and for ``PW_HOST=auto``.

A name leads where the system says. While no connection comes about there, or another certificate is shown, and
for ``auto`` as long as no address is known, the gateway is searched for: at the addresses known so far, at those
that this machine knows of (discovery.py), and with PW_HOST_SCAN at every address of its networks. What is found is
the gateway only if it shows the pinned certificate; before anything is pinned, only if it is the only gateway.
A search sends nothing but handshakes, and as long as nothing is found searches become rare.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final

from proxy.config.gateway_settings import AUTO
from proxy.drivers.dial import NotFound, resolve
from proxy.state.certificates import PINS

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.drivers.dial import Resolve
    from proxy.drivers.discovery import Candidate, Found, Places
    from proxy.state.store import StateStore

_log = logging.getLogger(__name__)

# In the state folder: where a gateway was found, by the address of PW_HOST.
ADDRESSES: Final = "addresses.json"
# What is between two searches at least; twice that after each in vain.
_SHORTEST_PAUSE_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 3600.0


class Locator:
    """Gives the addresses of one gateway; ``address`` is what pins and sentences call it.

    Its owner, a Dialer, has one lookup under way at a time, and reports how the addresses did.
    """

    def __init__(
        self,
        address: str,
        port: int,
        settings: GatewaySettings,
        memory: StateStore,
        clock: Clock,
        places: Places | None = None,
        *,
        resolve: Resolve = resolve,
    ) -> None:
        self._address = address
        self._port = port
        self._settings = settings
        self._memory = memory
        self._clock = clock
        self._resolve = resolve
        self._places = places
        self._given: Sequence[str] = ()
        self._failed: frozenset[str] = frozenset()
        self._pause_s = _SHORTEST_PAUSE_S
        self._search_at = -math.inf
        # The only gateway that a search found, which is to be pinned before the next.
        self._only: str | None = None

    def resolve(self, host: str) -> asyncio.Future[list[str]]:
        """Begin to look up the addresses to connect to. The result may be an OSError."""
        self._given = ()
        lookup = asyncio.create_task(self._look_up(host), name="locator")
        # The caller may have given up before there is a result.
        lookup.add_done_callback(lambda it: None if it.cancelled() else it.exception())
        return lookup

    def report(self, *, is_there: bool) -> None:
        """Note whether the addresses that were given lead to the gateway: a connection came about, the pin was shown."""
        self._failed = frozenset() if is_there else frozenset(self._given)

    @property
    def has_more(self) -> bool:
        """Whether a lookup would give other addresses than the last one, or search for them."""
        known = self._known()
        return (known is not None and known not in self._given) or self._is_due

    @property
    def _is_due(self) -> bool:
        return self._clock.monotonic() >= self._search_at

    async def _look_up(self, host: str) -> list[str]:
        found = await self._found(host)
        self._given = found
        return found

    async def _found(self, host: str) -> list[str]:
        is_auto = host == AUTO
        pins = self._pins(is_auto=is_auto)
        known = self._known() if pins else None if self._is_due else self._only
        if known and known not in self._failed:
            return [known]
        named = [] if is_auto else await self._named(host)
        if named and not self._failed:
            return named
        if (is_auto or pins) and self._is_due:
            found = await self._search(named, pins)
            if found:
                return [found]
        if not is_auto:
            return named or await self._resolve(host)
        if not known:
            raise NotFound(self._nothing(pins))
        return [known]

    async def _named(self, host: str) -> list[str]:
        """Return the addresses of a name; none if it has none now, which is no end: the pin may be elsewhere."""
        try:
            return await self._resolve(host)
        except OSError:
            return []

    async def _search(self, named: Sequence[str], pins: frozenset[str]) -> str | None:
        """Search at one circle of addresses after another, each once, and keep what is found."""
        probed: set[str] = set()
        pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, _LONGEST_PAUSE_S)
        try:
            async for circle in self._circles(named, has_pin=bool(pins)):
                unprobed = [candidate for candidate in circle if candidate.address not in probed]
                probed |= {candidate.address for candidate in unprobed}
                if found := await self._recognised(unprobed, pins):
                    self._pause_s = _SHORTEST_PAUSE_S
                    return await self._keep(found)
            return None
        finally:
            self._search_at = self._clock.monotonic() + pause_s

    async def _circles(self, named: Sequence[str], *, has_pin: bool) -> AsyncIterator[list[Candidate]]:
        """Yield where to search, near before far. Without a pin all that is near counts at once."""
        from proxy.drivers import discovery  # noqa: PLC0415 - reads certificates, which few starts need

        places = self._places or discovery.Places()
        known = self._known()
        so_far = dict.fromkeys([*([known] if known else []), *named])
        nearest = [discovery.Candidate(address, "the address so far") for address in so_far]
        if has_pin:
            yield nearest
        yield [*nearest, *await discovery.candidates(places)]
        if self._settings.host_scan:
            yield discovery.subnet_candidates(places)

    async def _recognised(self, circle: list[Candidate], pins: frozenset[str]) -> Found | None:
        """Return the gateway among these addresses: the one that is pinned, or else the only one."""
        from proxy.drivers.discovery import probe_all  # noqa: PLC0415 - reads certificates, which few starts need

        found = [gateway async for gateway in probe_all(circle, self._port)]
        if pins:
            return next((gateway for gateway in found if gateway.fingerprint in pins), None)
        if len(found) > 1:
            hosts = ", ".join(gateway.host for gateway in found)
            raise NotFound(f"{len(found)} gateways were found ({hosts}): set PW_HOST to the right one")
        return found[0] if found else None

    async def _keep(self, found: Found) -> str:
        address, before = found.address, self._known()
        self._failed, self._only = frozenset(), address
        if address != before:
            extra = {"gateway": self._address, "address": found.host, "reason": found.reason}
            _log.info("gateway found", extra={**extra, **({"before": before} if before else {})})
            await self._memory.submit(self._memory.update, ADDRESSES, {self._address: address})
        return address

    def _known(self) -> str | None:
        known = self._memory.recall(ADDRESSES).get(self._address)
        return known if isinstance(known, str) else None

    def _pins(self, *, is_auto: bool) -> frozenset[str]:
        """Return the certificates that are the gateway's: its own pin, or for ``auto`` those of before it was that."""
        pins = {
            address: pin.replace(":", "").lower()
            for address, pin in self._memory.recall(PINS).items()
            if isinstance(pin, str)
        }
        if self._address in pins:
            return frozenset({pins[self._address]})
        return frozenset(pins.values()) if is_auto else frozenset()

    def _nothing(self, pins: frozenset[str]) -> str:
        which = "no gateway with the pinned certificate" if pins else "no gateway"
        where = (
            "in the networks of this machine"
            if self._settings.host_scan
            else "among the neighbours of this machine (PW_HOST_SCAN=yes looks further)"
        )
        return f"{which} was found {where}; set PW_HOST to its address"
