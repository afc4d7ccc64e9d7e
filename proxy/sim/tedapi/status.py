"""The status and controller documents of TEDAPI, rendered from a scene."""

from __future__ import annotations

from typing import Any

from proxy.sim.documents.vitals import devices
from proxy.sim.island import CONNECTED
from proxy.sim.scene import Scene, rfc3339
from proxy.sim.tedapi.bus import bus
from proxy.sim.tedapi.state import Tedapi

# Component types that a controller query may name; any other fails the whole query.
COMPONENT_TYPES = frozenset(
    {"PVAC", "PVS", "TESYNC", "TEPINV", "TETHC", "TEPOD", "STSTSM", "TEMSA", "PW3BMS", "NEURIO"}
)
# A Powerwall 3 has none of these boards: its parts answer to the components query.
NOT_ON_POWERWALL3 = frozenset({"PVAC", "PVS", "TETHC", "TEPOD", "TEPINV", "TESYNC"})
Variables = dict[str, Any]


def signal(name: str, value: Any, timestamp: str) -> dict[str, Any]:
    """Render a signal: the value stands in the place of its kind, the others are null."""
    return {
        "name": name,
        "value": value if isinstance(value, (int, float)) and not isinstance(value, bool) else None,
        "textValue": value if isinstance(value, str) else None,
        "boolValue": value if isinstance(value, bool) else None,
        "timestamp": timestamp,
    }


def _meters(scene: Scene, tedapi: Tedapi) -> list[dict[str, Any]]:
    reading = scene.reading
    solar, load = reading.solar_w, reading.load_w
    if tedapi.solar_meter_lost:
        # The gateway computes the load from the meters that it sees.
        solar, load = 0.0, load - solar
    powers = {"SITE": reading.site_w, "BATTERY": reading.battery_w, "LOAD": load, "SOLAR": solar}
    if reading.generator_w:
        powers["GENERATOR"] = reading.generator_w
    if not scene.hardware.packs:
        del powers["BATTERY"]
    return [{"location": location, "realPowerW": watts} for location, watts in powers.items()]


def _control(scene: Scene, tedapi: Tedapi) -> dict[str, Any] | None:
    if not scene.running:
        return None
    connected = scene.reading.grid_status == CONNECTED
    alerts = [*scene.reading.alerts, "FWUpdateSucceeded"]
    if tedapi.solar_meter_lost:
        alerts.append("SolarMeterComms")
    none: list[str] = []
    return {
        "systemStatus": {
            "nominalFullPackEnergyWh": scene.reading.full_wh,
            "nominalEnergyRemainingWh": scene.reading.energy_wh,
        },
        "islanding": {
            "customerIslandMode": "Backup",
            "contactorClosed": connected,
            "microGridOK": True,
            "gridOK": connected,
            "disableReasons": none,
        },
        "meterAggregates": _meters(scene, tedapi),
        "alerts": {"active": alerts},
        "siteShutdown": {"isShutDown": False, "reasons": none},
        "batteryBlocks": [{"din": pack.din, "disableReasons": none} for pack in scene.hardware.packs],
        "pvInverters": [{"din": each.din, "disableReasons": none} for each in scene.hardware.inverters],
    }


def _neurio(scene: Scene) -> dict[str, Any]:
    readings: list[dict[str, Any]] = []
    if scene.hardware.neurio:
        watts, volts = scene.reading.solar_w, scene.hardware.volts
        channel = {
            "voltageV": volts,
            "realPowerW": watts / 2,  # the configuration doubles it: one leg of two is measured
            "reactivePowerVAR": 0,
            "currentA": watts / 2 / volts,
        }
        readings.append(
            {
                "serial": scene.hardware.neurio,
                "firmwareVersion": "1.7.2-Tesla",
                "dataRead": [channel],
                "timestamp": scene.timestamp(),
            }
        )
    return {"isDetectingWiredMeters": False, "readings": readings, "pairings": []}


def status(scene: Scene, tedapi: Tedapi) -> dict[str, Any]:
    """Answer the status query."""
    return {
        "control": _control(scene, tedapi),
        "system": {
            "time": scene.timestamp(),
            "sitemanagerStatus": {"isRunning": scene.running},
            "updateUrgencyCheck": {
                "urgency": "NONE",
                "version": {"version": scene.persona.firmware, "gitHash": scene.persona.git_hash},
                "timestamp": rfc3339(scene.started, scene.site.timezone),
            },
        },
        "neurio": _neurio(scene),
        "pw3Can": {"firmwareUpdate": {"isUpdating": False, "progress": None}},
        "esCan": {
            "bus": bus(scene, tedapi.empty_slots),
            "enumeration": {
                "inProgress": False,
                "numACPW": len(scene.hardware.packs),
                "numPVI": len(scene.hardware.inverters),
            },
            "firmwareUpdate": {"isUpdating": False},
        },
    }


def _remote_meters(scene: Scene) -> dict[str, Any]:
    meters: list[dict[str, Any]] = []
    if scene.hardware.remote_meter:
        watts, volts = scene.reading.solar_w, scene.hardware.volts
        channel = {
            "voltageV": volts,
            "realPowerW": watts,
            "reactivePowerVAR": 0,
            "energyExportedWs": 0,
            "energyImportedWs": round(scene.reading.counters.produced * 3600),
            "currentA": watts / volts,
        }
        reading = {
            "timestamp": scene.timestamp(),
            "firmwareVersion": "1.0.0",
            "ctReadings": [channel],
        }
        meters.append({"din": scene.hardware.remote_meter, "reading": reading})
    return {"meters": meters, "detectedWired": []}


def _signals_of(scene: Scene, kind: str, device: dict[str, Any]) -> dict[str, Any]:
    """Take a device's vitals as signals, with those that only TEDAPI reports."""
    signals = dict(device)
    if kind == "PVAC":
        signals |= {"PVAC_Fan_Speed_Actual_RPM": 1180, "PVAC_Fan_Speed_Target_RPM": 1200}
    elif kind == "TESYNC":
        signals["SYNC_Uptime"] = round((scene.now - scene.started) * 1000)
    elif kind == "TEMSA":
        # The backup switch measures against ground, where the vitals say neutral.
        signals |= {f"METER_Z_VL{n}G": device[f"METER_Z_VL{n}N"] for n in (1, 2, 3)}
    return signals


def _components(scene: Scene, types: list[str], names: list[str]) -> list[dict[str, Any]]:
    components = []
    for din, device in devices(scene).items():
        kind = din.partition("--")[0]
        absent = scene.hardware.is_powerwall3 and kind in NOT_ON_POWERWALL3
        if kind not in types or absent or "teslaEnergyEcuAttributes" not in device:
            continue
        known = _signals_of(scene, kind, device)
        components.append(
            {
                "partNumber": device["partNumber"],
                "serialNumber": device["serialNumber"],
                "signals": [signal(name, known[name], scene.timestamp()) for name in names if name in known],
                "activeAlerts": [{"name": alert} for alert in device.get("alerts", ())],
            }
        )
    return components


def controller(scene: Scene, tedapi: Tedapi, variables: Variables) -> dict[str, Any] | None:
    """Answer the controller query; None if it names a type of component that does not exist."""
    types = variables.get("msaComp", {}).get("types", [])
    if not COMPONENT_TYPES.issuperset(types):
        return None
    document = status(scene, tedapi)
    document["esCan"]["bus"].pop("MSA")
    document["teslaRemoteMeter"] = _remote_meters(scene)
    document["components"] = {"msa": _components(scene, types, variables.get("msaSignals", []))}
    document["ieee20305"] = None
    return document
