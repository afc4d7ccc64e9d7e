"""Devices of /api/devices/vitals from TEDAPI (docs/protocol.md, "Vitals from TEDAPI")."""

from __future__ import annotations

from proxy.drivers.tedapi.translate import vitals
from tests.drivers.tedapi.sites import facts, recorded

BUS = "controller.esCan.bus"
FIRST, SECOND = "2012170-25-E--TG123456789DEF", "3012170-05-B--TG123456789GHI"
LEADER, FOLLOWER = "1707000-11-J--TG12000000001Z", "1707000-11-J--TG12000000002Z"
EXPANSION = "2707000-11-J--TG12000000004Z"


def signal(name, value=None, text=None):
    return {"name": name, "value": value, "textValue": text, "boolValue": None}


def keys(reported, kind):
    return [key for key in reported if key.startswith(f"{kind}--")]


def test_batteries_and_inverters_are_those_at_the_position_of_their_controller():
    """POD and PINV have no serial number; an empty slot must not shift the ones behind it."""
    site = recorded("pw2")["controller"]["esCan"]["bus"]
    empty = {"packageSerialNumber": None}
    gone = {"PINV_Status": {"isMIA": True, "PINV_Pout": 0}, "POD_EnergyStatus": {"isMIA": True}}
    padded = {
        f"{BUS}.THC": [empty, *site["THC"], empty],
        f"{BUS}.POD": [gone, *site["POD"], gone],
        f"{BUS}.PINV": [gone, *site["PINV"], gone],
    }

    for reported in (vitals.vitals(facts("pw2")), vitals.vitals(facts("pw2", padded))):
        assert keys(reported, "TETHC") == [f"TETHC--{FIRST}", f"TETHC--{SECOND}"]
        assert reported[f"TEPINV--{SECOND}"]["PINV_Pout"] == -0.75
        assert reported[f"TEPOD--{SECOND}"]["POD_nom_energy_remaining"] == 6400
        assert reported[f"TEPOD--{SECOND}"]["POD_nom_energy_to_be_charged"] == 7000


def test_what_is_missing_in_action_is_null():
    reported = vitals.vitals(
        facts("pw2", {f"{BUS}.PINV.0.PINV_Status.isMIA": True, f"{BUS}.PVAC.0.PVAC_Logging": None})
    )

    assert reported[f"TEPINV--{FIRST}"]["PINV_Pout"] is None
    assert reported["PVAC--1538100-00-F--C123456789JKL"]["PVAC_PVMeasuredPower_A"] is None


def test_signals_of_the_battery_module_belong_to_the_package_listed_before_it():
    """The list goes package (serial of the package), inverter, battery (both with the module's serial)."""
    listed = {
        "controller.components.msa": [
            {"serialNumber": "TG123456789DEF", "signals": [signal("THC_AmbientTemp", 22.5)]},
            {
                "serialNumber": "MODULE1",
                "signals": [signal("PINV_EnergyCharged", 5.0), signal("METER_Z_CTA_I")],
            },
            {
                "serialNumber": "TG123456789GHI",
                "signals": [signal("THC_State", 1, "THC_STATE_AUTONOMOUSCONTROL")],
            },
            {"serialNumber": "MODULE2", "signals": [signal("PINV_EnergyCharged", 6.0)]},
            {"serialNumber": "MODULE1", "signals": [signal("POD_available_charge_power", 7000.0)]},
        ]
    }

    reported = vitals.vitals(facts("pw2", listed))

    assert reported[f"TETHC--{FIRST}"]["THC_AmbientTemp"] == 22.5
    assert reported[f"TETHC--{SECOND}"]["THC_State"] == "THC_STATE_AUTONOMOUSCONTROL"
    assert reported[f"TEPINV--{FIRST}"]["PINV_EnergyCharged"] == 5.0
    assert reported[f"TEPINV--{SECOND}"]["PINV_EnergyCharged"] == 6.0
    assert reported[f"TEPOD--{FIRST}"]["POD_available_charge_power"] == 7000.0
    assert reported[f"TEPOD--{SECOND}"]["POD_available_charge_power"] is None


def test_an_irregular_list_pairs_nothing():
    """Better null than the neighbour's energy: here the second package follows the first directly."""
    reported = vitals.vitals(facts("pw2"))

    assert reported[f"TETHC--{FIRST}"]["THC_AmbientTemp"] == 22.5
    assert reported[f"TEPINV--{FIRST}"]["PINV_EnergyCharged"] is None


def test_a_site_without_a_synchroniser_has_none():
    """The peer invents TESYNC--None--None; the islander's readings are at the backup switch then."""
    reported = vitals.vitals(facts("pw3"))

    assert keys(reported, "TESYNC") == []
    assert reported["TEMSA--1841000-01-A--MSA1234567"]["ISLAND_VL1N_Main"] == 121.1
    assert reported["TEMSA--1841000-01-A--MSA1234567"]["METER_Z_VL1N"] == 121.1


