"""What an exchange tells: every source of its table, as a document or as the error that says why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from proxy.core.errors import GatewayError, NotSupported, SourceUnavailable
from proxy.core.model import Document, Source
from proxy.core.sources import METERS, SOE, STATUS
from proxy.drivers.tedapi.data import Facts, get_path
from proxy.drivers.tedapi.translate.meters import METERS as METER_NAMES
from proxy.drivers.tedapi.translate.sources import FROM_CONFIG, Translation, translate

# What a site has or has not; everything else can come back with the next answer.
_DETAILS: frozenset[Source] = frozenset(f"/api/meters/{name}" for name in METER_NAMES)
_LASTING = _DETAILS | {"/api/meters", "/api/solars"}

# Energies that we counted ourselves are marked as such wherever they are served.
_INTEGRATED: Mapping[Source, Mapping[str, str]] = {
    source: {"Energy-Counters": "integrated"} for source in (METERS, *_DETAILS)
}


def tell(
    table: Mapping[Source, Translation],
    facts: Facts,
    failed: GatewayError | None = None,
    age_s: float = 0.0,
) -> dict[Source, Document | GatewayError]:
    """Translate, and say of every source of the table that nothing is known of, why.

    ``failed`` is why a document that changes slowly could not be had, if so; ``age_s``
    how old the oldest of these facts is.
    """
    known = translate(table, facts)
    missing = {source: absent(source, facts, failed) for source in table if source not in known}
    return documents(known, _INTEGRATED if facts.counters else {}, age_s) | missing


def absent(source: Source, facts: Facts, failed: GatewayError | None = None) -> GatewayError:
    """Say why a source is not told."""
    if failed is not None and (source in FROM_CONFIG or source == STATUS):
        return failed
    if source in _LASTING or (source == SOE and facts.config.get("battery_blocks") == []):
        return NotSupported(f"{source}: this site has none")
    if get_path(facts.controller, "system", "sitemanagerStatus", "isRunning") is False:
        return SourceUnavailable(f"{source}: the gateway's site manager is not running")
    return SourceUnavailable(f"{source}: the gateway does not tell this at the moment")


def documents(
    values: Mapping[Source, Any],
    notes: Mapping[Source, Mapping[str, str]] | None = None,
    age_s: float = 0.0,
) -> dict[Source, Document | GatewayError]:
    """Make documents of values. Drivers that translate make the bodies themselves."""
    return {
        source: Document(
            value,
            json.dumps(value, separators=(",", ":")).encode(),
            notes=(notes or {}).get(source, {}),
            age_s=age_s,
        )
        for source, value in values.items()
    }
