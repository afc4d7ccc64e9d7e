"""Charge, grid, mode and identity from TEDAPI (docs/protocol.md, "Site")."""

from __future__ import annotations

import pytest
from tesla_powerwall.responses import PowerwallStatusResponse

from proxy.drivers.tedapi.translate import battery_blocks as blocks
from proxy.drivers.tedapi.translate import site
from tests.drivers.tedapi.sites import facts

STATUS = "controller.control.systemStatus"
ALERTS = "controller.control.alerts.active"
CONTACTOR = "controller.esCan.bus.ISLANDER.ISLAND_GridConnection.ISLAND_GridConnected"


def test_charge_is_the_share_of_the_whole_pack():
    assert site.soe(facts("pw2")) == {"percentage": 6500 / 27000 * 100}


def test_an_empty_pack_is_zero_and_an_unknown_one_is_not():
    assert site.soe(facts("pw2", {f"{STATUS}.nominalEnergyRemainingWh": 0})) == {"percentage": 0.0}
    assert site.soe(facts("pw2", {f"{STATUS}.nominalEnergyRemainingWh": None})) is None
    assert site.soe(facts("pw2", {f"{STATUS}.nominalFullPackEnergyWh": 0})) is None
    assert site.soe(facts("pw2", {"controller.control": None})) is None


@pytest.mark.parametrize(
    ("alerts", "contactor", "expected"),
    [
        (["SystemConnectedToGrid"], "ISLAND_GridConnected_Disconnected", "SystemGridConnected"),
        ([], "ISLAND_GridConnected_Connected", "SystemGridConnected"),
        ([], True, "SystemGridConnected"),
        ([], "ISLAND_GridConnected_Disconnected", "SystemIslandedActive"),
        ([], False, "SystemIslandedActive"),  # the peer calls this unknown
        ([], "", None),
        ([], None, None),
    ],
)
def test_the_grid_is_reported_by_the_alert_and_else_by_the_contactor(alerts, contactor, expected):
    reported = site.grid_status(facts("pw2", {ALERTS: alerts, CONTACTOR: contactor}))

    assert (reported and reported["grid_status"]) == expected
    assert reported is None or reported["grid_services_active"] is False


def test_mode_and_reserve_are_the_configured_ones_on_the_raw_scale():
    assert site.operation(facts("pw2")) == {"real_mode": "self_consumption", "backup_reserve_percent": 24}
    assert site.operation(facts("pw2", {"config": {}})) is None


def test_of_the_configuration_only_the_identity_is_reported():
    assert site.config(facts("pw2")) == {"vin": "1232100-00-E--TG123456789ABC"}
    assert site.config(facts("pw2", {"config": {}})) is None


def test_the_site_master_runs_or_not():
    stopped = {"controller.system.sitemanagerStatus.isRunning": False}

    assert (site.sitemaster(facts("pw2")) or {})["status"] == "StatusUp"
    assert (site.sitemaster(facts("pw2", stopped)) or {})["running"] is False
    assert site.sitemaster(facts("pw2", {"controller.system": None})) is None


def test_up_time_is_that_of_the_synchroniser():
    up = [{"serialNumber": "J1", "signals": [{"name": "SYNC_Uptime", "value": 831359930}]}]

    reported = site.status(
        facts("pw2", {"controller.components.msa": up, "controller.system.time": "2024-01-24T12:00:00-07:00"})
    )

    assert reported["up_time_seconds"] == "230h55m59.93s"
    assert reported["start_time"] == "2024-01-14 21:04:00 -0700"


def test_without_a_synchroniser_the_gateway_is_up_at_least_since_it_was_first_seen():
    reported = site.status(facts("pw3", seen_since=1706097600.0 - 90))

    assert reported["up_time_seconds"] == "0h1m30s"
    assert PowerwallStatusResponse.from_dict(reported).version == "25.34.1 008bf6ff"


def test_the_firmware_comes_with_its_hash_in_hex():
    reported = site.status(facts("pw2"))

    assert (reported["version"], reported["git_hash"]) == ("25.10.1 9b2c1f3d", "9b2c1f3d00")
    assert reported["device_type"] == "teg"


def test_nothing_is_said_about_units_that_the_configuration_does_not_name():
    """The peer serves the units of another house here."""
    reported = blocks.powerwalls(facts("pw2"))

    assert [unit["PackageSerialNumber"] for unit in reported["powerwalls"]] == [
        "TG123456789DEF",
        "TG123456789GHI",
    ]
    assert reported["gateway_din"] == "1232100-00-E--TG123456789ABC"
    assert reported["powerwalls"][0]["commissioning_diagnostic"] is None


def test_meters_and_inverters_are_the_configured_ones():
    assert [meter["serial"] for meter in site.meters(facts("pw2"))] == ["V1234567890"]
    assert site.solars(facts("pw2")) == [
        {"brand": "Tesla", "model": "Solar Inverter 7.6", "power_rating_watts": 7600}
    ]
    assert site.meter_at(facts("pw2"), "solar")[0]["Cached_readings"]["instant_power"] == 6500
    assert site.meter_at(facts("pw3"), "solar") is None
