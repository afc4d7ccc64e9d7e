"""Documents below ``/api/meters``."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from proxy.sim.answers import Answer, refusal
from proxy.sim.firmware import V21_13, V21_39
from proxy.sim.hardware import shares
from proxy.sim.scene import NEVER, Scene

TIMEOUT_NS = 1500000000
BUSY = "run sitemanager flag enabled, sitemanager process is running"


def meter(
    scene: Scene,
    watts: float,
    *,
    var: float,
    exported: float,
    imported: float,
    volts: float,
    frequency: float = 0.0,
    aggregated: int | None = 1,
) -> dict[str, Any]:
    """Render one meter with the keys of the scene's firmware."""
    amps = watts / volts if volts else 0.0
    document: dict[str, Any] = {
        "last_communication_time": scene.timestamp(),
        "instant_power": watts,
        "instant_reactive_power": var,
        "instant_apparent_power": math.hypot(watts, var),
        "frequency": frequency,
        "energy_exported": exported,
        "energy_imported": imported,
        "instant_average_voltage": volts,
    }
    if scene.version >= V21_39:
        document["instant_average_current"] = amps
    document |= {"i_a_current": 0, "i_b_current": 0, "i_c_current": 0}
    if scene.version >= V21_13:
        document["last_phase_voltage_communication_time"] = NEVER
        document["last_phase_power_communication_time"] = NEVER
    if scene.version >= V21_39:
        document["last_phase_energy_communication_time"] = NEVER
    if scene.version >= V21_13:
        document["timeout"] = TIMEOUT_NS
    if scene.version >= V21_39 and aggregated is not None:
        document["num_meters_aggregated"] = aggregated
    document["instant_total_current"] = amps
    return document


def aggregates(scene: Scene) -> Any:
    """``/api/meters/aggregates``: the four meters, and three empty ones on old firmware."""
    reading, c, hardware = scene.reading, scene.reading.counters, scene.hardware
    old = scene.version < V21_13
    hertz = reading.frequency_hz if old else 0.0  # newer firmware reports it of the battery only
    rendered = partial(meter, scene, volts=hardware.volts)
    document = {
        "site": rendered(
            reading.site_w, var=-329.0, exported=c.exported, imported=c.imported, frequency=hertz
        ),
        "battery": rendered(
            reading.battery_w,
            var=30.0,
            exported=c.discharged if hardware.packs else 0.0,
            imported=c.charged if hardware.packs else 0.0,
            frequency=reading.frequency_hz,
            aggregated=len(hardware.packs),
        ),
        "load": rendered(
            reading.load_w, var=-318.75, exported=0.0, imported=c.consumed, frequency=hertz, aggregated=None
        ),
        "solar": rendered(
            reading.solar_w,
            var=-14.0,
            exported=c.produced,
            imported=2655.4902861339488,
            frequency=hertz,
            aggregated=max(len(hardware.inverters), 1),
        ),
    }
    if reading.generator_w:
        document["generator"] = rendered(reading.generator_w, var=0.0, exported=c.generated, imported=0.0)
    if old:
        empty = meter(scene, 0.0, var=0.0, exported=0.0, imported=0.0, volts=0.0)
        for name in ("busway", "frequency", "generator"):
            document.setdefault(name, empty | {"last_communication_time": NEVER})
    return document


def _cts(kind: str, valid: tuple[bool, ...], factor: int = 1) -> dict[str, Any]:
    return {
        "type": kind,
        "valid": list(valid),
        "inverted": [False] * 4,
        "real_power_scale_factor": factor,
    }


SITE_CTS = _cts("site", (True, True, False, False))
SOLAR_CTS = _cts("solar", (False, False, True, False), 2)


def meters(scene: Scene) -> Any:
    """``/api/meters``: the built-in meters X and Y, and a Neurio where there is one."""
    serial, din = scene.hardware.meter_serial, scene.hardware.gateway.din
    documents: list[dict[str, Any]] = [
        {
            "serial": f"{serial}synchrometer{letter}",
            "short_id": din,
            "type": f"synchrometer{letter}",
            "cts": cts,
        }
        for letter, cts in (("Y", [SITE_CTS, SOLAR_CTS]), ("X", [SITE_CTS]))
    ]
    if scene.hardware.neurio:
        documents.insert(0, _neurio(scene.hardware.neurio))
    return documents


def _neurio(serial: str) -> dict[str, Any]:
    return {
        "serial": serial,
        "short_id": serial[-5:],
        "type": "neurio_w2_tcp",
        "connected": True,
        "cts": [_cts("solarRGM", (True, False, False, False), 2)],
        "ip_address": f"PWRview-{serial[-5:]}",
        "mac": "01-23-45-67-89-01",
    }


