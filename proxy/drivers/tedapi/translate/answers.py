"""What an exchange reports: every source of its table, as a document or as the error that says why not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from proxy.core.errors import GatewayError, NotSupported, SourceUnavailable
from proxy.core.model import ENERGY_COUNTERS, Document, Source
from proxy.core.sources import METER_LIST, METERS, SOE, SOLAR_INVERTERS
from proxy.drivers.tedapi.data import Facts, get_path
from proxy.drivers.tedapi.parts import Part
from proxy.drivers.tedapi.translate.meters import METERS as METER_NAMES
from proxy.drivers.tedapi.translate.sources import Translation, translate

# What a site has or has not; everything else can come back with the next answer.
_DETAILS = frozenset(Source(f"/api/meters/{name}") for name in METER_NAMES)
_LASTING = _DETAILS | {METER_LIST, SOLAR_INVERTERS}

# Energies that we counted ourselves are marked as such wherever they are served.
_INTEGRATED: Mapping[Source, Mapping[str, str]] = {
    source: {ENERGY_COUNTERS: "integrated"} for source in (METERS, *_DETAILS)
}


def translated(
    table: Mapping[Source, Translation],
    facts: Facts,
    parts: Sequence[Part],
    failed: GatewayError | None = None,
) -> dict[Source, Document | GatewayError]:
    """Translate, and say of every source of the table that nothing is known of, why.

    ``parts`` are the answers that these facts come from, the latest request first; ``failed`` is
    why one that is needed for them could not be had, if so.
    """
    translated = translate(table, facts)
    known = {source: value for source, value in translated.items() if not isinstance(value, GatewayError)}
    unknown = {
        source: why if (why := translated.get(source)) else absent(source, facts, failed)
        for source in table
        if source not in known
    }
    return documents(known, parts, _INTEGRATED if facts.counters else {}) | unknown


def absent(source: Source, facts: Facts, failed: GatewayError | None = None) -> GatewayError:
    """Say why a source is not reported."""
    if failed is not None:
        return failed
    if source in _LASTING or (source == SOE and facts.config.get("battery_blocks") == []):
        return NotSupported(f"{source}: this site has none")
    if get_path(facts.controller, "system", "sitemanagerStatus", "isRunning") is False:
        return SourceUnavailable(f"{source}: the gateway's site manager is not running")
    return SourceUnavailable(f"{source}: the gateway does not report this at the moment")


def documents(
    values: Mapping[Source, Any],
    parts: Sequence[Part],
    notes: Mapping[Source, Mapping[str, str]] | None = None,
) -> dict[Source, Document | GatewayError]:
    """Make documents of values. Drivers that translate make the bodies themselves.

    They are as old as the oldest part, and as fresh as the first.
    """
    return {
        source: Document(
            value,
            json.dumps(value, separators=(",", ":")).encode(),
            observed_at=min(part.requested_at for part in parts),
            answered_at=parts[0].answered_at,
            notes=(notes or {}).get(source, {}),
        )
        for source, value in values.items()
    }
