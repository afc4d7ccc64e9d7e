"""The vitals of what stands between the house and the grid: islander, built-in and outside meters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from proxy.drivers.tedapi.data import Facts, names, rows, section, signals, split_din, text
from proxy.drivers.tedapi.translate import current_transformers as cts
from proxy.drivers.tedapi.translate.devices import Device, controller_name, device
from proxy.drivers.tedapi.translate.measures import meter_z, switch_component

_LINES = ("1", "2", "3")
_ISLANDER = (
    *(f"ISLAND_VL{line}N_{side}" for line in _LINES for side in ("Main", "Load")),
    *(f"ISLAND_FreqL{line}_{side}" for line in _LINES for side in ("Main", "Load")),
    *(f"ISLAND_PhaseL{line}_Main_Load" for line in _LINES),
    *(f"ISLAND_L{line}MicrogridOk" for line in _LINES),
    *(f"ISLAND_{pair}PhaseDelta" for pair in ("L1L2", "L1L3", "L2L3")),
    "ISLAND_GridState",
    "ISLAND_ReadyForSynchronization",
)
_SWITCHES = ("SYNC_ExternallyPowered", "SYNC_SiteSwitchEnabled")


def synchroniser(facts: Facts) -> Iterator[Device]:
    """Describe the synchroniser board: islander, meters X and Y. Sites with a backup switch have none."""
    board = section(facts.bus, "SYNC")
    part, serial = board.get("packagePartNumber"), text(board.get("packageSerialNumber"))
    if serial:
        reported = _reported_by(facts, serial)
        values = islander(facts) | {name: reported.get(name) for name in _SWITCHES}
        for meter in ("METER_X", "METER_Y"):
            values |= _meter(meter, {**reported, **section(board, f"{meter}_AcMeasurements")})
        alerts = names(section(board, "alerts").get("active"))
        yield f"TESYNC--{part}--{serial}", device(part, serial, 259, controller_name(facts), alerts, **values)


def backup_switch(facts: Facts) -> Iterator[Device]:
    """Describe the backup switch: meter Z, and the islander where no synchroniser has it."""
    on_bus, component = section(facts.bus, "MSA"), switch_component(facts) or {}
    part = on_bus.get("packagePartNumber") or component.get("partNumber")
    serial = text(on_bus.get("packageSerialNumber")) or text(component.get("serialNumber"))
    if not serial:
        return
    values = _meter("METER_Z", meter_z(facts))
    if not text(section(facts.bus, "SYNC").get("packageSerialNumber")):
        values |= islander(facts)
    alerts = [alert.get("name") for alert in rows(component, "activeAlerts")]
    yield f"TEMSA--{part}--{serial}", device(part, serial, 300, controller_name(facts), alerts, **values)
    yield (
        f"TESLA--{serial}",
        {
            "componentParentDin": controller_name(facts),
            "lastCommunicationTime": None,
            "manufacturer": "TESLA",
            "meterAttributes": {"meterLocation": [1]},
            "serialNumber": serial,
        },
    )


def islander(facts: Facts) -> dict[str, Any]:
    """Give voltages, frequencies and state on both sides of the contactor."""
    measured = section(facts.bus, "ISLANDER", "ISLAND_AcMeasurements")
    connection = section(facts.bus, "ISLANDER", "ISLAND_GridConnection")
    values = {name: measured.get(name) for name in _ISLANDER}
    return values | {"ISLAND_GridConnected": connection.get("ISLAND_GridConnected")}


def meters(facts: Facts) -> Iterator[Device]:
    """Describe the meters outside: Neurio and Tesla remote meters."""
    yield from _outside("NEURIO", cts.neurio(facts), _neurio_frame(facts))
    yield from _outside("TRM", cts.remote(facts), _remote_frame(facts))


def _reported_by(facts: Facts, serial: Any) -> dict[str, Any]:
    """Give the signals of the component with a serial number."""
    reported: dict[str, Any] = {}
    for component in facts.components:
        if component.get("serialNumber") == serial:
            reported |= signals(component)
    return reported


def _meter(meter: str, readings: Mapping[str, Any]) -> dict[str, Any]:
    """Give everything that a built-in meter can say."""
    measures = [
        f"CT{phase}_{what}" for phase in "ABC" for what in ("InstRealPower", "InstReactivePower", "I")
    ]
    energies = ["LifetimeEnergyImport", "LifetimeEnergyExport"]
    volts = [f"VL{line}N" for line in _LINES]
    return {f"{meter}_{name}": readings.get(f"{meter}_{name}") for name in (*measures, *energies, *volts)}


def _outside(
    kind: str,
    transformers: Iterable[cts.Transformer],
    frame: Callable[[cts.Transformer], dict[str, Any]],
) -> Iterator[Device]:
    found: dict[str, dict[str, Any]] = {}
    for ct in transformers:
        values = {
            "InstRealPower": ct.power_w,
            "InstReactivePower": ct.reactive_var,
            "InstVoltage": ct.voltage_v,
            "InstCurrent": ct.current_a,
            "Location": ct.location,
        }
        if kind == "TRM":
            values |= {"EnergyExportedWs": ct.exported_ws, "EnergyImportedWs": ct.imported_ws}
        named = {f"{kind}_CT{ct.slot}_{name}": value for name, value in values.items()}
        found.setdefault(ct.meter, frame(ct)).update(named)
    yield from ((f"{kind}--{meter}", values) for meter, values in found.items())


def _neurio_frame(facts: Facts) -> Callable[[cts.Transformer], dict[str, Any]]:
    def frame(ct: cts.Transformer) -> dict[str, Any]:
        return {
            "componentParentDin": facts.config.get("vin"),
            "firmwareVersion": None,
            "lastCommunicationTime": None if ct.read_at is None else int(ct.read_at),
            "manufacturer": "NEURIO" if ct.configured else None,
            "meterAttributes": {"meterLocation": []},
            "serialNumber": ct.meter,
        }

    return frame


def _remote_frame(facts: Facts) -> Callable[[cts.Transformer], dict[str, Any]]:
    def frame(ct: cts.Transformer) -> dict[str, Any]:
        part, serial = split_din(ct.meter)
        return {
            "componentParentDin": controller_name(facts),
            "lastCommunicationTime": None if ct.read_at is None else int(ct.read_at),
            "manufacturer": "TESLA",
            "partNumber": part,
            "serialNumber": serial or ct.meter,
        }

    return frame
