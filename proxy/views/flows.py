"""Which source feeds which sink: the nine flows of a site, in watts.

The same algorithm as ``web/flows.js``, which draws it. Grid power beyond what the home needs
charges the battery, the rest of the charge is solar; what is left of the sun is exported,
export beyond that is battery; the home takes sun, then battery, then grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Readings:
    """Signed watts at one instant: None is unknown, 0 is a part that the site lacks.

    ``generator`` produces (+), the vehicles ``ev`` charge (+). An ``islanded`` site has no grid,
    whatever the noise of its meter says.
    """

    solar: float | None
    site: float | None
    battery: float | None
    load: float | None
    generator: float = 0.0
    ev: Sequence[float] = ()
    islanded: bool = False


@dataclass(frozen=True, slots=True)
class Flows:
    """Watts, each at least 0, from s(olar), b(attery), g(rid), (ge)n(erator) to h(ome), b, g.

    ``home`` is what the flows bring home, ``h2e`` what the vehicles take of it. ``unserved`` is
    what flows out beyond what comes in, ``unbalanced`` by how much the meters disagree
    (sources less sinks). ``derived`` names the reading that was missing and is computed.
    """

    s2h: float
    s2b: float
    s2g: float
    g2h: float
    g2b: float
    b2h: float
    b2g: float
    n2h: float
    n2b: float
    h2e: float
    home: float
    unserved: float
    unbalanced: float
    derived: str | None


def complete(readings: Readings) -> tuple[dict[str, float], str | None] | None:
    """Return solar, site, battery and load with the one that is missing filled in, and its name.

    None if two or more are missing.
    """
    given = {
        "solar": readings.solar,
        "site": 0.0 if readings.islanded else readings.site,
        "battery": readings.battery,
        "load": readings.load,
    }
    known = {name: value for name, value in given.items() if value is not None}
    missing = [name for name in given if name not in known]
    if len(missing) > 1:
        return None
    if not missing:
        return known, None
    sources = sum(value for name, value in known.items() if name != "load") + readings.generator
    known[missing[0]] = sources if missing[0] == "load" else known["load"] - sources
    return known, missing[0]


def flows(readings: Readings) -> Flows | None:
    """Split the readings into flows; None if two or more of them are missing."""
    completed = complete(readings)
    if completed is None:
        return None
    known, derived = completed
    solar, site, battery = known["solar"], known["site"], known["battery"]
    sun, exported = max(solar, 0.0), max(-site, 0.0)
    discharged, charged = max(battery, 0.0), max(-battery, 0.0)
    generated = 0.0 if exported else max(readings.generator, 0.0)
    line = max(site, 0.0) + generated
    home = max(0.0, sun + line + discharged - exported - charged)

    surplus = min(max(line - home, 0.0), charged)
    s2b = min(sun, charged - surplus)
    s2g = min(sun - s2b, exported)
    b2g = min(discharged, exported - s2g)
    # The second term is more than 0 only for readings that do not balance.
    l2b = surplus + min(line - surplus, charged - surplus - s2b)
    s2h = min(home, sun - s2b - s2g)
    b2h = min(home - s2h, discharged - b2g)
    l2h = min(home - s2h - b2h, line - l2b)
    share = generated / line if line else 0.0
    return Flows(
        s2h=s2h,
        s2b=s2b,
        s2g=s2g,
        g2h=(1 - share) * l2h,
        g2b=(1 - share) * l2b,
        b2h=b2h,
        b2g=b2g,
        n2h=share * l2h,
        n2b=share * l2b,
        h2e=min(sum(max(power, 0.0) for power in readings.ev), home),
        home=home,
        unserved=max(0.0, exported + charged - sun - line - discharged),
        unbalanced=(sun + line + discharged) - (known["load"] + exported + charged),
        derived=derived,
    )
