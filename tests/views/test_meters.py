"""Power and charge, as dashboards, displays and scripts read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.model import raw_percent
from proxy.core.sources import GRID_STATUS, METERS, OPERATION, SOE, SYSTEM_STATUS
from proxy.views import meters
from proxy.views.options import Options

NIGHT = {"site": 40, "battery": 500, "solar": -12, "load": 528}


def documents(powers, **others):
    sections = {name: {"instant_power": watts, "frequency": 60.0} for name, watts in powers.items()}
    return {METERS: sections, SOE: {"percentage": 23.975388}, **others}


def known(**powers):
    return documents(
        {"site": -2100, "battery": -3500, "solar": 6500, "load": 900} | powers,
        **{
            GRID_STATUS: {"grid_status": "SystemGridConnected"},
            OPERATION: {"backup_reserve_percent": 24},
            SYSTEM_STATUS: {"nominal_energy_remaining": 16693, "nominal_full_pack_energy": 25995},
        },
    )


def test_powers_stay_as_they_are_unless_the_owner_wants_it():
    assert meters.power(documents(NIGHT), Options()) == NIGHT


def test_negative_solar_power_moves_to_the_home():
    """PW_NEG_SOLAR=no: what the inverter itself takes at night is consumption."""
    power = meters.power(documents(NIGHT), Options(neg_solar=False))

    assert power == {"site": 40, "battery": 500, "solar": 0, "load": 540}


def test_noise_of_the_site_meter_counts_as_nothing():
    """PW_SITE_ZERO_THRESHOLD: the threshold itself is noise, the next watt is not."""
    at, beyond = Options(site_zero_threshold=40), Options(site_zero_threshold=39.9)

    assert meters.power(documents(NIGHT), at) == {**NIGHT, "site": 0, "load": 488}
    assert meters.power(documents(NIGHT), beyond) == NIGHT


@given(st.tuples(*[st.integers(-9000, 9000)] * 3), st.booleans(), st.integers(0, 500))
def test_corrections_keep_the_balance(reported, neg_solar, threshold):
    site, battery, solar = reported
    powers = {"site": site, "battery": battery, "solar": solar, "load": site + battery + solar}

    reported = meters.power(documents(powers), Options(neg_solar=neg_solar, site_zero_threshold=threshold))

    assert reported["site"] + reported["battery"] + reported["solar"] == reported["load"]


@pytest.mark.parametrize("options", [Options(), Options(neg_solar=False, site_zero_threshold=50)])
def test_every_route_shows_the_same_powers(options):
    site = known(**NIGHT)
    power = meters.power(site, options)

    sections = meters.aggregates(site, options)
    summary = meters.json(site, options)
    grid, home, solar, battery, *_ = meters.csv(site, options).split(",")

    assert {name: section["instant_power"] for name, section in sections.items()} == power
    assert meters.meter("load")(site, options) == sections["load"]
    assert [summary[key] for key in ("grid", "home", "solar", "battery")] == [
        power[key] for key in ("site", "load", "solar", "battery")
    ]
    assert [float(grid), float(home), float(solar), float(battery)] == [
        power[key] for key in ("site", "load", "solar", "battery")
    ]


def test_a_correction_touches_only_the_power():
    section = meters.aggregates(documents(NIGHT), Options(neg_solar=False))["solar"]

    assert section == {"instant_power": 0, "frequency": 60.0}


def test_a_power_that_is_not_reported_stays_unknown():
    """A null is neither zero nor the reason to correct another power by it."""
    site = documents({**NIGHT, "load": None})

    assert meters.power(site, Options(neg_solar=False)) == {**NIGHT, "solar": 0, "load": None}
    assert meters.csv(site, Options()) == "40.00,,-12.00,500.00,23.98\n"


def test_csv_has_seven_columns_by_position_and_names_them_on_request():
    line = "-2100.00,900.00,6500.00,-3500.00,23.98,1,20\n"

    assert meters.csv_v2(known(), Options()) == line
    assert meters.csv_v2(known(), Options(headers=True)) == (
        "Grid,Home,Solar,Battery,BatteryLevel,GridStatus,Reserve\n" + line
    )


def test_an_unknown_grid_is_not_a_grid_that_is_down():
    """A 0 here switches a house off in an owner's script."""
    site = known() | {GRID_STATUS: {"grid_status": "SystemGridFuture"}}

    assert meters.csv_v2(site, Options()).endswith(",23.98,,20\n")
    assert meters.json(site, Options())["grid_status"] is None


def test_the_summary_has_nulls_for_what_is_not_known():
    summary = meters.json(documents({"solar": 5}), Options())

    assert summary == {
        "grid": None,
        "home": None,
        "solar": 5,
        "battery": None,
        "soe": 23.975388,
        "soe_raw": 23.975388,
        "grid_status": None,
        "reserve": None,
        "time_remaining_hours": None,
        "full_pack_energy": None,
        "energy_remaining": None,
        "strings": {},
    }


@pytest.mark.parametrize(
    ("raw", "app"),
    [(42.415190953701725, 39.38441153021235), (23.975388, 19.974092631578948), (3, 0), (None, None)],
)
def test_the_app_scale_hides_five_percent_and_is_never_negative(raw, app):
    assert meters.soe_app({SOE: {"percentage": raw}}, Options()) == {
        "percentage": app,
        "raw_percentage": raw,
    }


@pytest.mark.parametrize(("load", "hours"), [(1450, 9100 / 1450), (0, None), (-5, None), (None, None)])
def test_time_remaining_is_known_only_under_load(load, hours):
    site = {METERS: {"load": {"instant_power": load}}, SYSTEM_STATUS: {"nominal_energy_remaining": 9100}}

    assert meters.time_remaining(site, Options()) == {"time_remaining": hours}


def test_numbers_that_json_cannot_say_are_unknown():
    assert meters.power(documents(NIGHT | {"site": math.nan}), Options())["site"] is None


def test_the_reserve_in_the_csv_line_is_the_one_that_was_set():
    """Between the two scales a whole percentage picks up noise in its last bits, and must not lose one for it."""
    for percent in range(101):
        held = {**known(), OPERATION: {"backup_reserve_percent": raw_percent(percent)}}

        assert meters.csv_v2(held, Options()).endswith(f",{percent}\n")
