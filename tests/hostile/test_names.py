"""Under which names, and for which pages, the proxy does what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.server.http.admission import is_local, name_of
from tests.hostile.commands import SECRET

OURS = [
    "127.0.0.1",
    "192.168.91.7:8675",
    "[::1]",
    "[fe80::1]:8675",
    "localhost",
    "powerwall",
    "PowerWall.local",
]
OURS += ["proxy.lan", "energy.home.arpa", "pw.internal", "pw.home.arpa.", "house.example.org"]
STRANGE = [
    "evil.example",
    "127.0.0.1.evil.example",
    "local.evil.example",
    "evil.example:8675",
    "evil.example.",
]
STRANGE += ["xn--powerwll-41a.example", "notlocal.com", "1.2.3.4.5"]
LOCAL_ONLY = ["/status", "/stats", "/control/reserve"]


@pytest.fixture
async def proxy(start, sim):
    return await start(sim, control_secret=SECRET, allowed_hosts=("house.example.org",))


@pytest.mark.parametrize("host", OURS)
async def test_the_owner_s_names_open_everything(proxy, host):
    """Addresses, bare names, local domains and PW_ALLOWED_HOSTS are this machine."""
    for path in ["/soe", *LOCAL_ONLY]:
        assert (await proxy.get(path, headers={"Host": host})).status == 200
    answer = await proxy.post(
        "/control/reserve", headers={"Host": host}, data={"value": "50", "token": SECRET}
    )
    assert answer.status == 200


async def test_what_home_assistant_passes_on_for_its_users_may_have_any_host(start, sim):
    """It is reached under a name of the Internet itself; a page of another origin still may not write."""
    proxy = await start(sim, control_secret=SECRET, ingress="127.0.0.1")
    headers = {"Host": "home.example", "X-Ingress-Path": "/api/hassio_ingress/Zx9_8-7"}
    write = {"data": {"value": "50", "token": SECRET}}

    for path in LOCAL_ONLY:
        assert (await proxy.get(path, headers=headers)).status == 200
    answers = [
        await proxy.post("/control/reserve", headers={**headers, "Origin": origin}, **write)
        for origin in ("https://home.example", "https://evil.example")
    ]

    assert [answer.status for answer in answers] == [200, 403]


@pytest.mark.parametrize(
    ("ingress", "headers"),
    [
        ("127.0.0.1", {}),
        ("", {"X-Ingress-Path": "/api/hassio_ingress/Zx9_8-7"}),
        ("172.30.32.2", {"X-Ingress-Path": "/api/hassio_ingress/Zx9_8-7"}),
    ],
)
async def test_nothing_else_passes_for_home_assistant(start, sim, ingress, headers):
    proxy = await start(sim, ingress=ingress)

    for path in LOCAL_ONLY:
        assert (await proxy.get(path, headers={"Host": "home.example", **headers})).status == 421


@pytest.mark.parametrize("host", STRANGE)
async def test_a_name_of_the_internet_opens_public_readings_only(proxy, sim, host):
    """
    DNS rebinding points a stranger's name at this machine; its pages then get what
    any page may read (421 for the rest, RFC 9110 section 15.5.20).
    """
    assert (await proxy.get("/soe", headers={"Host": host})).status == 200
    for path in LOCAL_ONLY:
        assert (await proxy.get(path, headers={"Host": host})).status == 421
    answer = await proxy.post(
        "/control/reserve", headers={"Host": host}, data={"value": "50", "token": SECRET}
    )
    assert answer.status == 421
    assert "gateways" not in (await proxy.get("/health", headers={"Host": host})).json()
    assert sim.writes == []


async def test_health_shows_a_page_of_another_origin_only_that_it_lives(proxy):
    """CORS lets any page read /health; addresses and reasons are for the owner."""
    foreign = await proxy.get("/health", headers={"Origin": "https://evil.example"})

    assert set(foreign.json()) == {"status", "version", "uptime_seconds", "age_seconds"}
    assert "gateways" in (await proxy.get("/health")).json()


async def test_any_page_may_read_public_data_and_none_control(proxy):
    """Readings say ``*`` and never allow credentials; control, counters and settings grant nothing."""
    page = {"Origin": "https://dashboard.example"}

    reading = await proxy.get("/aggregates", headers=page)
    assert reading.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in reading.headers
    for path in LOCAL_ONLY:
        assert "Access-Control-Allow-Origin" not in (await proxy.get(path, headers=page)).headers
    send_request = {
        **page,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    preflight = await proxy.request("OPTIONS", "/control/reserve", headers=send_request)
    assert not [name for name in preflight.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.front"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://powerwall.lan:8675"}, 200),
        ({"Origin": "https://powerwall.lan:8675"}, 200),
        ({"Origin": "http://powerwall.lan"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://powerwall.lan:8675"}, 403),
    ],
)
async def test_only_programs_and_pages_of_ours_may_write(proxy, headers, status):
    """A page of another origin cannot write even with the right token."""
    host = {"Host": "powerwall.lan:8675"}

    answer = await proxy.post(
        "/control/reserve", headers=host | headers, data={"value": "50", "token": SECRET}
    )

    assert answer.status == status


async def test_a_front_server_that_is_trusted_names_the_client(start, sim, caplog):
    """Only PW_TRUSTED_PROXIES may name the client, and only the last hop that is not one of them counts."""
    caplog.set_level("INFO")
    proxy = await start(sim, control_secret=SECRET, trusted_proxies=("127.0.0.0/8",))
    hops = {"X-Forwarded-For": "6.6.6.6, 192.168.1.20, 127.0.0.9"}

    await proxy.post("/control/reserve", headers=hops, data={"value": "50", "token": SECRET})

    assert [record.client for record in caplog.records if record.message == "command"] == ["192.168.1.20"]


async def test_other_clients_cannot_say_so(proxy, caplog):
    """A client that invents an X-Forwarded-For is written down under its own address."""
    caplog.set_level("INFO")
    await proxy.post(
        "/control/reserve", headers={"X-Forwarded-For": "10.0.0.1"}, data={"value": "50", "token": SECRET}
    )

    assert [record.client for record in caplog.records if record.message == "command"] == ["127.0.0.1"]


@given(st.text(max_size=40))
def test_a_host_is_a_name_or_malformed(text):
    """What is taken for a name has nothing in it but a name."""
    name = name_of(text)

    assert name is None or (name == name.lower() and not set(name) & set(" /@\\,?#<>\"'\r\n\t"))


@given(st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,3}\.(com|example|org|de)", fullmatch=True))
def test_no_name_that_can_be_bought_is_local(name):
    """A registered name is never taken for one of the LAN."""
    assert not is_local(name)
