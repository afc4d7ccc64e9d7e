"""Keeping the charge that the battery has: the reserve becomes the present charge, and the house draws from the grid.

The charge is read now; a reading of minutes ago would give energy away or buy it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from proxy.cache.lookup import CacheResult
from proxy.core.errors import SourceUnavailable
from proxy.core.sources import SOE
from proxy.views.meters import charge_app

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway

_NEW = frozenset({CacheResult.FRESH, CacheResult.MISS})


async def reserve_to_hold(gateway: Gateway) -> tuple[int, float]:
    """Return the present charge, rounded down, and the highest reserve up to it that the firmware takes.

    Both are percent of the app's scale. Raises GatewayError if the charge cannot be read now.
    """
    got = (await gateway.cache.get((SOE,))).sources[SOE]
    if got.snapshot is None or got.result not in _NEW:
        raise got.error or SourceUnavailable("the charge is not known now", retry_after=1.0)
    percent = charge_app({SOE: got.snapshot.document.value})
    if percent is None:
        raise SourceUnavailable("the gateway does not report its charge", retry_after=1.0)
    # The scale has noise in its last bits: 19.999999999999996 is 20, not 19.
    charge = math.floor(round(percent, 9))
    return charge, await gateway.commands.rules.reserve_taken(charge)
