"""What goes wrong while something is being set. A command is sent once, and what became of it is reported."""

from __future__ import annotations

import asyncio

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, until
from tests.server.control.conftest import SECRET, installer_session

OPERATION = "/api/operation"
APPLY = "/api/config/completed"
HOUR_S = 3600
# Before time passes: a POST on a connection that was idle for an hour would fail.
HANG_UP = {"Connection": "close"}


def sent(sim, method: str, path: str) -> int:
    return sum((record.method, record.path) == (method, path) for record in sim.requests)


async def hung_up(clock, sim, method: str, path: str, command):
    """Run a command whose answer does not come until PW_TIMEOUT has passed."""
    running = asyncio.ensure_future(command)
    await until(lambda: sent(sim, method, path))
    clock.advance(5.5)
    return await running


@pytest.mark.parametrize("action", ["hang", "reset"])
@pytest.mark.parametrize(
    ("path", "method", "after", "held"),
    [
        (OPERATION, "POST", False, 20),
        (OPERATION, "POST", True, 20),
        (APPLY, "GET", False, 20),
        (APPLY, "GET", True, 60),
    ],
    ids=["before it is stored", "after it is stored", "before it is applied", "after it is applied"],
)
async def test_a_lost_answer_is_an_unknown_outcome(clock, sim, post, action, path, method, after, held):
    """
    504, the value read back, and the write that was lost is on the gateway's log once:
    whether it was carried out before the answer was lost or not.
    """
    sim.faults.add(Fault(path, method=method, action=action, after=after))
    command = post("reserve", value="60")

    answer = await (hung_up(clock, sim, method, path, command) if action == "hang" else command)

    assert answer.status == 504
    body = answer.json()
    assert body["error"] == "Failed to set reserve"
    assert body["outcome"] == "outcome_unknown"
    assert body["reserve"] == pytest.approx(held)
    assert sent(sim, method, path) == 1
    assert sent(sim, "POST", OPERATION) == 1


@pytest.mark.parametrize("status", [403, 404, 500, 503])
async def test_what_is_stored_but_not_applied_is_an_unknown_outcome(sim, post, status):
    """The next command may apply it, too: the answer has what is held for now."""
    sim.faults.add(Fault(APPLY, status=status))

    answer = await post("reserve", value="60")

    assert answer.status == 504
    assert answer.json()["outcome"] == "outcome_unknown"
    assert answer.json()["reserve"] == pytest.approx(20)
    assert (sent(sim, "POST", OPERATION), sent(sim, "GET", APPLY)) == (1, 1)


@pytest.mark.parametrize("status", [502, 504])
async def test_an_answer_that_was_lost_inside_the_gateway_is_an_unknown_outcome(sim, post, status):
    """Its front server answers for a program behind it that did not: the write may have been carried out."""
    sim.faults.add(Fault(OPERATION, method="POST", status=status))

    answer = await post("reserve", value="60")

    assert answer.status == 504
    assert answer.json()["outcome"] == "outcome_unknown"
    assert sent(sim, "POST", OPERATION) == 1


async def test_a_refusal_is_no_unknown_outcome(sim, post):
    """Old firmware answers a mode that it does not have like this."""
    sim.faults.add(Fault(OPERATION, method="POST", status=500))

    answer = await post("mode", value="autonomous")

    assert answer.status == 502
    assert answer.json()["outcome"] == "command_rejected"
    assert sent(sim, "GET", APPLY) == 0


async def test_a_gateway_that_is_away_is_not_written_to(sim, post):
    """No connection: nothing was sent, so nothing is in doubt."""
    await sim.stop()

    answer = await post("reserve", value="60")

    assert answer.status == 502
    assert answer.json()["outcome"] == "unreachable"


async def test_a_session_that_expired_before_is_renewed_once(clock, sim, proxy, post):
    """The first look finds the session dead: one login, then one write."""
    await proxy.get("/soe", headers=HANG_UP)
    await pass_time(clock, proxy, HOUR_S)
    sim.expire_sessions()

    answer = await post("reserve", value="60")

    assert answer.status == 200
    assert sim.logins == 2
    assert (sent(sim, "POST", OPERATION), sent(sim, "GET", APPLY)) == (1, 1)


async def test_a_session_that_expires_between_the_two_calls_is_renewed(clock, sim, proxy, post):
    """The order to apply was refused, so it was not carried out: after a login it is given again."""
    await proxy.get("/soe", headers=HANG_UP)
    await pass_time(clock, proxy, HOUR_S)
    await proxy.get("/soe", headers=HANG_UP)
    sim.faults.add(Fault(OPERATION, method="POST", delay_s=1, after=True))

    running = asyncio.ensure_future(post("reserve", value="60"))
    await until(lambda: sent(sim, "POST", OPERATION))
    sim.expire_sessions()
    clock.advance(1.1)

    assert (await running).status == 200
    assert sim.logins == 2
    assert sent(sim, "POST", OPERATION) == 1
    assert sim.gateway.site.reserve == 62.0