def test_every_unit_and_pack_of_a_powerwall_3_is_a_device():
    reported = vitals.vitals(facts("pw3"))

    assert keys(reported, "TEPOD") == [f"TEPOD--{LEADER}", f"TEPOD--{EXPANSION}", f"TEPOD--{FOLLOWER}"]
    assert reported[f"TEPOD--{EXPANSION}"]["POD_nom_full_pack_energy"] == 13400
    assert reported[f"TEPINV--{LEADER}"]["PINV_Pout"] == -1.75
    assert reported[f"TEPOD--{LEADER}"]["alerts"] == ["PWS_a002_y", "PCH_a003_z", "BMS_a001_x"]


def test_a_powerwall_3_has_six_strings_that_never_read_below_zero():
    reported = vitals.vitals(facts("pw3"))[f"PVAC--{LEADER}"]

    assert [reported[f"PVAC_PvState_{s}"] for s in "ABCDEF"][:3] == [
        "Pv_Active",
        "Pv_Active_Parallel",
        "Pv_Active",
    ]
    assert [reported[f"PVAC_PVCurrent_{s}"] for s in "DEF"] == [0, 0, 0]
    assert reported["PVAC_PVMeasuredPower_A"] == 380.5 * 6.1


def test_a_string_of_which_nothing_is_reported_is_neither_connected_nor_not():
    silent = {f"components.{LEADER}.components.pch.0.signals.1": signal("PCH_PvState_A")}

    reported = vitals.vitals(facts("pw3", silent))[f"PVS--{LEADER}"]

    assert [reported[f"PVS_String{s}_Connected"] for s in "ABF"] == [None, True, False]


def test_a_neurio_reports_only_its_configured_transformers_scaled_as_configured():
    reading = {"voltageV": 240.5, "realPowerW": 6500, "reactivePowerVAR": -100, "currentA": 27.1}

    reported = vitals.vitals(facts("pw2", {"controller.neurio.readings.0.dataRead": [reading] * 4}))

    neurio = reported["NEURIO--V1234567890"]
    assert neurio["NEURIO_CT0_InstRealPower"] == 13000
    assert neurio["NEURIO_CT0_Location"] == "solarRGM"
    assert not any(key.startswith("NEURIO_CT1") for key in neurio)


def test_a_neurio_that_measures_in_two_places_has_an_entry_for_each():
    """Every transformer that some entry uses is reported, with that entry's factor and place."""
    site, solar = (
        {"type": "neurio_w2_tcp", "connection": {"device_serial": "V1234567890"}, **entry}
        for entry in (
            {"location": "site", "cts": [True, True, False]},
            {"location": "solar", "cts": [False, False, True], "real_power_scale_factor": 2},
        )
    )
    reading = {"realPowerW": 1500}

    reported = vitals.vitals(
        facts(
            "pw2",
            {"config.meters": [site, solar], "controller.neurio.readings.0.dataRead": [reading] * 3},
        )
    )

    neurio = reported["NEURIO--V1234567890"]
    assert [neurio[f"NEURIO_CT{slot}_Location"] for slot in range(3)] == ["site", "site", "solar"]
    assert [neurio[f"NEURIO_CT{slot}_InstRealPower"] for slot in range(3)] == [1500, 1500, 3000]


def test_temperatures_of_packs_are_reported_where_the_gateway_reports_them():
    hot = {f"components.{LEADER}.components.hvp.0.signals": [signal("HVP_PackTempMax", 31.5)]}

    reported = vitals.vitals(facts("pw3", hot))

    assert reported[f"TEPOD--{LEADER}"]["HVP_PackTempMax"] == 31.5
    assert "HVP_PackTempMax" not in reported[f"TEPOD--{EXPANSION}"]


def test_unit_that_did_not_answer_is_left_out():
    reported = vitals.vitals(facts("pw3", {f"components.{FOLLOWER}": {}}))

    assert keys(reported, "PVAC") == [f"PVAC--{LEADER}"]
    assert f"TEPOD--{FOLLOWER}" not in reported


def test_a_remote_meter_reports_its_energies_too():
    remote = {
        "controller.teslaRemoteMeter": {
            "meters": [
                {
                    "din": "1234567-00-A--TRM1",
                    "reading": {
                        "timestamp": "2024-01-24T12:00:00Z",
                        "ctReadings": [{"realPowerW": 5.0, "energyExportedWs": 7, "currentA": 1.0}],
                    },
                }
            ]
        }
    }

    reported = vitals.vitals(facts("pw2", remote))["TRM--1234567-00-A--TRM1"]

    assert (reported["TRM_CT0_InstRealPower"], reported["TRM_CT0_EnergyExportedWs"]) == (5.0, 7)
    assert (reported["serialNumber"], reported["lastCommunicationTime"]) == ("TRM1", 1706097600)
    assert reported["TRM_CT0_Location"] is None  # it is not configured
