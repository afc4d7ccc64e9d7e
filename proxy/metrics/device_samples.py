"""How samples are made of the state of devices: battery packs, strings, inverters, phases of the grid, alerts.

Packs and strings are named as in /pod and /strings; other devices are numbered, because
their own names hold serial numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from proxy.metrics.families import Samples
from proxy.metrics.scraped_site import ScrapedSite
from proxy.metrics.site_samples import Convert, converted, joules
from proxy.views.equipment import Inverter, PackState, Phase, SolarString
from proxy.views.quantities import Value

_ALERT: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_MOST_ALERTS: Final = 100

Reader = Callable[[ScrapedSite], Samples]


def pack_identity(scraped: ScrapedSite) -> Samples:
    """Read part number and version of every pack, and its serial number if that may be shown."""
    for known in scraped.state.packs:
        words = (known.part_number or "", known.version or "")
        serial = (known.serial or "",) if scraped.serials else ()
        if any(words):
            yield (known.name, *words, *serial), 1


def pack(read: Callable[[PackState], Value], convert: Convert = float) -> Reader:
    """Read one quantity of every pack."""
    return lambda scraped: (((known.name,), converted(read(known), convert)) for known in scraped.state.packs)


def pack_throughput(scraped: ScrapedSite) -> Samples:
    """Read the energies that went into and out of every pack."""
    for known in scraped.state.packs:
        yield (known.name, "charged"), joules(known.charged)
        yield (known.name, "discharged"), joules(known.discharged)


def pack_inverter_state(scraped: ScrapedSite) -> Samples:
    """Read the state of every pack's inverter."""
    return (((known.name, known.state), 1) for known in scraped.state.packs if known.state)


def fan_speeds(scraped: ScrapedSite) -> Samples:
    """Read the fans; which pack a fan cools is not reported, so it has a name of its own."""
    return scraped.state.fans.items()


def string(read: Callable[[SolarString], Value]) -> Reader:
    """Read one quantity of every string."""
    return lambda scraped: (
        ((name,), converted(read(known))) for name, known in scraped.state.strings.items()
    )


def inverter(read: Callable[[Inverter], float | None]) -> Reader:
    """Read one number of every solar inverter."""
    return lambda scraped: (((str(n),), read(known)) for n, known in enumerate(scraped.state.inverters, 1))


def phase(read: Callable[[Phase], float | None]) -> Reader:
    """Read one number of every phase on both sides of the switch."""
    return lambda scraped: ((ends, read(known)) for ends, known in scraped.state.phases.items())


def alerts_active(scraped: ScrapedSite) -> Samples:
    """Name active alerts: well-formed names only, and not more than a table can bear."""
    named = [name for name in scraped.state.alerts or () if _ALERT.fullmatch(name)]
    return (((name,), 1) for name in named[:_MOST_ALERTS])
