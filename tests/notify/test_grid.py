"""When the grid goes and returns: one message each for an outage, and none for what is no outage."""

import pytest

from proxy.notify.grid import Grid, GridReading

LOW = 20.0


class House:
    """A house whose grid is read every 15 seconds; ``settle`` seconds as the settings have it."""

    def __init__(self, settle=30.0):
        self.grid = Grid(settle, LOW)
        self.now = 1000.0
        self.facts = []

    def reads(self, *states, charge=62.0, explains=True, pause=15.0):
        for state in states:
            self.now += pause
            reading = GridReading(self.now, state, charge, explains)
            self.facts += self.grid.observe(reading)
        return self

    def restarts(self, settle=30.0):
        """The process ends and begins with another monotonic clock."""
        kept = self.grid.dump(offset=5000.0)
        self.grid = Grid(settle, LOW)
        self.now -= 900.0
        self.grid.load(kept, offset=5900.0)
        return self

    @property
    def events(self):
        return [fact.event for fact in self.facts]


def test_an_outage_is_one_loss_and_one_return():
    house = House().reads("up", *["outage"] * 40, charge=60).reads(*["up"] * 40, charge=51)

    lost, back = house.facts
    assert (lost.event, back.event) == ("grid_lost", "grid_back")
    assert lost.values == {"cause": "outage", "is_start_known": True, "charge_percent": 60}
    assert back.values["duration_seconds"] == 40 * 15
    assert (back.values["charge_before_percent"], back.values["charge_percent"]) == (60, 51)


def test_a_loss_is_reported_when_it_has_lasted_for_the_settle_time():
    assert House().reads("up", "outage", "outage").events == []
    assert House().reads("up", "outage", "outage", "outage").events == ["grid_lost"]


def test_a_loss_that_is_over_before_the_settle_time_is_none():
    assert House().reads("up", "outage", "outage", *["up"] * 10, "outage", *["up"] * 10).events == []


@pytest.mark.parametrize("state", ["outage", "islanded"])
def test_a_contactor_that_opens_and_closes_all_the_time_makes_one_outage(state):
    """The grid flaps for an hour, never there for 30 s: one loss, and one return when it stays."""
    house = House().reads("up", *[state, "up"] * 120, state)
    assert house.events == ["grid_lost"]

    assert house.reads(*["up"] * 5).events == ["grid_lost", "grid_back"]


def test_unknown_and_transition_are_neither_loss_nor_return():
    assert House().reads("up", *["transition"] * 100).events == []
    assert House().reads("up", *["outage"] * 4, *["transition"] * 100).events == ["grid_lost"]


def test_leaving_the_grid_by_choice_is_no_loss():
    assert House().reads("up", *["off_grid"] * 100, *["up"] * 10).events == []


def test_the_reason_may_come_later_than_the_state_and_go_earlier():
    """Alerts are read every five minutes: until one says why, or two minutes have passed, nothing is reported."""
    assert House().reads("up", *["islanded"] * 5, *["off_grid"] * 20, "islanded", *["up"] * 5).events == []


def test_a_gateway_that_reports_no_reason_is_quoted_without_one():
    """With alerts, two minutes are waited for the reason; firmware without any never has one."""
    waited = House().reads("up", *["islanded"] * 8)
    assert waited.events == []
    assert waited.reads("islanded").facts[0].values["cause"] == "unknown"

    at_once = House().reads("up", *["islanded"] * 3, explains=False)
    assert at_once.facts[0].values["cause"] == "unknown"


def test_a_gateway_that_was_ordered_off_the_grid_is_so_by_choice():
    """Firmware without alerts cannot say so itself."""
    house = House().reads("up", explains=False)
    house.grid.choose(house.now)
    house.reads(*["islanded"] * 100, *["up"] * 5, explains=False)
    assert house.events == []

    assert house.reads(*["islanded"] * 5, explains=False).events == [
        "grid_lost"
    ]  # hours later, without an order


def test_an_order_does_not_explain_an_outage():
    house = House().reads("up")
    house.grid.choose(house.now)

    assert house.reads(*["outage"] * 4).events == ["grid_lost"]


def test_the_grid_may_fail_while_the_house_is_off_it_by_choice():
    house = House().reads("up", *["off_grid"] * 100, *["outage"] * 4, *["up"] * 5)

    assert house.events == ["grid_lost", "grid_back"]
    assert house.facts[1].values["duration_seconds"] == 4 * 15


def test_going_off_grid_in_an_outage_does_not_end_it():
    house = House().reads("up", *["outage"] * 4, *["off_grid"] * 10, *["up"] * 5)

    assert house.events == ["grid_lost", "grid_back"]
    assert house.facts[1].values["duration_seconds"] == 14 * 15


@pytest.mark.parametrize("before", [1, 2, 3, 10])
def test_a_restart_in_an_outage_changes_nothing(before):
    """Wherever the proxy restarts, one loss and one return are reported, with the whole duration."""
    house = House().reads("up", *["outage"] * before).restarts().reads(*["outage"] * (20 - before))
    house.reads("up").restarts().reads("up", "up")

    assert house.events == ["grid_lost", "grid_back"]
    assert house.facts[1].values["duration_seconds"] == 20 * 15


def test_an_outage_that_ended_while_the_proxy_was_off_has_no_certain_end():
    house = House().reads("up", *["outage"] * 4).restarts().reads("up", pause=3600).reads("up", "up")

    back = house.facts[1]
    assert not back.values["is_end_known"]
    assert back.values["duration_seconds"] == 3 * 15  # at least: as long as it was seen
    assert back.moments["seen"] < back.moments["until"]


def test_a_proxy_that_starts_in_an_outage_does_not_know_its_beginning():
    assert House().reads(*["outage"] * 3).facts[0].values["is_start_known"] is False


def test_low_charge_off_the_grid_is_reported_once():
    house = House().reads("up", charge=15).reads(*["outage"] * 3, charge=21)
    assert house.events == ["grid_lost"]

    house.reads(*["outage"] * 20, charge=19.9)
    assert house.events == ["grid_lost", "charge_low"]
    house.reads(*["outage", "up"] * 20, "outage", charge=19)
    assert house.events == ["grid_lost", "charge_low"]

    house.reads("outage", charge=26).reads("outage", charge=19)
    assert house.events == ["grid_lost", "charge_low", "charge_low"]


def test_low_charge_is_reported_off_the_grid_by_choice_too_and_never_on_it():
    assert House().reads(*["up"] * 100, charge=3).events == []
    assert House().reads("up", *["off_grid"] * 5, charge=3).events == ["charge_low"]
    assert House().reads("up", *["outage"] * 5, charge=None).events == ["grid_lost"]


def test_a_reading_that_comes_twice_counts_once():
    house = House().reads("up", "outage", "outage")

    for _ in range(10):
        house.facts += house.grid.observe(GridReading(house.now, "outage", 62.0, True))

    assert house.events == []
