"""Current transformers of the meters that sit outside the Powerwall: Neurio and Tesla remote meters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.drivers.tedapi.data import Facts, get_path, moment, names, number, rows, scaled, split_din, text

_NEURIO = ("neurio",)
_REMOTE = ("trm",)
_SOLAR = "solar"


@dataclass(frozen=True, slots=True)
class Transformer:
    """One configured current transformer: watts, VAr, volts, amperes, watt-seconds; None if not reported."""

    meter: str  # serial number (Neurio) or DIN (remote meter)
    slot: int
    location: str | None
    power_w: float | None
    reactive_var: float | None
    voltage_v: float | None
    current_a: float | None
    exported_ws: float | None
    imported_ws: float | None
    read_at: float | None  # seconds since 1970
    configured: bool

    @property
    def is_solar(self) -> bool:
        """True for ``solar`` and for the revenue meter ``solarRGM``."""
        return (self.location or "").lower().startswith(_SOLAR)

    @property
    def signed_current_a(self) -> float | None:
        """The current with the sign of its power."""
        if self.current_a is None:
            return None
        return -self.current_a if (self.power_w or 0) < 0 else self.current_a


def neurio(facts: Facts) -> Iterator[Transformer]:
    """List the transformers of the Neurio meters, in the order of the readings."""
    for reading in rows(facts.controller, "neurio", "readings"):
        serial = text(reading.get("serial"))
        if serial:
            entries = _entries(facts, serial, _NEURIO)
            yield from _transformers(serial, entries, rows(reading, "dataRead"), reading.get("timestamp"))


def remote(facts: Facts) -> Iterator[Transformer]:
    """List the transformers of the Tesla remote meters."""
    for meter in rows(facts.controller, "teslaRemoteMeter", "meters"):
        din = text(meter.get("din"))
        if din:
            entries = _entries(facts, din, _REMOTE)
            readings = rows(meter, "reading", "ctReadings")
            yield from _transformers(din, entries, readings, get_path(meter, "reading", "timestamp"))


def at(facts: Facts, location: str) -> list[Transformer]:
    """List the transformers at a place: those of the Neurio meters, else those of the remote meters.

    ``solar`` includes the revenue meter.
    """

    def is_there(ct: Transformer) -> bool:
        return ct.is_solar if location == _SOLAR else ct.location == location

    return list(filter(is_there, neurio(facts))) or list(filter(is_there, remote(facts)))


def _entries(facts: Facts, name: str, kinds: tuple[str, ...]) -> list[Mapping[str, Any]]:
    """List the entries of a meter in the configuration: by serial number, or by the DIN that ends in it.

    A meter whose transformers measure in several places has an entry for each place.
    """
    serial = split_din(name)[1] or name
    return [
        meter
        for meter in rows(facts.config, "meters")
        if str(meter.get("type", "")).startswith(kinds)
        and text(get_path(meter, "connection", "device_serial")) in {name, serial}
    ]


def _entry_of(slot: int, entries: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Find the entry that uses a transformer; one whose list ends before it leaves that open, and comes last."""
    is_open = None
    for entry in entries:
        in_use = names(entry.get("cts"))
        if slot >= len(in_use):
            is_open = is_open or entry
        elif in_use[slot]:
            return entry
    return is_open


def _transformers(
    name: str, entries: list[Mapping[str, Any]], readings: list[Mapping[str, Any]], read_at: Any
) -> Iterator[Transformer]:
    """Pair readings with their configuration. A meter without an entry has no location."""
    for slot, reading in enumerate(readings):
        entry = _entry_of(slot, entries) if entries else {}
        if entry is None:
            continue
        factor = number(entry.get("real_power_scale_factor"))
        yield Transformer(
            meter=name,
            slot=slot,
            location=text(entry.get("location")),
            power_w=scaled(reading.get("realPowerW"), 1 if factor is None else factor),
            reactive_var=number(reading.get("reactivePowerVAR")),
            voltage_v=number(reading.get("voltageV")),
            current_a=number(reading.get("currentA")),
            exported_ws=number(reading.get("energyExportedWs")),
            imported_ws=number(reading.get("energyImportedWs")),
            read_at=moment(read_at),
            configured=bool(entries),
        )
