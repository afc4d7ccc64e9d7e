"""How every view can be varied, by the owner or by the request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Settings and request parameters that change a rendering.

    ``neg_solar`` leaves negative solar power as it is (PW_NEG_SOLAR); site power of at most
    ``site_zero_threshold`` watts counts as none (PW_SITE_ZERO_THRESHOLD). ``headers`` adds
    the CSV's first line. ``pack_order`` names the packs seen so far, PW1 first (see ``packs``).
    """

    neg_solar: bool = True
    site_zero_threshold: float = 0.0
    headers: bool = False
    pack_order: tuple[str, ...] = ()
