"""Settings reach a site some seconds after the cloud took them, and what is wrong never does."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("endpoint", "body", "path", "before", "after"),
    [
        ("backup", {"backup_reserve_percent": 35}, ("backup_reserve_percent",), 20, 35),
        (
            "operation",
            {"default_real_mode": "autonomous"},
            ("default_real_mode",),
            "self_consumption",
            "autonomous",
        ),
        (
            "grid_import_export",
            {"customer_preferred_export_rule": "never"},
            ("components", "customer_preferred_export_rule"),
            "battery_ok",
            "never",
        ),
        (
            "grid_import_export",
            {"disallow_charge_from_grid_with_solar_installed": False},
            ("components", "disallow_charge_from_grid_with_solar_installed"),
            True,
            False,
        ),
        ("storm_mode", {"enabled": True}, ("user_settings", "storm_mode_enabled"), False, True),
        (
            "off_grid_vehicle_charging_reserve",
            {"off_grid_vehicle_charging_reserve_percent": 40},
            ("user_settings", "off_grid_vehicle_charging_reserve_percent"),
            0,
            40,
        ),
    ],
)
async def test_a_setting_shows_after_some_seconds(cloud, call, clock, endpoint, body, path, before, after):
    caller = await call()

    async def shown():
        value = (await caller.site("site_info")).response
        for key in path:
            value = value[key]
        return value

    answer = await caller.write(endpoint, body)
    at_once = await shown()
    clock.advance(11)

    assert answer.status == 200
    assert (at_once, await shown()) == (before, after)


@pytest.mark.parametrize("percent", [-1, 101, 20.5, "20", None, True])
async def test_a_reserve_that_is_no_whole_percentage_is_refused(cloud, call, clock, percent):
    caller = await call()

    answer = await caller.write("backup", {"backup_reserve_percent": percent})
    clock.advance(60)

    assert answer.status == 422
    assert (await caller.site("site_info")).response["backup_reserve_percent"] == 20


async def test_a_reserve_between_80_and_100_becomes_80(cloud, call, clock):
    caller = await call()
    await caller.write("backup", {"backup_reserve_percent": 93})

    clock.advance(11)

    assert (await caller.site("site_info")).response["backup_reserve_percent"] == 80


async def test_the_gateway_obeys_what_was_set_in_the_cloud(cloud, call, clock):
    """The house itself has the new mode, so a local reader sees it too."""
    await (await call()).write("operation", {"default_real_mode": "backup"})

    clock.advance(11)
    cloud.site.catch_up()

    assert cloud.house.plant.mode == "backup"
    assert [record.path.split("/")[-1] for record in cloud.writes] == ["operation"]
