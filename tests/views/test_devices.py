"""Strings, temperatures, alerts and fans, with vitals and on firmware that took them away."""

from __future__ import annotations

import pytest

from proxy.core.sources import GRID_STATUS, SOLAR_POWERWALL, VITALS
from proxy.views import devices, strings
from proxy.views.options import Options

OPTIONS = Options()


def inverter(power, **signals):
    return {"PVAC_Pout": power, "PVAC_PVMeasuredPower_A": power, **signals}


def test_a_string_is_what_inverter_and_string_side_report_of_it():
    vitals = {
        "PVAC--P--1": {
            "PVAC_PVCurrent_A": 3.1,
            "PVAC_PVMeasuredVoltage_A": 251.0,
            "PVAC_PVMeasuredPower_A": 778.0,
            "PVAC_PvState_A": "PV_Active",
            "PVAC_Pout": 3120.0,
        },
        "PVS--P--1": {"PVS_StringA_Connected": True, "PVS_vLL": 242.0},
    }

    assert strings.strings({VITALS: vitals}, OPTIONS) == {
        "A": {"Current": 3.1, "Power": 778.0, "Voltage": 251.0, "State": "PV_Active", "Connected": True}
    }
    assert strings.verbose({VITALS: vitals}, OPTIONS) == {
        "PVAC--P--1": {
            "PVAC_Pout": 3120.0,
            "PVAC_PVCurrent_A": 3.1,
            "PVAC_PVMeasuredVoltage_A": 251.0,
            "PVAC_PVMeasuredPower_A": 778.0,
            "PVAC_PvState_A": "PV_Active",
            "PVS_StringA_Connected": True,
        }
    }


def test_ten_inverters_have_ten_sets_of_strings():
    """The tenth does not overwrite the first."""
    vitals = {f"PVAC--P--{serial}": inverter(serial) for serial in range(10)}

    found = strings.strings({VITALS: vitals}, OPTIONS)

    assert list(found) == ["A", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9"]
    assert [reported["Power"] for reported in found.values()] == list(range(10))


def test_an_inverter_that_reports_no_power_is_shown_without():
    vitals = {"PVAC--P--1": {"PVAC_PVCurrent_E": 1.0, "PVAC_PVCurrent_F": None}}

    assert strings.strings({VITALS: vitals}, OPTIONS) == {"E": {"Current": 1.0}}
    assert strings.verbose({VITALS: vitals}, OPTIONS)["PVAC--P--1"]["PVAC_Pout"] is None


def test_without_vitals_the_strings_come_from_the_solar_powerwall():
    reported = {"connected": True, "measured_voltage": 10.3, "current": 0, "measured_power": 0}
    document = {"pvac_status": {"string_vitals": [{"string_id": 1, **reported}, None, *[reported] * 4]}}

    found = strings.strings({SOLAR_POWERWALL: document}, OPTIONS)

    assert list(found) == ["A", "B", "C", "D", "A1"]
    assert found["A"] == {"Connected": True, "Voltage": 10.3, "Current": 0, "Power": 0}


@pytest.mark.parametrize("documents", [{}, {SOLAR_POWERWALL: {}}, {VITALS: {}}, {VITALS: None}])
def test_a_site_without_devices_has_empty_answers(documents):
    assert strings.strings(documents, OPTIONS) == {}
    assert strings.verbose(documents, OPTIONS) == {}
    assert devices.temps(documents, OPTIONS) == {}
    assert devices.alerts(documents, OPTIONS) == []
    assert devices.fans(documents, OPTIONS) == {}


def test_temperatures_are_those_of_the_controllers_or_of_the_cells():
    """A Powerwall 3 has no controller of its own; a temperature that is not reported is null."""
    vitals = {
        "TETHC--P--1": {"THC_AmbientTemp": 24.3},
        "TETHC--P--2": {},
        "TEPOD--P--1": {"POD_enable_line": True},
        "TEPOD--P--3": {"HVP_PackTempMax": 31.0},
    }

    assert devices.temps({VITALS: vitals}, OPTIONS) == {
        "TETHC--P--1": 24.3,
        "TETHC--P--2": None,
        "TEPOD--P--3": 31.0,
    }


def test_alerts_are_listed_once_and_sorted():
    vitals = {
        "STSTSM--P--1": {"alerts": ["SystemConnectedToGrid", "GridCodesWrite", "GridCodesWrite"]},
        "PVS--P--1": {"alerts": ["FWUpdateSucceeded", None, 7]},
        "TEPOD--P--1": {"alerts": None},
    }
    documents = {VITALS: vitals, GRID_STATUS: {"grid_status": "SystemGridConnected"}}

    names = ["FWUpdateSucceeded", "GridCodesWrite", "SystemConnectedToGrid"]
    assert devices.alerts(documents, OPTIONS) == names
    assert devices.alert_flags(documents, OPTIONS) == dict.fromkeys(names, 1)
    assert devices.alert_list(documents, OPTIONS) == {"alerts": names}


@pytest.mark.parametrize(
    ("grid", "alert"),
    [
        ({"grid_status": "SystemGridConnected", "grid_services_active": True}, "GridServicesActive"),
        ({"grid_status": "SystemIslandedActive", "grid_services_active": False}, "SystemIslandedActive"),
        ({"grid_status": "SystemGridConnected", "grid_services_active": None}, "SystemConnectedToGrid"),
    ],
)
def test_the_state_of_the_grid_is_an_alert(grid, alert):
    assert devices.alerts({GRID_STATUS: grid}, OPTIONS) == [alert]


def test_without_vitals_the_alerts_come_from_the_solar_powerwall():
    """Only a flag that is exactly true is one: other members of the object are times and counts."""
    document = {
        "pvac_alerts": {"LastRxTime": "2024-03-18", "ReceivedMuxBitmask": 1, "PVAC_a001": False},
        "pvs_alerts": {"PVS_a018_MciStringB": True},
    }

    assert devices.alerts({SOLAR_POWERWALL: document}, OPTIONS) == ["PVS_a018_MciStringB"]


def test_fans_are_numbered_by_the_name_of_their_inverter():
    vitals = {
        "PVAC--P--2": {"PVAC_Fan_Speed_Actual_RPM": 1175, "PVAC_Fan_Speed_Target_RPM": 1200},
        "PVAC--P--1": {"PVAC_Fan_Speed_Actual_RPM": 0, "PVAC_Fan_Speed_Target_RPM": None},
        "PVAC--P--3": inverter(5),
        "TEPINV--P--4": {"PCH_FanSpeed_A": 900, "PCH_FanDuty_A": 20, "PCH_FanSpeed_B": 910},
        "TEPINV--P--5": {"PCH_FanSpeed_A": None, "PCH_FanSpeed_B": 920},
    }

    assert devices.fans({VITALS: vitals}, OPTIONS)["PVAC--P--1"] == {"PVAC_Fan_Speed_Actual_RPM": 0}
    assert devices.fan_numbers({VITALS: vitals}, OPTIONS) == {
        "FAN1_actual": 0,
        "FAN2_actual": 1175,
        "FAN2_target": 1200,
        "FAN3_actual": 900,
        "FAN3_duty": 20,
        "FAN4_actual": 910,
        "FAN5_actual": 920,
    }
