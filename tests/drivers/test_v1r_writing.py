"""v1r: writing, once and whole."""

from __future__ import annotations

import pytest

from proxy.core.errors import CommandRejected, OutcomeUnknown
from proxy.core.model import Command, Setting
from proxy.sim.faults import Fault

SIGNED = "/tedapi/v1r"


@pytest.fixture
async def driver(wired, start, key):
    proxy = await start(wired, **key.settings())
    return proxy.context.gateway.cache.links[0].driver


async def test_mode_and_reserve_are_one_write(wired, driver):
    """Two writes could leave the house with one of them."""
    outcome = await driver.execute(Command({Setting.RESERVE: 50, Setting.MODE: "backup"}))

    assert (wired.plant.reserve, wired.plant.mode) == (52.5, "backup")
    assert len(wired.writes) == 1
    assert outcome.values == {Setting.RESERVE: pytest.approx(50), Setting.MODE: "backup"}


async def test_grid_charging_and_export_rule(wired, driver):
    outcome = await driver.execute(Command({Setting.GRID_CHARGING: True, Setting.GRID_EXPORT: "never"}))

    assert (wired.plant.grid_charging, wired.plant.export) == (True, False)
    assert outcome.values == {Setting.GRID_CHARGING: True, Setting.GRID_EXPORT: "never"}


async def test_a_full_backup_and_its_end(wired, driver):
    await driver.execute(Command({Setting.MAX_BACKUP: 60}))
    reported = await driver.fetch("backup_events")
    await driver.execute(Command({Setting.MAX_BACKUP: 0}))

    assert reported["/tedapi/backup_events"].value["manual_backup"]["duration_seconds"] == 60
    assert wired.tedapi.backup is None


async def test_the_change_of_another_client_is_kept(wired, driver):
    """The hash shows that the file changed between reading and writing: all is done once more."""
    raced = []

    def race(kind, document):
        if kind == "config" and not raced:
            raced.append(True)
            wired.tedapi.config = {**document, "strategy": {"by": "another client"}}
        return document

    wired.tedapi.edit = race
    await driver.execute(Command({Setting.RESERVE: 30}))

    assert wired.plant.reserve == 33.5
    assert wired.tedapi.config["strategy"] == {"by": "another client"}
    assert len(wired.writes) == 2


async def test_a_refused_configuration_is_a_rejected_command(wired, driver):
    with pytest.raises(CommandRejected):
        await driver.execute(Command({Setting.MODE: "party"}))

    assert wired.plant.mode == "self_consumption"


async def test_a_write_without_an_answer_is_never_repeated(wired, driver):
    """The connection breaks after the gateway has carried it out: that cannot be known here."""

    def then_break(kind, document):
        if kind == "config":
            wired.faults.add(Fault(SIGNED, action="reset", after=True, times=1))
        return document

    wired.tedapi.edit = then_break

    with pytest.raises(OutcomeUnknown):
        await driver.execute(Command({Setting.RESERVE: 30}))

    assert wired.plant.reserve == 33.5
    assert len(wired.writes) == 1


async def test_a_write_takes_the_wire_although_the_wifi_is_there(wired, start, key):
    """What it changed shows at once."""
    secret = "a long enough secret"
    proxy = await start(wired, control_secret=secret, **key.settings(wifi_host=wired.address))
    assert (await proxy.get("/api/operation")).json()["backup_reserve_percent"] == 20

    answer = await proxy.post("/control/reserve", data={"value": "30", "token": secret})

    assert answer.status == 200
    assert {record.path for record in wired.writes} == {SIGNED}
    assert (await proxy.get("/api/operation")).json()["backup_reserve_percent"] == 30


async def test_reading_never_writes(wired, driver):
    for exchange in ("controller", "config", "status", "backup_events"):
        await driver.fetch(exchange)

    assert wired.writes == []
