"""Sites as gateways describe them on a bad day: anything may be null, missing, odd or repeated."""

from __future__ import annotations

from hypothesis import strategies as st

from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    OPERATION,
    SOE,
    SOLAR_POWERWALL,
    STATUS,
    SYSTEM_STATUS,
    VITALS,
)
from proxy.views.site import GRID

watts = st.integers(-20_000, 20_000) | st.floats(-20_000, 20_000)
numbers = watts | st.sampled_from([0, 0.0, -0.0, float("nan"), float("inf"), 1e300])
odd = st.none() | st.booleans() | st.text(max_size=4) | st.just([]) | st.just({})
values = numbers | odd
serials = st.sampled_from(["TG1", "TG2", "TG3", "T0000000000", ""])
parts = st.sampled_from(["2012170-25-E", "3012170-05-B", "1707000-11-J", ""])
dins = st.builds("{}--{}--{}".format, st.sampled_from(["TETHC", "TEPINV", "TEPOD"]), parts, serials)


def some(**optional):
    """An object that has any of these keys, each maybe null."""
    return st.fixed_dictionaries({}, optional={key: st.none() | value for key, value in optional.items()})


meter = some(instant_power=numbers, energy_exported=numbers, frequency=values)
meters = st.fixed_dictionaries({}, optional=dict.fromkeys(("site", "battery", "load", "solar"), meter | odd))

block = some(
    PackagePartNumber=parts,
    PackageSerialNumber=serials,
    p_out=values,
    f_out=values,
    nominal_energy_remaining=values,
    nominal_full_pack_energy=values,
    off_grid=st.booleans(),
    backup_ready=values,
    OpSeqState=st.text(max_size=5),
)
system_status = some(
    nominal_full_pack_energy=values,
    nominal_energy_remaining=values,
    battery_blocks=st.lists(block | odd, max_size=10) | odd,
)

signal_keys = st.sampled_from(
    [
        "THC_AmbientTemp",
        "THC_State",
        "PINV_Fout",
        "PINV_VSplit1",
        "POD_enable_line",
        "POD_nom_energy_remaining",
        "HVP_PackTempMax",
        "PVAC_Pout",
        "PVAC_PVCurrent_A",
        "PVAC_PVMeasuredPower_F",
        "PVAC_PvState_Z",
        "PVS_StringB_Connected",
        "PVAC_Fan_Speed_Actual_RPM",
        "PCH_FanSpeed_A",
        "ISLAND_VL1N_Main",
        "METER_X_CTA_I",
        "lastCommunicationTime",
    ]
)
alert_lists = (
    st.lists(st.sampled_from(["SystemGridConnected", "PVS_a018_MciStringB"]) | odd, max_size=4) | odd
)
other_dins = st.builds(
    "{}--{}--{}".format, st.sampled_from(["PVAC", "PVS", "STSTSM", "TESYNC", "TEMSA", "NEW"]), parts, serials
)


@st.composite
def device(draw):
    signals = draw(st.dictionaries(signal_keys, values, max_size=6))
    if draw(st.booleans()):
        signals["alerts"] = draw(alert_lists)
    if draw(st.booleans()):
        signals["componentParentDin"] = draw(dins | odd)
    return signals


vitals = st.dictionaries(dins | other_dins | st.text(max_size=8), device() | odd, max_size=14)

string_vitals = (
    st.lists(some(connected=values, current=values, measured_power=values) | odd, max_size=40) | odd
)
solar_powerwall = some(
    pvac_status=some(string_vitals=string_vitals),
    pvac_alerts=st.dictionaries(st.text(max_size=6), st.booleans() | odd, max_size=4),
    pvs_alerts=odd,
)

versions = st.text(max_size=20) | st.sampled_from(
    ["23.44.0 9064fc6a", "1.15.0\n", "22.26.1-foxtrot", "v25.10.1", "²³.⁴", "9" * 5000, "", "....", "1..2"]
)


def documents():
    """Any of the sources, each of any shape that has been seen or feared."""
    return st.fixed_dictionaries(
        {},
        optional={
            METERS: meters | odd,
            SOE: some(percentage=values) | odd,
            GRID_STATUS: some(
                grid_status=st.sampled_from([*GRID, "SystemGridFuture"]), grid_services_active=values
            )
            | odd,
            OPERATION: some(real_mode=st.text(max_size=5), backup_reserve_percent=values) | odd,
            STATUS: some(version=versions | odd) | odd,
            SYSTEM_STATUS: system_status | odd,
            VITALS: vitals | odd,
            SOLAR_POWERWALL: solar_powerwall | odd,
        },
    )
