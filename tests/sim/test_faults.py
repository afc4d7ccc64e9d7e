"""Everything that can go wrong at a gateway, on demand."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl

import aiohttp
import pytest

from proxy.sim.faults import ACTIONS, Fault
from proxy.sim.sessions import Limits

SOE = "/api/system_status/soe"


@pytest.fixture
async def client(start_sim):
    client = await start_sim()
    await client.login()
    return client


async def test_an_answer_can_be_scripted(client):
    """Status, headers and body replace what the gateway would say, until it heals."""
    client.sim.answers(status=429, headers={"Retry-After": "120"}, body={"code": 429}, path=SOE)

    struck = await client.get(SOE)
    elsewhere = await client.get("/api/operation")
    client.sim.clear_faults()

    assert (struck.status, struck.headers["Retry-After"], struck.json()) == (429, "120", {"code": 429})
    assert elsewhere.status == 200
    assert (await client.get(SOE)).status == 200


async def test_a_fault_strikes_by_prefix_as_often_as_it_says(client):
    """Two requests below /api/system_status fail, the third does not."""
    client.sim.faults.add(Fault("/api/system_status*", status=503, times=2))

    statuses = [(await client.get(path)).status for path in ("/api/system_status", SOE, SOE)]

    assert statuses == [503, 503, 200]


async def test_a_fault_can_be_removed_alone(client):
    """The handle ends its fault and no other."""
    first = client.sim.faults.add(Fault(SOE, status=500))
    client.sim.faults.add(Fault("/api/operation", status=503))

    first.remove()

    assert (await client.get(SOE)).status == 200
    assert (await client.get("/api/operation")).status == 503


async def test_a_fault_by_chance_strikes_some(client):
    """Half of the requests fail, reproducibly."""
    client.sim.faults.add(Fault(SOE, status=500, probability=0.5))

    statuses = {(await client.get(SOE)).status for _ in range(20)}

    assert statuses == {200, 500}


async def test_a_document_can_be_edited(client):
    """A missing meter, a wrong type: the rest of the document stays true."""
    client.sim.faults.add(
        Fault("/api/meters/aggregates", edit=lambda meters: {**meters, "solar": {"instant_power": None}})
    )

    meters = (await client.get("/api/meters/aggregates")).json()

    assert meters["solar"] == {"instant_power": None}
    assert isinstance(meters["load"]["instant_power"], int)


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("html", lambda r: r.headers["Content-Type"] == "text/html"),
        ("empty", lambda r: r.body == b""),
        ("null", lambda r: r.json() is None),
        ("number", lambda r: r.json() == 42),
        ("nan", lambda r: b"NaN" in r.body),
        ("overflow", lambda r: r.json()["percentage"] == float("inf")),
        ("utf8", lambda r: b"\xff" in r.body),
        ("deep", lambda r: r.body.startswith(b"[[[[")),
        ("huge", lambda r: len(r.body) > 50_000_000),
        ("truncate", lambda r: r.body == b'{"percent'),
        ("gzip", lambda r: gzip.decompress(r.body) == b'{"percentage":50}\n'),
        ("bad-gzip", lambda r: r.headers["Content-Encoding"] == "gzip"),
        ("media-type", lambda r: r.headers["Content-Type"] == "text/plain"),
        ("mistype", lambda r: r.json() == {"percentage": "50"}),
        ("drop", lambda r: r.json() == {"percentage": {}}),
        ("redirect", lambda r: r.headers["Location"].startswith("https://elsewhere")),
        ("cookies", lambda r: len(r.headers.getall("Set-Cookie")) == 4),
        ("close", lambda r: r.headers["Connection"] == "close"),
    ],
)
async def test_answers_can_be_spoilt(client, action, says):
    """Garbage with status 200, and everything else that is not an answer."""
    client.sim.faults.add(Fault(SOE, action=action))

    assert says(await client.get(SOE))


async def test_connections_break_before_and_within_answers(client):
    """A reset instead of headers; half a body and a reset."""
    before = client.sim.faults.add(Fault(SOE, action="reset"))
    with pytest.raises(aiohttp.ClientOSError):
        await client.get(SOE)
    before.remove()

    client.sim.faults.add(Fault(SOE, action="cut"))
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.get(SOE)


@pytest.mark.parametrize(
    "fault", [Fault(SOE, action="hang"), Fault(SOE, action="drip"), Fault(action="stall")]
)
async def test_answers_can_take_for_ever(client, fault):
    """Silence, a byte per second, a handshake that never begins: only the client's time-out ends it."""
    client.sim.faults.add(fault)

    with pytest.raises(TimeoutError):
        await client.get(SOE, timeout=aiohttp.ClientTimeout(total=0.2))

    client.sim.clear_faults()
    assert (await client.get(SOE)).status == 200


