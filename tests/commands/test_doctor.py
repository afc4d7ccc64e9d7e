"""The doctor names the cause, and its examination does no harm."""

import asyncio
from contextlib import suppress

import pytest

from proxy.commands.simulated import settings_for
from proxy.config.settings import settings_of
from proxy.core import errors
from proxy.core.advice import ADVICE, Cause
from proxy.drivers.diagnosis import diagnose, verdict
from proxy.drivers.registry import drivers_for
from proxy.sim.faults import Fault
from proxy.sim.personas import PERSONAS
from proxy.sim.server import SimulatedGateway
from proxy.state.store import StateStore
from tests.drivers.houses import Key, knows


@pytest.fixture
def examine(clock, tmp_path):
    """Examine with these settings; return the findings."""

    async def examine(**settings):
        made = settings_of(
            **{"password": "password", "timeout": 2.0, "state_path": str(tmp_path), **settings}
        )
        memory = StateStore(str(tmp_path))
        drivers = tuple(drivers_for(made.gateway, memory, clock.clock))
        findings = [finding async for finding in diagnose(made.gateway, memory, drivers)]
        for driver in drivers:
            await driver.close()
        return findings

    return examine


def causes(findings):
    return [finding.cause for finding in findings if finding.cause]


async def test_a_healthy_gateway_costs_one_login_and_three_questions(sim, examine):
    findings = await examine(host=sim.address)

    assert causes(findings) == []
    assert sim.logins == 1
    assert len([record for record in sim.requests if record.method == "GET"]) == 3


@pytest.mark.parametrize("persona", PERSONAS)
async def test_every_healthy_gateway_is_called_healthy(clock, examine, persona):
    """Set up as the README says: what one link does not offer and another one has is nothing bad."""
    async with SimulatedGateway(persona, clock=clock.clock) as sim:
        findings = await examine(**settings_for(sim))

    assert verdict(findings) is None, findings
    assert sim.logins <= 1


@pytest.mark.parametrize(
    ("persona", "wrong"),
    [
        *((name, "password") for name, it in PERSONAS.items() if it.tls),
        *((name, "gw_pwd") for name, it in PERSONAS.items() if it.tedapi and it.version >= (23, 44, 0)),
    ],
)
async def test_a_wrong_password_is_named_on_every_gateway(clock, examine, persona, wrong):
    """Whatever else one of the links cannot report, the password comes first: it is what the operator can change."""
    async with SimulatedGateway(persona, clock=clock.clock) as sim:
        findings = await examine(**{**settings_for(sim), wrong: "mistyped"})

    ill = verdict(findings)
    assert ill.cause is Cause.LOGIN
    assert f"PW_{wrong.upper()} " in ill.advice
    assert len([finding for finding in findings if finding.cause]) == 1


async def test_a_powerwall3_on_the_wire_is_called_healthy(clock, examine, key):
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        knows(sim, key)
        findings = await examine(host=sim.address, **key.settings())

    assert verdict(findings) is None, findings


async def test_a_powerwall3_with_the_customers_password_alone_is_healthy_and_explained(clock, examine):
    """Basic LAN: what is missing, and what would give it, without an alarm."""
    async with SimulatedGateway("pw3_lan", clock=clock.clock) as sim:
        findings = await examine(host=sim.address)

    assert verdict(findings) is None, findings
    assert any("Basic LAN" in finding.detail and "PW_RSA_KEY_PATH" in finding.detail for finding in findings)


async def test_a_kept_session_needs_no_login(sim, examine):
    await examine(host=sim.address)
    again = await examine(host=sim.address)

    assert causes(again) == []
    assert sim.logins == 1


async def test_an_address_that_is_missing_or_unknown_is_found_out(examine):
    assert causes(await examine(host="")) == [Cause.ADDRESS]
    assert causes(await examine(host="gateway.invalid")) == [Cause.ADDRESS]


async def test_a_closed_port_is_found_out(sim, examine):
    address = sim.address
    sim.faults.add(Fault(action="refuse"))

    assert causes(await examine(host=address)) == [Cause.PORT]


async def test_a_port_that_does_not_speak_tls_is_found_out(examine):
    async def hang_up(reader, writer):
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    findings = await examine(host=f"127.0.0.1:{port}")
    server.close()

    assert causes(findings) == [Cause.TLS]
    assert findings[-1].detail == "the handshake failed: the connection was closed"


PLAIN = b"HTTP/1.1 400 Bad Request\r\n\r\n"
WANTS_TLS = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


@pytest.mark.parametrize(
    ("to_tls", "to_http", "reported", "cause"),
    [
        (PLAIN, PLAIN, "speaks HTTP without TLS", Cause.TLS),
        (b"", PLAIN, "speaks HTTP without TLS", Cause.TLS),
        (b"220 mail\r\n", b"220 mail\r\n", "what was answered is no TLS", Cause.TLS),
        (b"", b"", "nothing was said within 0.3 s", Cause.GATEWAY),
        (b"", WANTS_TLS, "nothing was said within 0.3 s", Cause.GATEWAY),
    ],
    ids=["http", "silent http", "mail", "weak Wi-Fi", "TLS over weak Wi-Fi"],
)
async def test_what_goes_wrong_with_tls_is_reported_in_plain_words(examine, to_tls, to_http, reported, cause):
    """A server of plain HTTP may be as silent as a gateway behind a weak Wi-Fi; only the latter is helped by waiting."""
    clients = []

    async def answer(reader, writer):
        clients.append(writer)
        with suppress(ConnectionError):
            said = await reader.read(4)
            writer.write(to_http if said == b"GET " else to_tls)
            await reader.read(-1)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    findings = await examine(host=f"127.0.0.1:{port}", timeout=0.3)
    server.close()
    for writer in clients:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    assert reported in findings[-1].detail
    assert causes(findings) == [cause]


