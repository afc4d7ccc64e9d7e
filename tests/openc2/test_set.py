"""``set``: the secret on top of the key, one writer, and never the same command twice."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from proxy.sim.faults import Fault
from tests.openc2.conftest import KEY, SECRET, response_of

FEATURES = {"action": "query", "target": {"features": ["pairs"]}}

ONE_REQUEST = {"Connection": "close"}  # before time passes that ends idle connections


def change(target="reserve", value=30, token=SECRET, **others):
    """A command that sets something."""
    args = {"args": {"x-powerwall": {"token": token}}} if token else {}
    return {"action": "set", "target": {f"x-powerwall:{target}": value}, **args, **others}


async def test_control_is_advertised_only_where_it_works(serve, sim):
    off = await serve(sim)
    on = await serve(sim, control_secret=SECRET)

    assert "set" not in (await off.send_request(FEATURES))["results"]["pairs"]
    assert (await on.send_request(FEATURES))["results"]["pairs"]["set"] == [
        "x-powerwall:mode",
        "x-powerwall:reserve",
        "x-powerwall:settings",
    ]


CHANGES = [
    ("mode", "backup", {"mode": "backup"}),
    ("reserve", 0, {"backup_reserve": 0}),
    ("reserve", 100, {"backup_reserve": 100}),
    ("reserve", 33.5, {"backup_reserve": 33.5}),
    ("settings", {"mode": "autonomous", "reserve": 45}, {"mode": "autonomous", "backup_reserve": 45}),
    ("settings", {"reserve": 45}, {"backup_reserve": 45}),
]


@pytest.mark.parametrize(("target", "value", "expected"), CHANGES)
async def test_what_can_be_set_is_set_and_reported(controller, sim, target, value, expected):
    """The results are what the gateway holds afterwards; the cache holds it too."""
    response = await controller.send_request(change(target, value))

    held = response["results"]["x-powerwall"]
    assert response["status"] == 200
    assert held == {"mode": "self_consumption", **held, **expected}
    assert len(sim.writes) > 0
    query = {"action": "query", "target": {"properties": ["mode", "backup_reserve"]}}
    reported = (await controller.send_request(query))["results"]["x-powerwall"]
    assert reported["backup_reserve"] == pytest.approx(held["backup_reserve"])
    assert reported["mode"] == held["mode"]


WRONG = [
    ("reserve", 101, 400),
    ("reserve", -1, 400),
    ("reserve", "30", 400),
    ("reserve", True, 400),
    ("reserve", None, 400),
    ("mode", "turbo", 400),
    ("mode", 1, 400),
    ("settings", {}, 400),
    ("settings", {"mode": "backup", "colour": "red"}, 400),
    ("settings", {"mode": "backup", "reserve": "30"}, 400),
    ("settings", [], 400),
    ("grid_charging", True, 501),
    ("grid_export", "never", 501),
    ("islanding", True, 501),
]


@pytest.mark.parametrize(("target", "value", "status"), WRONG)
async def test_what_cannot_be_set_is_refused(controller, sim, target, value, status):
    """Values are checked before anything is sent; what this link cannot write is not supported."""
    response = await controller.send_request(change(target, value))

    assert response["status"] == status
    assert response["status_text"]
    assert sim.writes == []


async def test_the_secret_may_come_in_a_header(controller):
    answer = await controller.send(change(token=""), {"X-Control-Token": SECRET})

    assert response_of(answer)["status"] == 200


async def test_two_secrets_must_both_be_right(controller, sim):
    answer = await controller.send(change(), {"X-Control-Token": "other"})

    assert response_of(answer)["status"] == 401
    assert sim.writes == []


async def test_the_key_is_no_secret(controller, sim):
    assert (await controller.send_request(change(token=KEY)))["status"] == 401
    assert sim.writes == []


async def test_later_is_not_supported(controller, sim):
    command = change()
    command["args"]["start_time"] = 1763712345000

    assert (await controller.send_request(command))["status"] == 501
    assert sim.writes == []


async def test_wrong_secrets_are_slowed_down_as_on_control(controller, sim):
    """The same count for both doors: ten wrong ones here close /control as well."""
    await asyncio.gather(*(controller.send_request(change(token=f"wrong {n}")) for n in range(10)))

    answer = await controller.send(change())
    control = await controller.proxy.post("/control/reserve", data={"value": "30", "token": SECRET})

    assert response_of(answer)["status"] == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert control.status == 429
    assert sim.writes == []


async def test_a_repeated_command_is_carried_out_once(controller, sim):
    """Producers repeat what they get no answer to; they get the stored one."""
    first = await controller.send_request(change(command_id="b5e2"))
    writes = len(sim.writes)

    repeated = [await controller.send_request(change(command_id="b5e2")) for _ in range(3)]

    assert repeated == [first] * 3
    assert len(sim.writes) == writes


async def test_repetitions_at_once_are_one(controller, sim):
    answers = await asyncio.gather(*(controller.send_request(change(command_id="b5e2")) for _ in range(5)))

    single = len(sim.writes)
    assert answers == [answers[0]] * 5
    await controller.send_request(change(value=31, command_id="other"))
    assert len(sim.writes) == 2 * single


async def test_the_request_id_stands_in_for_the_command_id(controller, sim):
    await controller.send(change())
    writes = len(sim.writes)

    await controller.send(change())

    assert len(sim.writes) == writes


async def test_ten_minutes_later_it_is_another_command(controller, sim, clock):
    await controller.send_request(change(command_id="b5e2"), ONE_REQUEST)
    writes = len(sim.writes)
    clock.advance(601)

    await controller.send_request(change(command_id="b5e2"))

    assert len(sim.writes) == 2 * writes


async def test_an_id_belongs_to_one_command(controller, sim):
    await controller.send_request(change(command_id="b5e2"))
    writes = len(sim.writes)

    response = await controller.send_request(change(value=90, command_id="b5e2"))

    assert response["status"] == 400
    assert len(sim.writes) == writes


async def test_a_query_with_the_same_id_is_answered_again(controller, clock):
    """Nothing is executed by it, and a stored reading would be an old one."""
    query = {"action": "query", "target": {"properties": ["battery_percentage"]}, "command_id": "q"}
    await controller.send_request(query)
    clock.advance(20)

    reported = (await controller.send_request(query))["results"]["x-powerwall"]

    assert reported["age"] < 10


async def test_a_refusal_of_the_gateway_is_reported(controller, sim):
    sim.faults.add(Fault(path="/api/operation", method="POST", status=400))

    assert await controller.send_request(change()) == {"status": 500, "status_text": "refused by the gateway"}


async def test_an_unknown_outcome_is_not_repeated(controller, sim):
    """Reported as such, and the same answer again: repeating is for the client that has looked."""
    sim.faults.add(Fault(path="/api/operation", method="POST", action="reset"))
    response = await controller.send_request(change(command_id="b5e2"))
    sim.clear_faults()
    writes = len(sim.requests)

    assert response["status"] == 500
    assert response["status_text"] == "outcome unknown, read back before repeating"
    assert await controller.send_request(change(command_id="b5e2")) == response
    assert [record.method for record in sim.requests[writes:]].count("POST") == 0


async def test_a_command_that_was_not_sent_may_be_repeated(controller, sim, clock):
    sim.answers(status=429)
    response = await controller.send_request(change(command_id="b5e2"), ONE_REQUEST)
    sim.clear_faults()
    clock.advance(700)

    assert response["status"] == 503
    assert (await controller.send_request(change(command_id="b5e2")))["status"] == 200


async def test_secrets_appear_nowhere(controller, caplog):
    """Neither in answers nor in the log nor in the metrics, right or wrong."""
    caplog.set_level("DEBUG")
    answers = [
        await controller.send(change()),
        await controller.send(change(token="guessed-secret")),
        await controller.send({**change(), "target": {"colour": 1}}),
        await controller.send(FEATURES, {"Authorization": "Bearer guessed-secret"}),
        await controller.post(json.dumps({"token": SECRET, "key": KEY})),
        await controller.proxy.get("/metrics"),
        await controller.proxy.get("/stats"),
        await controller.proxy.get("/health"),
    ]

    shown = caplog.text + "".join(answer.text + str(answer.headers) for answer in answers)
    assert [word for word in (KEY, SECRET, "guessed-secret") if word in shown] == []


async def test_commands_are_counted(controller):
    await controller.send_request(FEATURES)
    await controller.bare(FEATURES)
    await controller.send_request(change(token="wrong"))
    await controller.draft({"action": "query", "target": {"openc2": {}}})

    lines = (await controller.proxy.get("/metrics")).text.splitlines()

    def counted(dialect, action, status):
        labels = f'{{action="{action}",dialect="{dialect}",status="{status}"}}'
        return f"powerwall_proxy_openc2_commands_total{labels} 1.0" in lines

    assert counted("1.1", "query", 200)
    assert counted("1.0", "query", 200)
    assert counted("1.1", "set", 401)
    assert counted("draft", "query", 200)


async def test_both_ways_of_control_leave_one_audit_line(controller, caplog):
    caplog.set_level(logging.INFO)
    await controller.send_request(change())

    (record,) = [record for record in caplog.records if record.message == "command"]
    assert record.wanted == {"reserve": 30}
    assert record.outcome == "ok"
