"""``/api/devices/vitals``: the state of every device.

``devices`` makes the decoded form (device name to flat object), ``message`` its
wire form. Signals and part numbers: docs/protocol.md, "Devices".
"""

from __future__ import annotations

from typing import Any

from proxy.sim.answers import OCTETS, Answer
from proxy.sim.documents.inverter import NAMEPLATE_W, inverter_watts, states, strings
from proxy.sim.hardware import Device, shares
from proxy.sim.island import CONNECTED
from proxy.sim.scene import Scene
from proxy.sim.wire import message

NO_SUCH_PHASE = -256.0
Devices = dict[str, dict[str, Any]]


def answer(scene: Scene) -> Answer:
    """Encode the devices as the gateway does."""
    return Answer(200, message(devices(scene)), OCTETS)


def devices(scene: Scene) -> Devices:
    """Render all devices in the gateway's order."""
    found = _site_controller(scene)
    for index, pack in enumerate(scene.hardware.packs):
        found |= _unit(scene, index, pack)
    for inverter, watts in zip(scene.hardware.inverters, inverter_watts(scene), strict=True):
        found |= _inverter(scene, inverter, watts)
    return found | _grid_side(scene)


def _device(
    scene: Scene, kind: str, device: Device, signals: dict[str, Any], *, ecu: int, parent: str | None
) -> Devices:
    common: dict[str, Any] = {"componentParentDin": parent} if parent else {}
    common |= {
        "partNumber": device.part,
        "serialNumber": device.serial,
        "manufacturer": "TESLA",
        "firmwareVersion": scene.persona.git_hash[:14],
        "lastCommunicationTime": int(scene.now),
        "teslaEnergyEcuAttributes": {"ecuType": ecu},
    }
    return {f"{kind}--{device.din}": common | signals}


def _root(scene: Scene) -> str:
    return f"STSTSM--{scene.hardware.gateway.din}"


def _site_controller(scene: Scene) -> Devices:
    alerts = [*scene.reading.alerts, "FWUpdateSucceeded"]
    signals = {"STSTSM-Location": scene.site.location, "alerts": alerts}
    return _device(scene, "STSTSM", scene.hardware.gateway, signals, ecu=207, parent=None)


def _unit(scene: Scene, index: int, pack: Device) -> Devices:
    units = len(scene.hardware.packs)
    reading = scene.reading
    controller = f"TETHC--{pack.din}"
    module = Device(pack.module_part or pack.part, pack.module_serial or pack.serial)
    energy = float(shares(reading.energy_wh, units)[index])
    full = float(shares(reading.full_wh, units)[index])
    pod = {
        "POD_nom_energy_to_be_charged": full - energy,
        "POD_nom_energy_remaining": energy,
        "POD_nom_full_pack_energy": full,
        "POD_available_charge_power": 7000.0,
        "POD_available_dischg_power": 12000.0,
        "POD_state": "POD_ACTIVE",
        "POD_enable_line": True,
        "POD_ChargeComplete": energy >= full,
        "POD_DischargeComplete": energy <= 0,
        "POD_PersistentlyFaulted": False,
        "POD_PermanentlyFaulted": False,
        "POD_ChargeRequest": False,
        "POD_ActiveHeating": False,
        "POD_CCVhold": False,
    }
    ambient = {"THC_State": "THC_STATE_AUTONOMOUSCONTROL", "THC_AmbientTemp": 25.0 + index}
    return (
        _device(scene, "TETHC", pack, ambient, ecu=224, parent=_root(scene))
        | _device(scene, "TEPOD", module, pod, ecu=226, parent=controller)
        | _device(scene, "TEPINV", module, _battery_inverter(scene, index), ecu=253, parent=controller)
    )


def _battery_inverter(scene: Scene, index: int) -> dict[str, Any]:
    units, reading = len(scene.hardware.packs), scene.reading
    connected = reading.grid_status == CONNECTED
    leg_1, leg_2, _ = scene.hardware.leg_volts
    return {
        "PINV_EnergyDischarged": float(shares(round(reading.counters.discharged), units)[index]),
        "PINV_EnergyCharged": float(shares(round(reading.counters.charged), units)[index]),
        "PINV_VSplit1": leg_1,
        "PINV_VSplit2": leg_2,
        "PINV_PllFrequency": reading.frequency_hz,
        "PINV_PllLocked": True,
        "PINV_Pout": shares(reading.battery_w, units)[index] / 1000,
        "PINV_Qout": 0.03,
        "PINV_Vout": scene.hardware.volts,
        "PINV_Fout": reading.frequency_hz,
        "PINV_ReadyForGridForming": True,
        "PINV_State": "PINV_GridFollowing" if connected else "PINV_GridForming",
        "PINV_GridState": "Grid_Compliant" if connected else "Grid_Uncompliant",
        "PINV_HardwareEnableLine": True,
        "PINV_PowerLimiter": "PWRLIM_POD_Power_Limit",
    }


