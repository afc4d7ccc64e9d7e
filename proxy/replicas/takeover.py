"""How a gateway goes over from one replica to another.

A takeover is a restart with the state of the other replica: session, refused logins, energies and pins are found
in the state folder by new drivers, and no login is needed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from proxy.core.breaker import State
from proxy.core.errors import Scope
from proxy.drivers.registry import drivers_for

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.replicas.state import SharedState

# The first failure and two trials.
_TRIED: Final = 3


async def renew_drivers(gateway: Gateway, state: SharedState, own_terms: frozenset[str]) -> None:
    """Make new drivers from the state of the replica before, if there was another one.

    The old ones are closed first: what they know goes to the state folder, and is joined with what comes.
    """
    if not state.has_copies(own_terms):
        return
    links = gateway.cache.links
    await asyncio.gather(*(link.driver.close() for link in links))
    await state.adopt(own_terms)
    gateway.packs.reload()
    drivers = drivers_for(gateway.settings, gateway.state, gateway.clock)
    for link, driver in zip(links, drivers, strict=True):
        link.driver = driver


def is_cut_off(gateway: Gateway) -> bool:
    """Say whether no link has reached the gateway for two trials, for no reason that holds for other replicas too."""
    breakers = [link.breaker for link in gateway.cache.links]
    return bool(breakers) and all(
        breaker.state is not State.CLOSED
        and breaker.trips >= _TRIED
        and breaker.error is not None
        and breaker.error.scope is Scope.LINK
        and not breaker.error.guards_account
        for breaker in breakers
    )