def _one_meter(scene: Scene, location: str, watts: float, exported: float, imported: float) -> Any:
    letter = "X" if location == "site" else "Y"
    leg_1, leg_2, _ = scene.hardware.leg_volts
    half_1, half_2 = shares(watts, 2)
    cached = meter(scene, watts, var=-212.0, exported=exported, imported=imported, volts=scene.hardware.volts)
    cached |= {
        "v_l1n": leg_1,
        "v_l2n": leg_2,
        "real_power_a": half_1,
        "real_power_b": half_2,
        "reactive_power_a": -106,
        "reactive_power_b": -106,
        "serial_number": f"{scene.hardware.meter_serial}synchrometer{letter}",
        "version": scene.persona.git_hash[:14],
    }
    return [
        {
            "id": 0,
            "location": location,
            "type": f"synchrometer{letter}",
            "cts": [True, True, False, False],
            "inverted": [False] * 4,
            "connection": {
                "short_id": scene.hardware.gateway.din,
                "device_serial": f"{scene.hardware.meter_serial}synchrometer{letter}",
                "https_conf": {},
            },
            "Cached_readings": cached,
        }
    ]


def meters_site(scene: Scene) -> Any:
    """``/api/meters/site``: the meter at the grid with its phases."""
    counters = scene.reading.counters
    return _one_meter(scene, "site", scene.reading.site_w, counters.exported, counters.imported)


def meters_solar(scene: Scene) -> Any:
    """``/api/meters/solar``: the meter at the inverter with its phases."""
    return _one_meter(scene, "solar", scene.reading.solar_w, scene.reading.counters.produced, 0.0)


def readings(scene: Scene) -> Any:
    """``/api/meters/readings``: raw values, but only while the site master is stopped."""
    nothing = [{"ct": 0, "v_V": 0, "p_W": 0, "q_VAR": 0, "eExp_Ws": 0, "eImp_Ws": 0}]
    names = [f"{scene.hardware.meter_serial}synchrometer{letter}" for letter in "XY"]
    if scene.running:
        busy = {"error": BUSY, "data": {"firmwareVersion": "", "cts": nothing * 4}}
        return dict.fromkeys(names, busy)
    legs = scene.hardware.leg_volts
    site, solar = shares(scene.reading.site_w, 2), scene.reading.solar_w
    watts = {"X": (*site, 0.0), "Y": (0.0, 0.0, solar)}
    return {
        name: {
            "error": "",
            "data": {
                "firmwareVersion": scene.persona.git_hash[:14],
                "cts": [
                    {"ct": n + 1, "v_V": legs[n], "p_W": power, "q_VAR": 0, "eExp_Ws": 0, "eImp_Ws": 0}
                    for n, power in enumerate(watts[name[-1]])
                ]
                + nothing,
            },
        }
        for name in names
    }


def status(_scene: Scene) -> Any:
    """``/api/meters/status``."""
    return {"status": "", "errors": None}


def cts_x(_scene: Scene) -> Any:
    """``/api/meters/…synchrometerX/cts``."""
    return [SITE_CTS]


def cts_y(_scene: Scene) -> Any:
    """``/api/meters/…synchrometerY/cts``."""
    return [SITE_CTS, SOLAR_CTS]


def ct_config(letter: str) -> Answer:
    """``/api/meters/…/ct_config``: only a Neurio has one."""
    return refusal(
        500, "Unable to get Amp configuration", f"meter type must be Neurio (synchrometer{letter})"
    )


def ct_config_x(_scene: Scene) -> Answer:
    """``/api/meters/…synchrometerX/ct_config``."""
    return ct_config("X")


def ct_config_y(_scene: Scene) -> Answer:
    """``/api/meters/…synchrometerY/ct_config``."""
    return ct_config("Y")


def voltage_references(_scene: Scene) -> Any:
    """``/api/synchrometer/ct_voltage_references``."""
    return {"ct1": "Phase1", "ct2": "Phase2", "ct3": "Phase1"}


def voltage_options(scene: Scene) -> Any:
    """``/api/synchrometer/ct_voltage_references/options``: refused while the site master runs."""
    if scene.running:
        return refusal(
            400,
            "Failed to read Synchrometer Y CT available pairings. Please try again or reboot Gateway",
            BUSY,
        )
    return {"ct1": ["Phase1"], "ct2": ["Phase2"], "ct3": ["Phase1", "Phase2"]}