def _inverter(scene: Scene, inverter: Device, watts: float) -> Devices:
    lines = strings(scene, watts)
    volts, hertz = scene.hardware.volts, scene.reading.frequency_hz
    leg_1, leg_2, _ = scene.hardware.leg_volts
    state = states(scene)
    pvac: dict[str, Any] = {
        "PVAC_Iout": watts / volts,
        "PVAC_VL1Ground": leg_1,
        "PVAC_VL2Ground": leg_2,
        "PVAC_VHvMinusChassisDC": -210.0,
        **{f"PVAC_PVCurrent_{s.letter}": s.amps for s in lines},
        **{f"PVAC_PVMeasuredVoltage_{s.letter}": s.volts for s in lines},
        **{f"PVAC_PVMeasuredPower_{s.letter}": float(s.watts) for s in lines},
        "PVAC_LifetimeEnergyPV_Total": scene.reading.counters.produced,
        "PVAC_Vout": volts,
        "PVAC_Fout": hertz,
        "PVAC_Pout": float(watts),
        "PVAC_Qout": 20.0,
        "PVAC_State": "PVAC_Active",
        "PVAC_GridState": state["grid_state"],
        "PVAC_InvState": state["inv_state"],
        **{f"PVAC_PvState_{s.letter}": "PV_Active" for s in lines},
        "PVI-PowerStatusSetpoint": "on",
    }
    pvs: dict[str, Any] = {
        "PVS_vLL": volts,
        "PVS_State": "PVS_Active",
        "PVS_SelfTestState": "PVS_SelfTestOff",
        "PVS_EnableOutput": True,
        **{f"PVS_String{s.letter}_Connected": s.connected for s in lines},
    }
    packs = scene.hardware.packs
    parent = f"TETHC--{packs[0].din}" if packs else _root(scene)
    return _device(scene, "PVAC", inverter, pvac, ecu=296, parent=parent) | _device(
        scene, "PVS", inverter, pvs, ecu=297, parent=f"PVAC--{inverter.din}"
    )


def island_signals(scene: Scene) -> dict[str, Any]:
    """Signals of the contactor: both sides of it, per leg."""
    connected = scene.reading.grid_status == CONNECTED
    hertz, nominal = scene.reading.frequency_hz, scene.hardware.nominal_hz
    signals: dict[str, Any] = {}
    for n, volts in enumerate(scene.hardware.leg_volts, start=1):
        main = volts if connected else 0.0
        signals |= {
            f"ISLAND_VL{n}N_Main": main,
            f"ISLAND_FreqL{n}_Main": nominal if main else 0.0,
            f"ISLAND_VL{n}N_Load": volts,
            f"ISLAND_FreqL{n}_Load": hertz if volts else 0.0,
            f"ISLAND_PhaseL{n}_Main_Load": 0.0 if main else NO_SUCH_PHASE,
        }
    signals |= dict.fromkeys(
        ("ISLAND_L1L2PhaseDelta", "ISLAND_L1L3PhaseDelta", "ISLAND_L2L3PhaseDelta"), NO_SUCH_PHASE
    )
    compliant = "Grid_Compliant" if connected else "Grid_Uncompliant"
    return signals | {
        "ISLAND_GridState": f"ISLAND_GridState_{compliant}",
        **{f"ISLAND_L{n}MicrogridOk": bool(v) for n, v in enumerate(scene.hardware.leg_volts, start=1)},
        "ISLAND_ReadyForSynchronization": True,
        "ISLAND_GridConnected": connected,
        "SYNC_ExternallyPowered": False,
        "SYNC_SiteSwitchEnabled": False,
    }


def meter_signals(scene: Scene, letter: str) -> dict[str, Any]:
    """Signals of meter X (site), Y (solar of other makers) or Z (site, in the backup switch)."""
    counters = scene.reading.counters
    watts, imported, exported = scene.reading.site_w, counters.imported, counters.exported
    if letter == "Y":
        watts, imported, exported = (0.0 if scene.hardware.inverters else scene.reading.solar_w), 2.0, 0.0
    powers = dict(zip("ABC", [*map(float, shares(watts, 2)), 0.0], strict=True))
    legs = dict(zip("ABC", scene.hardware.leg_volts, strict=True))
    name = f"METER_{letter}"
    return {
        **{f"{name}_CT{ct}_InstRealPower": power for ct, power in powers.items()},
        **{f"{name}_CT{ct}_InstReactivePower": 0.0 for ct in powers},
        f"{name}_LifetimeEnergyImport": float(imported),
        f"{name}_LifetimeEnergyExport": float(exported),
        **{f"{name}_VL{n}N": volts for n, volts in enumerate(legs.values(), start=1)},
        **{
            f"{name}_CT{ct}_I": abs(power) / (legs[ct] or scene.hardware.volts)
            for ct, power in powers.items()
        },
    }


def _grid_side(scene: Scene) -> Devices:
    sync, root, now = scene.hardware.sync, _root(scene), int(scene.now)
    if scene.hardware.backup_switch:
        signals = island_signals(scene) | meter_signals(scene, "Z")
        found = _device(scene, "TEMSA", sync, signals, ecu=300, parent=root)
    else:
        signals = island_signals(scene) | meter_signals(scene, "X") | meter_signals(scene, "Y")
        found = _device(
            scene, "TESYNC", sync, signals | {"alerts": ["SYNC_a001_SW_App_Boot"]}, ecu=259, parent=root
        )
    common = {"componentParentDin": root, "lastCommunicationTime": now}
    found[f"TESLA--{sync.serial}"] = common | {
        "serialNumber": sync.serial,
        "manufacturer": "TESLA",
        "meterAttributes": {"meterLocation": [1]},
    }
    if scene.hardware.neurio:
        found[f"NEURIO--{scene.hardware.neurio}"] = common | {
            "serialNumber": scene.hardware.neurio,
            "manufacturer": "NEURIO",
            "firmwareVersion": "1.7.2-Tesla",
            "meterAttributes": {"meterLocation": [5]},
            "NEURIO_CT0_Location": "solarRGM",
            "NEURIO_CT0_InstRealPower": float(scene.reading.solar_w),
        }
    for inverter in scene.hardware.inverters:
        found[f"TESLA--{inverter.din}"] = common | {
            "serialNumber": inverter.din,
            "manufacturer": "TESLA",
            "firmwareVersion": scene.persona.git_hash[:14],
            "pvInverterAttributes": {"nameplateRealPowerW": NAMEPLATE_W},
        }
    return found
