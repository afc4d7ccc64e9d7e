"""TLS to the gateway: trust on first use, and no password to a stranger."""

import json

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time

LOGIN = "/api/login/Basic"


async def test_a_changed_certificate_gets_no_password(sim, start):
    """The pin survives restarts; a change is refused with a sentence that says how to accept it."""
    await (await start(sim)).get("/soe")
    before = len(sim.requests)
    sim.renew_certificate()
    sim.expire_sessions()

    answer = await (await start(sim)).get("/soe")

    assert answer.status == 503
    assert "powerwall-proxy cert accept" in answer.json()["detail"]
    assert len(sim.requests) == before


async def test_an_accepted_certificate_works_without_a_restart(sim, start, clock, tmp_path):
    proxy = await start(sim)
    await proxy.get("/soe")
    sim.renew_certificate()
    await pass_time(clock, proxy, 60)
    assert (await proxy.get("/soe")).status == 503

    (tmp_path / "state" / "pins.json").unlink()
    await pass_time(clock, proxy, 60)

    assert (await proxy.get("/soe")).status == 200


async def test_an_accepted_certificate_is_pinned_while_others_stay(sim, start, tmp_path):
    """``cert accept`` leaves a null for each address; what else is written down meanwhile is kept."""
    pins = tmp_path / "state" / "pins.json"
    pins.parent.mkdir()
    pins.write_text(json.dumps({sim.address: None, "other": "ab" * 32}))

    assert (await (await start(sim)).get("/soe")).status == 200
    assert json.loads(pins.read_text()) == {sim.address: sim.fingerprint, "other": "ab" * 32}


async def test_a_pin_may_be_written_as_other_programs_show_it(sim, start, tmp_path):
    octets = [sim.fingerprint[at : at + 2].upper() for at in range(0, 64, 2)]
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pins.json").write_text(json.dumps({sim.address: ":".join(octets)}))

    assert (await (await start(sim)).get("/soe")).status == 200


@pytest.mark.parametrize("pin", ["", "abc", "no pin at all", 7])
async def test_a_damaged_pin_trusts_no_certificate(sim, start, tmp_path, pin):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pins.json").write_text(json.dumps({sim.address: pin}))

    answer = await (await start(sim)).get("/soe")

    assert answer.status == 503
    assert "powerwall-proxy cert accept" in answer.json()["detail"]
    assert sim.requests == []


@pytest.mark.parametrize("content", ["", '{"x": ', "[]"])
async def test_pins_that_cannot_be_read_trust_no_certificate(sim, start, tmp_path, content):
    """Only an absent file is a first sight: what was pinned may be another certificate than this one."""
    await (await start(sim)).get("/soe")
    before = len(sim.requests)
    sim.renew_certificate()
    pins = tmp_path / "state" / "pins.json"
    pins.write_text(content)

    answer = await (await start(sim)).get("/soe")

    assert answer.status == 503
    assert "pins.json cannot be read" in answer.json()["detail"]
    assert len(sim.requests) == before
    assert pins.read_text() == content


async def test_pins_that_are_damaged_later_leave_the_known_certificate_trusted(sim, start, clock, tmp_path):
    proxy = await start(sim)
    await proxy.get("/soe")
    (tmp_path / "state" / "pins.json").write_text("{")
    await pass_time(clock, proxy, 60)

    assert (await proxy.get("/soe")).status == 200
    sim.renew_certificate()
    await pass_time(clock, proxy, 60)
    assert (await proxy.get("/soe")).status == 503


async def test_a_pin_that_could_not_be_written_hides_no_decision_of_the_owner(sim, start, clock, tmp_path):
    """The folder could not be used at first; later the owner accepts a new certificate there."""
    state = tmp_path / "folder"
    state.touch()
    proxy = await start(sim, state_path=str(state))
    assert (await proxy.get("/soe")).status == 200
    sim.renew_certificate()
    state.unlink()
    state.mkdir()
    (state / "pins.json").write_text(json.dumps({sim.address: None}))

    await pass_time(clock, proxy, 400)

    assert (await proxy.get("/soe")).status == 200
    assert json.loads((state / "pins.json").read_text()) == {sim.address: sim.fingerprint}


@pytest.mark.parametrize("content", [None, "this is no certificate"])
async def test_a_file_that_vouches_for_no_one_is_said_in_a_sentence(sim, start, tmp_path, content):
    if content:
        (tmp_path / "ca.pem").write_text(content)
    proxy = await start(sim, gw_tls="ca", gw_ca=str(tmp_path / "ca.pem"))

    answer = await proxy.get("/soe")

    assert answer.status == 502
    assert "PW_GW_CA cannot be used" in answer.json()["detail"]
    assert sim.requests == []


async def test_off_trusts_any_certificate(sim, start):
    proxy = await start(sim, gw_tls="off")
    await proxy.get("/soe")
    sim.renew_certificate()

    assert (await proxy.get("/aggregates")).status == 200


async def test_ca_trusts_what_the_file_vouches_for(sim, start, tmp_path, clock):
    pem = tmp_path / "gateway.pem"
    pem.write_text(sim.certificate_pem)
    proxy = await start(sim, gw_tls="ca", gw_ca=str(pem))
    assert (await proxy.get("/soe")).status == 200

    async with SimulatedGateway(clock=clock.clock, seed=2) as other:
        other.renew_certificate()
        stranger = await start(other, gw_tls="ca", gw_ca=str(pem))
        assert (await stranger.get("/soe")).status == 503
        assert other.logins == 0


async def test_a_gateway_is_found_by_name_although_it_wants_its_own(sim, start):
    """The TLS server refuses unknown names; the proxy sends the one that it accepts."""
    proxy = await start(sim, host=f"localhost:{sim.port}")

    assert (await proxy.get("/soe")).status == 200


async def test_a_gateway_may_have_an_ipv6_address(start, clock):
    async with SimulatedGateway(clock=clock.clock, host="::1") as sim:
        proxy = await start(sim)

        assert (await proxy.get("/soe")).status == 200


@pytest.mark.parametrize("action", ["sni", "stall", "refuse"])
async def test_a_failed_handshake_is_said_in_a_sentence(sim, start, action):
    sim.faults.add(Fault(action=action))
    proxy = await start(sim, host=f"localhost:{sim.port}", timeout=0.5)

    answer = await proxy.get("/soe")

    assert answer.status in {502, 504}
    assert answer.json()["detail"]


async def test_an_unknown_host_is_said_in_a_sentence(start):
    proxy = await start(host="gateway.invalid", password="x")

    answer = await proxy.get("/soe")

    assert answer.status == 502
    assert "gateway.invalid cannot be resolved" in answer.json()["detail"]


async def test_redirects_are_not_followed(sim, start, clock):
    """A redirect would carry the session to whatever host it names."""
    async with SimulatedGateway(clock=clock.clock) as elsewhere:
        headers = {"Location": f"{elsewhere.url}/api/system_status/soe"}
        sim.answers(status=302, headers=headers, path="/api/system_status/soe")
        proxy = await start(sim, gw_tls="off")

        assert (await proxy.get("/soe")).status == 502
        assert elsewhere.requests == []
