"""Which endpoint answers which source, and the documents that are made of an answer. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.config.gateway_settings import OWNER
from proxy.core.errors import BadAnswer, GatewayError, NotSupported, SourceUnavailable
from proxy.core.model import ENERGY_COUNTERS, Document, Exchange, Setting, Source
from proxy.core.sources import (
    CLOUD_RULES,
    CLOUD_SETTINGS,
    GRID_STATUS,
    METERS,
    OPERATION,
    POWERWALLS,
    SITE_INFO,
    SITE_NAME,
    SOE,
    STATUS,
    SYSTEM_STATUS,
    TARIFF,
    TIME_REMAINING,
    VITALS,
    WALL_CONNECTORS,
)
from proxy.core.validation import CHECKS
from proxy.drivers.cloud import mapping
from proxy.drivers.cloud.commands import held
from proxy.drivers.cloud.mapping import Reported
from proxy.drivers.tedapi.translate.mask import masked

LIVE: Final = Exchange("live_status")
INFO: Final = Exchange("site_info")
BATTERY: Final = Exchange("site_status")
TIME: Final = Exchange("backup_time_remaining")

Mapped = Callable[[Reported], "dict[str, Any] | None"]


def _settings(reported: Reported) -> dict[str, Any]:
    return {setting.value: value for setting, value in held(reported.info).items()}


def _grid_rules(reported: Reported) -> dict[str, Any]:
    shown = held(reported.info)
    return {rule.value: shown.get(rule) for rule in (Setting.GRID_CHARGING, Setting.GRID_EXPORT)}


FROM_LIVE: Mapping[Source, Mapped] = {
    METERS: mapping.aggregates,
    SOE: mapping.soe,
    GRID_STATUS: mapping.grid_status,
    SYSTEM_STATUS: mapping.system_status,
    VITALS: mapping.vitals,
    WALL_CONNECTORS: mapping.wall_connectors,
}
FROM_INFO: Mapping[Source, Mapped] = {
    OPERATION: mapping.operation,
    STATUS: mapping.status,
    SITE_NAME: mapping.site_name,
    SITE_INFO: mapping.site_info,
    POWERWALLS: mapping.powerwalls,
    TARIFF: mapping.tariff,
    CLOUD_SETTINGS: _settings,
    CLOUD_RULES: _grid_rules,
}
FROM_TIME: Mapping[Source, Mapped] = {TIME_REMAINING: mapping.time_remaining}
# What a site without battery does not have, and what not every site lists.
_OF_BATTERIES = frozenset({OPERATION, POWERWALLS, SOE, SYSTEM_STATUS, TIME_REMAINING, VITALS})
_LISTED = frozenset({POWERWALLS, TARIFF})


@dataclass(frozen=True, slots=True)
class Held:
    """An answer: when it came (monotonic seconds), and how old its values were then."""

    value: Mapping[str, Any]
    at: float
    age_s: float = 0.0

    @property
    def observed_at(self) -> float:
        """When its values were true (monotonic seconds)."""
        return self.at - self.age_s


def tables(mode: str) -> Mapping[Exchange, Mapping[Source, Mapped]]:
    """Give the sources of each endpoint.

    The answers themselves are under the paths that the pypowerwall proxy has for the two APIs: whole
    for the Owner API, without their envelope for the Fleet API.
    """
    if mode == OWNER:
        return {
            LIVE: {**FROM_LIVE, Source("/cloud/power"): lambda reported: _enveloped(reported.live)},
            INFO: {**FROM_INFO, Source("/cloud/config"): lambda reported: _enveloped(reported.info)},
            BATTERY: {Source("/cloud/battery"): lambda reported: _enveloped(reported.battery)},
            TIME: FROM_TIME,
        }
    return {
        LIVE: {**FROM_LIVE, Source("/fleetapi/status"): lambda reported: masked(reported.live) or None},
        INFO: {**FROM_INFO, Source("/fleetapi/info"): lambda reported: masked(reported.info) or None},
        TIME: FROM_TIME,
    }


def documents(
    table: Mapping[Source, Mapped], reported: Reported, held: Held, energy_from: str
) -> dict[Source, Document | GatewayError]:
    """Make the documents of an answer; ``energy_from`` says where the energies come from."""
    return {source: _document(source, build, reported, held, energy_from) for source, build in table.items()}


def _document(
    source: Source, build: Mapped, reported: Reported, held: Held, energy_from: str
) -> Document | GatewayError:
    value = build(reported)
    if value is None:
        return _absent(source, reported)
    if (check := CHECKS.get(source)) and (problem := check(value)):
        return BadAnswer(f"{source} {problem}")
    notes = {ENERGY_COUNTERS: energy_from} if source == METERS and reported.energies else {}
    body = json.dumps(value, separators=(",", ":")).encode()
    return Document(value, body, held.observed_at, held.at, notes=notes)


def _absent(source: Source, reported: Reported) -> GatewayError:
    """Say why a source is missing: permanently where the site does not have it, else until it is reported again."""
    lacks_battery = source in _OF_BATTERIES and not reported.has_battery
    if reported.info and (lacks_battery or source in _LISTED):
        return NotSupported(f"{source}: the cloud does not report this for this site")
    return SourceUnavailable(f"{source}: the cloud does not report this at the moment")


def _enveloped(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"response": masked(answer)} if answer else None
