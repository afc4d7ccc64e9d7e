"""Requests to /control and their answers (docs/protocol.md, "Its control requests")."""

from __future__ import annotations

import json
import logging

import pytest

from proxy.logs.repeats import Repeats
from proxy.sim.faults import Fault
from tests.server.control.conftest import BEARER, SECRET

RESERVE = "/control/reserve"


async def test_reading_needs_no_secret(proxy, sim):
    """GET reports mode and reserve in the app's scale as soon as control is on, and writes nothing."""
    assert (await proxy.get(RESERVE)).json() == {"reserve": 20.0}
    assert (await proxy.get("/control/mode")).json() == {"mode": "self_consumption"}
    assert (await proxy.get("/control/islanding")).json() == {"islanding": False}
    assert sim.writes == []


async def test_a_form_sets_the_reserve(proxy, sim):
    """The gateway gets both fields on its raw scale, then the word to apply them, and is read again."""
    answer = await proxy.post(RESERVE, data={"value": "30", "token": SECRET})

    assert answer.status == 200
    body = answer.json()
    assert body["set_backup_reserve_percent"]["backup_reserve_percent"] == 33.5
    assert body["set_operation"]["real_mode"] == "self_consumption"
    assert (body["reserve"], body["mode"]) == (30.0, "self_consumption")
    wrote = [(record.method, record.path) for record in sim.writes]
    assert wrote == [("POST", "/api/operation"), ("GET", "/api/config/completed")]
    sent = json.loads(sim.writes[0].body)
    assert sent == {"real_mode": "self_consumption", "backup_reserve_percent": 33.5}
    assert sim.gateway.site.reserve == 33.5
    assert (await proxy.get(RESERVE)).json() == {"reserve": 30.0}


@pytest.mark.parametrize(
    "request_of",
    [
        {"json": {"value": "backup", "level": 40, "token": SECRET}},
        {"json": {"value": "backup", "level": "40"}, "headers": BEARER},
        {"data": {"value": "backup", "level": "40", "token": SECRET}},
        {"data": {"value": "backup", "level": "40"}, "headers": BEARER},
        {"data": {"value": "backup", "level": "40"}, "headers": {"authorization": f"bearer {SECRET}"}},
    ],
    ids=["json", "json and bearer", "form", "form and bearer", "bearer in lower case"],
)
async def test_mode_and_reserve_are_set_in_one_go(proxy, sim, request_of):
    """Form or JSON, token in the body or as a bearer: one write."""
    answer = await proxy.post("/control/mode", **request_of)

    assert answer.status == 200
    assert (answer.json()["mode"], answer.json()["reserve"]) == ("backup", 40.0)
    assert (sim.gateway.site.mode, sim.gateway.site.reserve) == ("backup", 43.0)
    assert sim.requests_for("/api/config/completed") == 1


async def test_the_old_value_is_never_served_after_a_command(proxy, post):
    """What the cache holds of mode and reserve is forgotten, however fresh it is."""
    before = await proxy.get("/api/operation")

    await post("reserve", value="55.5")

    after = await proxy.get("/api/operation")
    assert (before.json()["backup_reserve_percent"], after.json()["backup_reserve_percent"]) == (
        pytest.approx(20),
        pytest.approx(55.5),
    )
    assert (await proxy.get("/pw/get_reserve")).json() == {"reserve": pytest.approx(55.5)}


async def test_an_empty_value_reads(post, sim):
    """As with the pypowerwall proxy: a POST without a value is a question."""
    assert (await post("reserve", value="")).json() == {"reserve": 20.0}
    assert (await post("mode")).json() == {"mode": "self_consumption"}
    assert sim.writes == []


@pytest.mark.parametrize(("query", "fields"), [("", {"vlaue": "31"}), ("?value=31", {})])
async def test_a_value_that_is_misspelt_or_elsewhere_is_not_taken_for_none(post, sim, query, fields):
    """A script would take the present value for a success."""
    answer = await post(f"reserve{query}", **fields)

    assert answer.status == 400
    assert answer.json()["detail"].startswith("There is no value in the body")
    assert sim.writes == []


@pytest.mark.parametrize(
    ("action", "fields", "error"),
    [
        ("reserve", {"value": "many"}, "Control Command Value Invalid"),
        ("reserve", {"value": "101"}, "Control Command Value Invalid"),
        ("reserve", {"value": "30", "mode": "off"}, "Control Command Mode Invalid"),
        ("mode", {"value": "Backup"}, "Control Command Value Invalid"),
        ("mode", {"value": "backup", "level": "x"}, "Control Command Level Invalid"),
        ("grid_charging", {"value": "yes"}, "Control Command Value Invalid"),
        ("grid_export", {"value": "all"}, "Control Command Value Invalid"),
        ("max_backup", {"value": "soon"}, "Control Command Value Invalid - use seconds or cancel"),
    ],
)
async def test_a_bad_value_is_named_before_anything_is_requested(post, sim, action, fields, error):
    """400 with the peer's words and what would be right; the gateway hears nothing."""
    answer = await post(action, **fields)

    assert answer.status == 400
    assert answer.json()["error"] == error
    assert " takes " in answer.json()["detail"]
    assert sim.requests == []