async def test_another_certificate_than_before(sim, examine, tmp_path):
    StateStore(str(tmp_path)).write("pins.json", {sim.address: "00" * 32})
    findings = await examine(host=sim.address)

    assert causes(findings) == [Cause.TLS]
    assert sim.logins == 0


async def test_a_wrong_password_is_tried_once_however_often_the_doctor_is_called(sim, examine):
    """Gateways lock out clients that repeat a wrong password; the refusal is remembered."""
    findings = [await examine(host=sim.address, password="wrong") for _ in range(5)]

    assert [causes(each) for each in findings] == [[Cause.LOGIN]] * 5
    assert len([record for record in sim.requests if record.method == "POST"]) == 1


async def test_a_key_that_is_not_registered_is_not_called_a_wrong_password(clock, examine, tmp_path):
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        key = Key(tmp_path)

        findings = await examine(host=sim.address, rsa_key_path=str(key.path))

    assert causes(findings) == [Cause.KEY]
    assert "powerwall-proxy pair" in findings[-1].advice


@pytest.mark.parametrize(
    ("status", "cause"),
    [(429, Cause.RATE_LIMIT), (404, Cause.FIRMWARE), (503, Cause.GATEWAY)],
)
async def test_what_the_gateway_answers_shows_the_cause(sim, examine, status, cause):
    sim.answers(status=status, path="/api/meters/aggregates")

    assert causes(await examine(host=sim.address))[0] is cause


async def test_a_gateway_says_how_long_it_wants_to_be_left_alone(sim, examine):
    sim.answers(status=429, headers={"Retry-After": "120"})

    assert (await examine(host=sim.address))[-1].detail.endswith("it requests a pause of 120 s")


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 200, "body": b"<html>"}, {"action": "hang"}])
async def test_a_login_that_does_not_work_is_tried_once(sim, examine, fault):
    """Whatever answers in the gateway's place, or does not: without a login nothing else can be read."""
    sim.faults.add(Fault(path="/api/*", **fault))
    findings = await examine(host=sim.address, timeout=0.3)

    assert causes(findings) == [Cause.GATEWAY]
    assert "log of the proxy" not in findings[-1].advice
    assert len([record for record in sim.requests if record.method == "POST"]) == 1


@pytest.mark.parametrize(
    ("persona", "gw_pwd", "reported"),
    [
        ("fw21_44", "", "21.44 223a56cd"),
        (
            "fw25_10",
            "",
            "25.10.4 4a4191ff; it reports temperatures and most alerts over TEDAPI only: PW_GW_PWD",
        ),
        ("fw25_10", "ABCDEFGHIJ", "25.10.4 4a4191ff"),
    ],
)
async def test_the_firmware_is_named_with_what_it_keeps_to_itself(clock, examine, persona, gw_pwd, reported):
    async with SimulatedGateway(persona, clock=clock.clock) as sim:
        findings = await examine(host=sim.address, gw_pwd=gw_pwd)

    assert causes(findings) == []
    assert {finding.step: finding.detail for finding in findings}["local: firmware"] == reported


@pytest.mark.parametrize("gw_pwd", ["", "ABCDEFGHIJ"])
async def test_a_site_without_a_battery_is_healthy(clock, examine, gw_pwd):
    """It has no charge to report, whatever the request."""
    async with SimulatedGateway("solar_only", clock=clock.clock) as sim:
        findings = await examine(host=sim.address, gw_pwd=gw_pwd)

    assert causes(findings) == []
    reported = {finding.detail for finding in findings if finding.step.endswith(": charge")}
    assert reported == {"is not offered; has this site no battery?"}


async def test_firmware_without_tls_is_healthy_without(clock, examine):
    async with SimulatedGateway("fw1_15", clock=clock.clock) as sim:
        findings = await examine(host=f"http://{sim.address}", password="")

    assert causes(findings) == []
    assert findings[2].detail == "is not used: PW_HOST says http://"


async def test_tedapi_off_the_gateways_own_wifi_is_recognised(clock, examine):
    """Firmware from 25.10 on refuses it elsewhere in the network, whatever the password."""
    async with SimulatedGateway("fw25_10", clock=clock.clock) as sim:
        sim.gateway.tedapi.on_wifi = False
        findings = await examine(host=sim.address, password="", gw_pwd=sim.gw_pwd)

    assert causes(findings) == [Cause.LOGIN]
    assert "only on the gateway's own Wi-Fi" in findings[-1].detail


async def test_a_gateway_that_takes_its_time(sim, examine):
    sim.faults.add(Fault(path="/api/*", action="hang"))

    assert Cause.GATEWAY in causes(await examine(host=sim.address, timeout=0.2))


def test_every_error_has_its_advice():
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.GatewayError)
    ]

    for kind in kinds:
        assert any(base in ADVICE for base in kind.__mro__)


async def test_an_address_to_which_no_way_leads(examine):
    """A network that this machine is not in; nothing answers, whatever the router makes of it."""
    findings = await examine(host="[100::1]:443", timeout=0.3)

    assert causes(findings) == [Cause.ROUTE]


async def test_a_name_is_reported_with_its_address(sim, examine):
    findings = await examine(host=f"localhost:{sim.port}")

    assert findings[0].detail.startswith("localhost is ")
