"""The two corrections of power that an owner can choose, for everything that shows power or counts energy.

- negative solar power (an inverter's own use at night) becomes 0 unless it is to be shown;
- site power within a threshold of zero (a meter's noise) becomes 0.

What a correction takes away is settled with the load, so that load = site + battery + solar
holds as well as it did before. The two therefore commute; solar is done first.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Powers:
    """The four powers of a house in watts; None where the gateway gave no number."""

    site: float | None
    battery: float | None
    solar: float | None
    load: float | None


def corrected(powers: Powers, *, neg_solar: bool, site_zero_threshold: float) -> Powers:
    """Apply the corrections; ``neg_solar`` leaves negative solar power, the threshold is in watts."""
    site, solar, load = powers.site, powers.solar, powers.load
    if not neg_solar and solar is not None and solar < 0:
        load = None if load is None else load - solar
        solar = 0
    if site is not None and 0 < abs(site) <= site_zero_threshold:
        load = None if load is None else load - site
        site = 0
    return Powers(site, powers.battery, solar, load)
