"""Which batteries a Powerwall 3 site has: ghosts, empty slots, nameless packs."""

from __future__ import annotations

from proxy.drivers.tedapi.translate import battery_blocks as blocks
from proxy.drivers.tedapi.translate import powerwall3
from tests.drivers.tedapi.sites import facts

LEADER, FOLLOWER = "1707000-11-J--TG12000000001Z", "1707000-11-J--TG12000000002Z"
EXPANSION = "2707000-11-J--TG12000000004Z"
TOTAL = "controller.control.systemStatus.nominalFullPackEnergyWh"
HVP = f"components.{LEADER}.components.hvp"
BMS = f"components.{LEADER}.components.bms"


def energies(remaining_kwh, full_kwh):
    values = {"BMS_nominalEnergyRemaining": remaining_kwh, "BMS_nominalFullPackEnergy": full_kwh}
    return {"signals": [{"name": name, "value": value} for name, value in values.items()]}


def dins(site):
    return [pack.din for pack in powerwall3.packs(site)]


def test_a_slot_without_name_and_capacity_is_empty():
    assert dins(facts("pw3")) == [LEADER, EXPANSION, FOLLOWER]


def test_a_nameless_pack_with_next_to_no_charge_is_a_ghost_if_the_total_does_without_it():
    ghost = {
        BMS: [energies(10.0, 13.5), energies(0.3, 13.5)],
        HVP: [{"serialNumber": "TG12000000001Z"}, {"serialNumber": None}],
    }

    assert dins(facts("pw3", {**ghost, TOTAL: 27000})) == [LEADER, FOLLOWER]
    assert dins(facts("pw3", {**ghost, TOTAL: 40500})) == [LEADER, EXPANSION, FOLLOWER]


def test_a_nameless_pack_with_charge_is_the_configured_expansion_that_no_unit_claims():
    nameless = {
        BMS: [energies(10.0, 13.5), energies(9.0, 13.4)],
        HVP: [{"serialNumber": "TG12000000001Z"}, {}],
    }

    assert dins(facts("pw3", nameless)) == [LEADER, EXPANSION, FOLLOWER]


def test_a_pack_that_has_no_name_is_not_given_a_name():
    nameless = {
        BMS: [energies(10.0, 13.5), energies(9.0, 13.4)],
        HVP: [{}, {}],
        "config.battery_blocks.0.battery_expansions": [],
    }

    assert dins(facts("pw3", nameless)) == [LEADER, FOLLOWER]


def test_blocks_are_the_units_and_then_their_expansions_in_watts_and_watt_hours():
    reported = list(blocks.battery_blocks(facts("pw3")))

    assert [block["PackageSerialNumber"] for block in reported] == [
        "TG12000000001Z",
        "TG12000000002Z",
        "TG12000000004Z",
    ]
    assert [block["Type"] for block in reported] == ["", "", "BatteryExpansion"]
    assert [block["p_out"] for block in reported] == [-1750.0, -1750.0, None]
    assert [block["nominal_energy_remaining"] for block in reported] == [10000, 10000, 9000]


def test_blocks_of_a_powerwall_2_are_in_watts_although_the_bus_has_kilowatts():
    assert [block["p_out"] for block in blocks.battery_blocks(facts("pw2"))] == [-1750.0, -750.0]


def test_a_unit_that_does_not_answer_is_a_block_of_which_nothing_is_known():
    reported = list(blocks.battery_blocks(facts("pw3", {f"components.{FOLLOWER}": {}})))

    assert reported[1]["PackageSerialNumber"] == "TG12000000002Z"
    assert reported[1]["p_out"] is None
    assert reported[1]["nominal_energy_remaining"] is None


def test_every_block_has_a_text_for_its_grid_state():
    """Home Assistant's integration ends with an error where it is null."""
    for site in (facts("pw2"), facts("pw3"), facts("pw3", {f"components.{FOLLOWER}": {}})):
        assert all(isinstance(block["pinv_grid_state"], str) for block in blocks.battery_blocks(site))