async def test_connections_can_be_refused_and_come_back_on_the_same_port(client):
    """Refused means refused: the port is closed."""
    port = client.sim.port
    client.sim.faults.add(Fault(action="refuse"))

    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get(SOE)

    client.sim.clear_faults()
    assert client.sim.port == port
    assert (await client.get(SOE)).status == 200


async def test_a_reboot_refuses_connections_and_forgets_sessions(client):
    """After the reboot the port is open, the token is not known, and the uptime is short."""
    client.sim.reboot(0.2)
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get(SOE)
    back = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.3, back.set_result, None)
    await back

    assert (await client.get(SOE)).status == 401
    assert (await client.get("/api/status")).json()["up_time_seconds"] == "0s"


async def test_an_update_brings_another_firmware(client):
    """After the reboot the new firmware answers, here without vitals."""
    client.sim.update_firmware("fw23_44", 0.05)
    back = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.1, back.set_result, None)
    await back
    await client.login()

    assert (await client.get("/api/status")).json()["version"] == "23.44.0 eb113390"
    assert (await client.get("/api/devices/vitals")).status == 404


async def test_a_new_certificate_does_not_match_the_pin(client):
    """A pinned client notices the change; one that learns the new fingerprint goes on."""
    pin = aiohttp.Fingerprint(bytes.fromhex(client.sim.fingerprint))
    assert (await client.get(SOE, ssl=pin)).status == 200

    client.sim.renew_certificate()

    with pytest.raises(aiohttp.ServerFingerprintMismatch):
        await client.get(SOE, ssl=pin)
    assert (
        await client.get(SOE, ssl=aiohttp.Fingerprint(bytes.fromhex(client.sim.fingerprint)))
    ).status == 200


@pytest.mark.parametrize("name", ["powerwall", "teg", "powerpack"])
async def test_bare_names_are_accepted_and_verify(client, name):
    """The certificate and its CA verify under the names of the gateway."""
    context = ssl.create_default_context(cadata=client.sim.certificate_pem)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # demanded by Python 3.13, not by Tesla

    assert (await client.get(SOE, ssl=context, server_hostname=name)).status == 200


async def test_other_names_abort_the_handshake(client):
    """The gateway reads SNI; on demand it refuses even its own names."""
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get(SOE, server_hostname="pw.lan.example")

    client.sim.faults.add(Fault(action="sni"))
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get(SOE, server_hostname="powerwall")


async def test_the_log_shows_what_was_requested(client):
    """Method, path, query, session and status of every request, and the most at once."""
    await asyncio.gather(*(client.get(f"{SOE}?n={n}") for n in range(5)))

    last = client.sim.requests[-1]
    assert client.sim.requests_for(SOE) == 5
    assert (last.method, last.path, last.status) == ("GET", SOE, 200)
    assert last.query.startswith("n=")
    assert f"Bearer {last.session}" == client.headers["Authorization"]
    assert client.sim.max_connections >= 2
    assert client.sim.writes == []


def test_unknown_faults_are_refused():
    """A misspelt fault must not pass for a healthy gateway."""
    with pytest.raises(ValueError, match="no such fault: rest") as refused:
        Fault(action="rest")

    assert all(action in str(refused.value) for action in ACTIONS)


async def test_too_many_connections_are_503(start_sim):
    """More connections than the gateway bears are refused in words."""
    client = await start_sim(limits=Limits(connections=0))

    assert (await client.get("/api/status")).status == 503


async def test_the_gateways_clock_may_be_wrong(client):
    """Documents are dated by the gateway's own clock."""
    before = (await client.get("/api/system/update/status")).json()["current_time"]

    client.sim.gateway.clock_error_s = 7200

    after = (await client.get("/api/system/update/status")).json()["current_time"]
    assert after - before == 7_200_000


def test_json_faults_are_plain_data():
    """A fault's body may be given as a document."""
    assert json.loads(Fault(body={"a": 1}).apply(None).body) == {"a": 1}