async def test_control_is_off_without_a_secret(start, sim):
    """No PW_CONTROL_SECRET: nothing is read or set, and the answer says how to switch it on."""
    proxy = await start(sim)

    read, write = await proxy.get(RESERVE), await proxy.post(RESERVE, data={"value": "30", "token": ""})

    assert (read.status, write.status) == (200, 400)  # a dashboard reads it along with everything else
    for answer in (read, write):
        assert answer.json() == {"error": "Control Commands Disabled - Set PW_CONTROL_SECRET to enable"}
    assert sim.requests == []


async def test_who_has_no_token_reads_how_to_show_one(proxy, sim):
    """401 with WWW-Authenticate (RFC 9110 section 11.6.1)."""
    answer = await proxy.post(RESERVE, data={"value": "30"})

    assert answer.status == 401
    assert answer.json()["unauthorized"] == "Control Command Token Invalid"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="control"'
    assert sim.requests == []


@pytest.mark.parametrize("action", ["grid_charging", "grid_export", "max_backup", "islanding"])
async def test_what_this_connection_cannot_is_said(post, sim, action):
    """The local API cannot write these (islanding has a switch of its own): 404, and what can."""
    value = {"grid_export": "never", "max_backup": "600"}.get(action, "true")

    answer = await post(action, value=value)

    assert answer.status == 404
    assert answer.json()["error"] == f"Failed to set {action}"
    what = "PW_CONTROL_ISLANDING=yes" if action == "islanding" else "PW_RSA_KEY_PATH"
    assert what in answer.json()["detail"]
    assert sim.writes == []


async def test_islanding_has_a_switch_of_its_own(start, sim):
    """PW_CONTROL_ISLANDING=yes: the house leaves the grid and returns."""
    proxy = await start(sim, control_secret=SECRET, control_islanding=True, islanding_cooldown=0)

    for value, mode in [("true", "intentional_reconnect_failsafe"), ("false", "backup")]:
        answer = await proxy.post("/control/islanding", data={"value": value, "token": SECRET})
        assert answer.json() == {"islanding": "Set Successfully"}
        assert json.loads(sim.writes[-1].body) == {"island_mode": mode}


@pytest.mark.parametrize(("persona", "key"), [("fw1_40", "mode"), ("fw21_44", "real_mode")])
async def test_the_key_is_the_one_that_the_firmware_reads_back(start, sim, persona, key):
    """Old firmware calls it mode, newer firmware real_mode."""
    sim.persona = persona
    proxy = await start(sim, control_secret=SECRET)

    answer = await proxy.post("/control/mode", data={"value": "backup", "token": SECRET})

    assert answer.status == 200
    assert json.loads(sim.writes[0].body)[key] == "backup"


async def test_every_command_is_written_down(proxy, post, sim, caplog):
    """Who, what, before, after, outcome: one log line and one count each; never the token."""
    caplog.set_level(logging.INFO)
    await post("reserve", value="30")
    sim.faults.add(Fault("/api/operation", method="POST", status=500))
    await post("mode", value="backup")

    lines = [record for record in caplog.records if record.message == "command"]
    assert [(line.levelname, line.client, line.wanted, line.outcome) for line in lines] == [
        ("INFO", "127.0.0.1", {"reserve": 30}, "ok"),
        ("WARNING", "127.0.0.1", {"mode": "backup"}, "command_rejected"),
    ]
    assert (lines[0].before["reserve"], lines[0].after["reserve"]) == (20.0, 30.0)
    assert proxy.context.gateway.commands.counts == {("reserve", "ok"): 1, ("mode", "command_rejected"): 1}
    assert SECRET not in caplog.text + str([vars(line) for line in lines])


def test_no_command_is_missing_from_the_log():
    """Repeated warnings are counted instead of written; commands are written each."""
    repeats = Repeats(now=lambda: 0.0, per_minute=1, summaries_only=True)
    record = logging.makeLogRecord(
        {"name": "proxy.gateways.commands", "msg": "command", "levelno": logging.WARNING}
    )

    assert all(repeats.filter(record) for _ in range(100))


async def test_only_holders_of_the_secret_see_the_last_commands(proxy, post):
    """/health reports what was set to those who could have set it."""
    await post("reserve", value="30")

    reported = (await proxy.get("/health", headers=BEARER)).json()["commands"]
    assert [command["wanted"] for command in reported["latest"]] == [{"reserve": 30}]
    assert "commands" not in (await proxy.get("/health")).json()
    assert (await proxy.get("/health", headers={"Authorization": "Bearer guess"})).status == 401
