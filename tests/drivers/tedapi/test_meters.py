"""Powers, voltages and currents of /api/meters/aggregates from TEDAPI (docs/protocol.md, "Meters from TEDAPI")."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.drivers.tedapi.translate import measures, meters
from tests.drivers.tedapi.sites import facts

AGGREGATES = "controller.control.meterAggregates"
BUS = "controller.esCan.bus"


def test_powers_are_those_of_the_gateways_own_totals():
    reported = meters.aggregates(facts("pw2"))

    assert {name: section["instant_power"] for name, section in reported.items()} == {
        "site": -2100,
        "battery": -3500,
        "load": 900,
        "solar": 6500,
    }


def test_a_location_that_is_not_reported_is_null_and_not_zero():
    reported = meters.aggregates(facts("pw2", {AGGREGATES: [{"location": "Load", "realPowerW": 900}]}))

    assert reported["load"]["instant_power"] == 900
    assert reported["solar"]["instant_power"] is None
    assert reported["solar"]["instant_average_current"] is None


def test_a_meter_of_what_the_site_has_not_is_left_out():
    """Home Assistant ends at a power that is null, and reads on without the meter."""
    solar_only = {AGGREGATES: [{"location": "LOAD", "realPowerW": 900}], "config.battery_blocks": []}

    assert meters.aggregates(facts("pw2", solar_only)).keys() == {"site", "load", "solar"}


def test_without_any_power_there_is_no_document():
    """``control`` is null while the site manager is not running."""
    assert meters.aggregates(facts("pw2", {"controller.control": None})) is None


def test_each_current_has_the_sign_of_its_power():
    site = meters.aggregates(
        facts("pw2", {f"{BUS}.SYNC.METER_X_AcMeasurements.METER_X_CTB_InstRealPower": 5})
    )

    assert (site["site"]["i_a_current"], site["site"]["i_b_current"]) == (-9.1, 8.4)


def test_a_meter_that_is_missing_in_action_is_not_believed():
    """Its values stay at zero; the next meter that measures the grid is taken."""
    lost = {
        f"{BUS}.SYNC.METER_X_AcMeasurements": {"isMIA": True, "METER_X_CTA_I": 0.0},
        f"{BUS}.MSA": {"METER_Z_AcMeasurements": {"METER_Z_CTA_I": 7.0, "METER_Z_CTA_InstRealPower": -3}},
    }

    assert meters.aggregates(facts("pw2", lost))["site"]["i_a_current"] == -7.0


def test_an_outside_meter_measures_the_grid_where_no_built_in_one_does():
    neurio = {
        f"{BUS}.SYNC.METER_X_AcMeasurements": None,
        "config.meters.0.location": "site",
        "controller.neurio.readings.0.dataRead.0.realPowerW": -400,
    }

    assert meters.aggregates(facts("pw2", neurio))["site"]["i_a_current"] == -27.1


@pytest.mark.parametrize(
    ("volts", "expected"),
    [
        ((121.0, 122.0, 0.0), 243.0),  # split phase
        ((121.0, 0.4, None), 121.0),  # one line
        ((230.0, 230.0, 230.0), 230.0 * 3**0.5),  # three phases
        ((0.2, 0.3, None), 0.5),  # dead
        ((0.0, 0.0, 0.0), None),
        ((None, None, None), None),
    ],
)
def test_the_voltage_between_lines_follows_from_the_live_ones(volts, expected):
    assert measures.line_voltage(volts) == pytest.approx(expected)


@given(st.floats(101, 300), st.floats(101, 300), st.floats(101, 300))
def test_three_phase_voltage_does_not_depend_on_the_order_of_the_lines(a, b, c):
    assert measures.line_voltage((a, b, c)) == pytest.approx(measures.line_voltage((c, a, b)))


def test_solar_voltage_is_the_mean_of_the_inverters_that_are_awake():
    asleep = {f"{BUS}.PVAC.1.PVAC_Status.PVAC_Vout": 0}

    assert meters.aggregates(facts("pw2"))["solar"]["instant_average_voltage"] == 239.5
    assert meters.aggregates(facts("pw2", asleep))["solar"]["instant_average_voltage"] == 240.5


def test_a_powerwall_3_measures_its_own_voltages():
    reported = meters.aggregates(facts("pw3"))

    assert reported["battery"]["instant_average_voltage"] == 242.6
    assert reported["battery"]["num_meters_aggregated"] == 2
    assert reported["solar"]["frequency"] == 60.01


ISLANDER = f"{BUS}.ISLANDER.ISLAND_AcMeasurements"
DISCONNECTED = {
    "controller.control.alerts.active": [],
    f"{BUS}.ISLANDER.ISLAND_GridConnection.ISLAND_GridConnected": "ISLAND_GridConnected_Disconnected",
}
SILENT = {"isMIA": True, "PINV_Vout": 0, "PINV_Fout": 0}


def lines(side, volts=0, hertz=0):
    """What the islander measures on the lines of one side."""
    reported = {f"{ISLANDER}.ISLAND_VL{line}N_{side}": volts for line in (1, 2, 3)}
    return reported | {f"{ISLANDER}.ISLAND_FreqL{line}_{side}": hertz for line in (1, 2, 3)}


def measured(meter):
    return meter["instant_average_voltage"], meter["frequency"]


def test_silent_inverters_are_on_the_wires_that_the_islander_measures():
    """Home Assistant rounds voltage, frequency and current of every meter, and ends at null."""
    silent = {f"{BUS}.PINV.{slot}.PINV_Status": SILENT for slot in (0, 1)}

    battery = meters.aggregates(facts("pw2", silent))["battery"]

    assert measured(battery) == (242.2, 60.01)
    assert battery["instant_total_current"] == -3500 / 242.2


def test_of_three_phases_an_inverter_is_on_one():
    silent = {f"{BUS}.PINV.{slot}.PINV_Status": SILENT for slot in (0, 1)}

    reported = meters.aggregates(facts("pw2", silent | lines("Load", 230.0, 50.0)))

    assert measured(reported["battery"]) == (230.0, 50.0)
    assert measured(reported["load"]) == (pytest.approx(230.0 * 3**0.5), 50.0)


def test_while_the_contactor_is_closed_either_side_measures_the_other():
    house_lost, grid_lost = lines("Load"), lines("Main")

    assert measured(meters.aggregates(facts("pw2", house_lost))["load"])[1] == 60.0  # the solar inverters'
    meter_x = measured(meters.aggregates(facts("pw2", {ISLANDER: None}))["site"])[0]
    assert meter_x == pytest.approx(242.4)
    assert measured(meters.aggregates(facts("pw2", grid_lost))["site"])[1] == 60.01


def test_an_outage_is_no_voltage_and_not_an_unknown_one():
    """The contactor is open and the islander measures zeros before it; behind it the house has power."""
    reported = meters.aggregates(
        facts("pw2", DISCONNECTED | lines("Main") | {f"{BUS}.SYNC.METER_X_AcMeasurements": None})
    )

    assert measured(reported["site"]) == (0, 0)
    assert reported["site"]["instant_total_current"] == 0
    assert measured(reported["load"]) == (242.2, 60.01)


def test_what_nothing_measures_is_null():
    nothing = {BUS: {}, "controller.neurio": None, "controller.components": None}

    reported = meters.aggregates(facts("pw2", nothing))

    assert {measured(meter) for meter in reported.values()} == {(None, None)}
    assert {meter["instant_total_current"] for meter in reported.values()} == {None}


@pytest.mark.parametrize(
    ("volts", "expected"),
    [
        ((121.2, 121.4), 242.6),  # a leg each
        ((121.0, 121.0, 122.0, 122.0), 243.0),  # two on each leg
        ((240.1,), 240.1),  # between the legs
        ((230.0, 230.0), 230.0),  # two circuits of one phase
        ((230.0, 230.0, 230.0), 230.0 * 3**0.5),  # three phases
        ((0.0, None), None),
    ],
)
def test_transformers_report_the_voltage_between_lines(volts, expected):
    assert measures.transformer_voltage(volts) == pytest.approx(expected)


class TestGenerator:
    """Every gateway reports the power of a generator, 0 W where there is none."""

    @staticmethod
    def site(watts, **more):
        return facts("pw2", {AGGREGATES: [{"location": "GENERATOR", "realPowerW": watts}]}, **more)

    def test_one_that_runs_is_a_meter_on_the_wires_of_the_house(self):
        reported = meters.aggregates(self.site(4000))["generator"]

        assert reported["instant_power"] == 4000
        assert measured(reported) == (242.2, 60.01)

    def test_one_that_never_ran_does_not_exist(self):
        assert "generator" not in meters.aggregates(self.site(0))
        assert "generator" not in meters.aggregates(self.site(0, counters={"generator": (0.0, 0.0)}))

    def test_one_that_ran_stays_with_its_energy(self):
        reported = meters.aggregates(self.site(0, counters={"generator": (0.0, 700.0)}))["generator"]

        assert (reported["instant_power"], reported["energy_exported"]) == (0, 700.0)


class TestRemoteSolarMeter:
    """When a remote meter drops out, the gateway loses solar power and takes it from the load too."""

    @staticmethod
    def lost(solar, seconds_old=10, watts=3000.0):
        return facts(
            "pw2",
            {
                "controller.control.alerts.active": ["SystemConnectedToGrid", "SolarMeterComms"],
                AGGREGATES: [
                    {"location": "SOLAR", "realPowerW": solar},
                    {"location": "LOAD", "realPowerW": -2100.0},
                ],
                "controller.system.time": "2024-01-24T12:00:00Z",
                "controller.teslaRemoteMeter": {
                    "meters": [
                        {
                            "din": "1234567-00-A--TRM1",
                            "reading": {
                                "timestamp": 1706097600 - seconds_old,
                                "ctReadings": [{"realPowerW": watts}, {"realPowerW": 99.0}],
                            },
                        }
                    ]
                },
                "config.meters": [
                    {
                        "type": "trm_wifi",
                        "location": "solar",
                        "cts": [True, False, False, False],
                        "connection": {"device_serial": "TRM1"},
                    }
                ],
            },
        )

    @pytest.mark.parametrize("solar", [None, 0, 10])
    def test_its_own_reading_puts_both_right(self, solar):
        powers = meters.powers(self.lost(solar))

        assert powers["solar"] == 3000.0
        assert powers["load"] == -2100.0 + 3000.0 - (solar or 0)

    @pytest.mark.parametrize(
        "kept", [{"solar": 11}, {"solar": 0, "seconds_old": 61}, {"solar": 0, "watts": -1.0}]
    )
    def test_but_only_if_it_is_lost_and_the_reading_is_recent_and_positive(self, kept):
        powers = meters.powers(self.lost(**kept))

        assert (powers["solar"], powers["load"]) == (kept["solar"], -2100.0)


def test_energies_are_null_unless_they_were_counted():
    counted = facts("pw2", counters={"site": (10.0, 20.0)})

    assert meters.aggregates(facts("pw2"))["site"]["energy_imported"] is None
    assert meters.aggregates(counted)["site"]["energy_imported"] == 10.0
    assert meters.aggregates(counted)["site"]["energy_exported"] == 20.0
    assert meters.aggregates(counted)["load"]["energy_imported"] is None