async def test_a_gateway_that_restarts_between_the_two_calls_leaves_it_unknown(clock, sim, proxy, post):
    """It took the values and went away before the command to apply them; later readings are true."""
    sim.faults.add(Fault(APPLY, delay_s=2))
    running = asyncio.ensure_future(post("reserve", value="60"))
    await until(lambda: sent(sim, "GET", APPLY))
    sim.reboot(60)
    sim.clear_faults()

    answer = await running

    assert answer.status == 504
    assert answer.json()["outcome"] == "outcome_unknown"
    assert "reserve" not in answer.json(), "nothing could be read back"
    assert sent(sim, "GET", APPLY) == 1
    clock.advance(120)
    assert (await proxy.get("/control/reserve")).json() == {"reserve": 20.0}


@pytest.mark.parametrize("persona", ["fw25_10"])
async def test_a_customer_on_current_firmware_reads_what_would_work(start, clock, persona):
    """403 for the login's role: 502 that names v1r; no login is wasted on it, nothing is applied."""
    async with SimulatedGateway(persona=persona, clock=clock.clock) as sim:
        proxy = await start(sim, control_secret=SECRET)
        await proxy.get("/soe", headers=HANG_UP)
        await pass_time(clock, proxy, HOUR_S)

        answer = await proxy.post("/control/reserve", data={"value": "60", "token": SECRET})

        assert answer.status == 502
        assert answer.json()["outcome"] == "command_rejected"
        assert "PW_RSA_KEY_PATH" in answer.json()["detail"]
        assert answer.json()["reserve"] == pytest.approx(20), "what it holds"
        assert sim.logins == 1
        assert (sent(sim, "POST", OPERATION), sent(sim, "GET", APPLY)) == (1, 0)


@pytest.mark.parametrize("persona", ["fw21_44", "fw25_10"])
async def test_an_installer_may_write_on_any_firmware(start, clock, tmp_path, persona):
    """With a session of that role everything goes as with a customer on older firmware."""
    async with SimulatedGateway(persona=persona, clock=clock.clock) as sim:
        installer_session(sim, tmp_path / "state")
        proxy = await start(sim, control_secret=SECRET)

        answer = await proxy.post("/control/mode", data={"value": "backup", "level": "60", "token": SECRET})

        assert answer.status == 200
        assert (sim.gateway.site.mode, sim.gateway.site.reserve) == ("backup", 62.0)
        assert sim.logins == 0


async def test_a_gateway_that_keeps_its_value_did_not_obey(sim, post):
    """The gateway says yes and holds the old value: that is no success."""
    sim.faults.add(Fault(APPLY, status=202))

    answer = await post("reserve", value="60")

    assert answer.status == 502
    assert "holds mode self_consumption and reserve 20 %" in answer.json()["detail"]


async def test_a_gateway_that_limits_the_rate_is_not_pressed(sim, proxy, post):
    """429: the command fails with its Retry-After, and the next one does not reach the gateway."""
    await proxy.get("/soe")
    sim.answers(status=429, headers={"Retry-After": "60"}, path=OPERATION)

    first = await post("reserve", value="60")
    requested = len(sim.requests)
    second = await post("reserve", value="60")

    assert (first.status, second.status) == (503, 503)
    assert int(first.headers["Retry-After"]) == 60
    assert len(sim.requests) == requested
    assert sim.writes == []


async def test_commands_wait_for_their_turn(sim, post):
    """Two clients at once: two complete writes one after the other, none lost in between."""
    answers = await asyncio.gather(post("reserve", value="40"), post("mode", value="backup"))

    assert [answer.status for answer in answers] == [200, 200]
    assert (sim.gateway.site.mode, sim.gateway.site.reserve) == ("backup", 43.0)
    order = [record.path for record in sim.writes]
    assert order == [OPERATION, APPLY, OPERATION, APPLY]


async def test_readers_do_not_wait_for_a_command(clock, sim, proxy, post):
    """While a command hangs, readings are served."""
    await proxy.get("/soe")
    sim.faults.add(Fault(OPERATION, method="POST", action="hang"))
    running = asyncio.ensure_future(post("reserve", value="60"))
    await until(lambda: sent(sim, "POST", OPERATION))

    assert (await proxy.get("/soe")).status == 200
    clock.advance(5.5)
    assert (await running).status == 504
