"""``/api/devices/vitals`` from TEDAPI, in the decoded JSON shape.

Keys are ``TYPE--part--serial``, in the order of the gateway's own answer:
controller, then per unit THC, POD and PINV, then the rest. That order numbers
PW1, PW2, … and the strings A, A1, …. A value that a device of its type can
have and that is not reported is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proxy import __version__
from proxy.drivers.tedapi.data import (
    Facts,
    at,
    get_path,
    moment,
    names,
    number,
    packages,
    rows,
    section,
    signals,
    split_din,
    text,
)
from proxy.drivers.tedapi.translate import grid_devices as boards
from proxy.drivers.tedapi.translate import powerwall3
from proxy.drivers.tedapi.translate import powerwall3_vitals as units
from proxy.drivers.tedapi.translate.devices import Device, controller_name, device, energies, string_values

_STRINGS = "ABCD"

# What a device of each type can say beside the values that are computed below.
_POD = (
    "POD_ActiveHeating",
    "POD_CCVhold",
    "POD_ChargeComplete",
    "POD_ChargeRequest",
    "POD_DischargeComplete",
    "POD_PermanentlyFaulted",
    "POD_PersistentlyFaulted",
    "POD_available_charge_power",
    "POD_available_dischg_power",
    "POD_enable_line",
    "POD_state",
)
_PINV = (
    "PINV_EnergyCharged",
    "PINV_EnergyDischarged",
    "PINV_HardwareEnableLine",
    "PINV_PllFrequency",
    "PINV_PllLocked",
    "PINV_PowerLimiter",
    "PINV_Qout",
    "PINV_ReadyForGridForming",
)
_PVAC = (
    "PVAC_GridState",
    "PVAC_InvState",
    "PVAC_Iout",
    "PVAC_LifetimeEnergyPV_Total",
    "PVAC_Qout",
    "PVAC_VHvMinusChassisDC",
    "PVI-PowerStatusSetpoint",
)
_FANS = ("PVAC_Fan_Speed_Actual_RPM", "PVAC_Fan_Speed_Target_RPM")


def vitals(facts: Facts) -> dict[str, dict[str, Any]] | None:
    """Build the document; None while the gateway, or any Powerwall 3, has reported nothing about its devices."""
    if not facts.controller or not powerwall3.are_known(facts):
        return None
    return {
        "VITALS": _header(facts),
        **dict(_controller(facts)),
        **dict(_packages(facts)),
        **dict(_inverters(facts)),
        **dict(boards.synchroniser(facts)),
        **dict(boards.backup_switch(facts)),
        **dict(boards.meters(facts)),
        **dict(units.devices(facts)),
    }


def paired_signals(facts: Facts) -> dict[str, dict[str, Any]]:
    """Give the component signals of each Powerwall 2 package by its serial number.

    A package is listed as its THC, with the package's serial number, followed
    by its inverter, which carries the serial number of the battery module, as
    does the POD. Where the list is in another order only the THC's own signals
    are given: a wrong pairing would be worse than none.
    """
    listed = [(serial, signals(row)) for row in facts.components if (serial := text(row.get("serialNumber")))]
    wanted = {row["packageSerialNumber"] for kind in ("THC", "PVAC") for _, row in packages(facts.bus, kind)}
    paired: dict[str, dict[str, Any]] = {}
    for place, (serial, reported) in enumerate(listed):
        if serial not in wanted or serial in paired:
            continue
        paired[serial] = dict(reported)
        module = listed[place + 1][0] if place + 1 < len(listed) else None
        if module not in wanted and any(
            name.startswith("PINV_") for known, values in listed if known == module for name in values
        ):
            for known, values in listed:
                paired[serial] |= values if known == module else {}
    return paired


def _header(facts: Facts) -> dict[str, Any]:
    return {
        "text": "Device vitals, translated from TEDAPI",
        "timestamp": moment(get_path(facts.controller, "system", "time")),
        "gateway": facts.config.get("vin"),
        "powerwall_proxy": __version__,
    }


def _controller(facts: Facts) -> Iterator[Device]:
    part, serial = split_din(facts.config.get("vin"))
    if serial:
        yield (
            controller_name(facts) or "",
            device(part, serial, 207, alerts=facts.alerts, **{"STSTSM-Location": "Gateway"}),
        )


def _packages(facts: Facts) -> Iterator[Device]:
    """Describe every Powerwall 2 and Powerwall+: thermal controller, battery, inverter."""
    paired = paired_signals(facts)
    for slot, package in packages(facts.bus, "THC"):
        part, serial = package.get("packagePartNumber"), package["packageSerialNumber"]
        reported = paired.get(serial, {})
        name = f"{part}--{serial}"
        yield (
            f"TETHC--{name}",
            device(
                part,
                serial,
                224,
                controller_name(facts),
                _alerts(package),
                THC_AmbientTemp=number(reported.get("THC_AmbientTemp")),
                THC_State=reported.get("THC_State"),
            ),
        )
        pod, pinv = at(facts.bus, "POD", slot), at(facts.bus, "PINV", slot)
        parent = f"TETHC--{name}"
        yield f"TEPOD--{name}", device(part, serial, 226, parent, _alerts(pod), **_pod(pod, reported))
        yield f"TEPINV--{name}", device(part, serial, 253, parent, _alerts(pinv), **_pinv(pinv, reported))


def _pod(pod: Mapping[str, Any], reported: Mapping[str, Any]) -> dict[str, Any]:
    energy = section(pod, "POD_EnergyStatus")
    remaining = number(energy.get("POD_nom_energy_remaining"))
    full = number(energy.get("POD_nom_full_pack_energy"))
    return {name: reported.get(name) for name in _POD} | energies(remaining, full)


def _pinv(pinv: Mapping[str, Any], reported: Mapping[str, Any]) -> dict[str, Any]:
    status = section(pinv, "PINV_Status")
    legs = section(pinv, "PINV_AcMeasurements")
    return {name: reported.get(name) for name in _PINV} | {
        "PINV_Fout": number(status.get("PINV_Fout")),
        "PINV_GridState": status.get("PINV_GridState"),
        "PINV_Pnom": number(section(pinv, "PINV_PowerCapability").get("PINV_Pnom")),
        "PINV_Pout": number(status.get("PINV_Pout")),
        "PINV_State": status.get("PINV_State"),
        "PINV_VSplit1": number(legs.get("PINV_VSplit1")),
        "PINV_VSplit2": number(legs.get("PINV_VSplit2")),
        "PINV_Vout": number(status.get("PINV_Vout")),
    }


def _inverters(facts: Facts) -> Iterator[Device]:
    """Describe every solar inverter on the bus: its AC side, its strings, its nameplate."""
    paired = paired_signals(facts)
    plates = rows(facts.config, "solars")
    for place, (slot, package) in enumerate(packages(facts.bus, "PVAC")):
        part, serial = package.get("packagePartNumber"), package["packageSerialNumber"]
        name = f"{part}--{serial}"
        pvs = at(facts.bus, "PVS", slot)
        strings = section(pvs, "PVS_Status")
        values = _pvac(package, strings, paired.get(serial, {}))
        yield f"PVAC--{name}", device(part, serial, 296, None, _alerts(package), **values)
        yield (
            f"PVS--{name}",
            device(
                part,
                serial,
                297,
                f"PVAC--{name}",
                _alerts(pvs),
                PVS_EnableOutput=None,
                PVS_SelfTestState=strings.get("PVS_SelfTestState"),
                PVS_State=strings.get("PVS_State"),
                PVS_vLL=number(strings.get("PVS_vLL")),
                **{f"PVS_String{s}_Connected": strings.get(f"PVS_String{s}_Connected") for s in _STRINGS},
            ),
        )
        yield f"TESLA--{name}", _nameplate(facts, name, plates[place] if place < len(plates) else {})


def _pvac(
    package: Mapping[str, Any], strings: Mapping[str, Any], reported: Mapping[str, Any]
) -> dict[str, Any]:
    status = section(package, "PVAC_Status")
    logged = section(package, "PVAC_Logging")
    values: dict[str, Any] = {name: reported.get(name) for name in _PVAC}
    values |= {name: reported[name] for name in _FANS if name in reported}
    values |= {
        "PVAC_Fout": number(status.get("PVAC_Fout")),
        "PVAC_Pout": number(status.get("PVAC_Pout")),
        "PVAC_State": status.get("PVAC_State"),
        "PVAC_Vout": number(status.get("PVAC_Vout")),
        "PVAC_VL1Ground": number(logged.get("PVAC_VL1Ground")),
        "PVAC_VL2Ground": number(logged.get("PVAC_VL2Ground")),
    }
    for string in _STRINGS:
        connected = strings.get(f"PVS_String{string}_Connected")
        state = None if connected is None else ("PV_Active" if connected else "PV_Disabled")
        voltage = number(logged.get(f"PVAC_PVMeasuredVoltage_{string}"))
        values |= string_values(string, voltage, number(logged.get(f"PVAC_PVCurrent_{string}")), state)
    return values


def _nameplate(facts: Facts, name: str, plate: Mapping[str, Any]) -> dict[str, Any]:
    brand = plate.get("brand")
    return {
        "componentParentDin": controller_name(facts),
        "firmwareVersion": None,
        "lastCommunicationTime": None,
        "manufacturer": brand.upper() if isinstance(brand, str) else "TESLA",
        "pvInverterAttributes": {"nameplateRealPowerW": number(plate.get("power_rating_watts"))},
        "serialNumber": name,
    }


def _alerts(row: Mapping[str, Any]) -> list[Any]:
    return names(section(row, "alerts").get("active"))
