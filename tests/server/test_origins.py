"""CORS_ORIGINS, PW_RATE_LIMIT_* and PW_HTTPS_PORT: settings of pypowerwall-server."""

from __future__ import annotations

import socket

import aiohttp
import pytest

from proxy.config.load import SettingsError, load

GRAFANA = "http://grafana.lan:3000"


async def test_only_listed_origins_read_what_is_public(start, sim):
    """Also what is answered from prepared bytes else: a cache in between learns that answers differ."""
    proxy = await start(sim, cors_origins=(GRAFANA,))

    for _ in range(2):
        listed = await proxy.get("/soe", headers={"Origin": GRAFANA})
        other = await proxy.get("/soe", headers={"Origin": "http://elsewhere.example"})

        assert listed.headers["Access-Control-Allow-Origin"] == GRAFANA
        assert "Origin" in ", ".join(listed.headers.getall("Vary"))
        assert other.status == 200
        assert "Access-Control-Allow-Origin" not in other.headers
    assert (
        "Access-Control-Allow-Origin" not in (await proxy.get("/stats", headers={"Origin": GRAFANA})).headers
    )


async def test_a_listed_origin_may_open_a_websocket(start, sim):
    proxy = await start(sim, cors_origins=(GRAFANA,))

    async with proxy.client.ws_connect(f"{proxy.url}/ws/aggregate", origin=GRAFANA) as socket_:
        assert (await socket_.receive()).type is aiohttp.WSMsgType.TEXT
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await proxy.client.ws_connect(f"{proxy.url}/ws/aggregate", origin="http://elsewhere.example")


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ('["*"]', ("*",)),
        (f'["{GRAFANA}", "https://x.example"]', (GRAFANA, "https://x.example")),
        (f"{GRAFANA}, https://X.example", (GRAFANA, "https://x.example")),
    ],
)
def test_origins_are_a_json_list_or_separated_by_commas(text, origins):
    assert load({"PW_HOST": "192.0.2.1", "CORS_ORIGINS": text}).settings.cors_origins == origins


@pytest.mark.parametrize("text", ["[", "[]", '["grafana"]', "http://a/b", '{"a": 1}', "[1]"])
def test_anything_else_is_a_problem(text):
    with pytest.raises(SettingsError) as found:
        load({"PW_HOST": "192.0.2.1", "CORS_ORIGINS": text})

    assert "CORS_ORIGINS" in found.value.problems[0]


async def test_an_address_that_requests_too_much_waits(start, sim, clock):
    """A fixed window from the first request on, whatever is requested."""
    limits = {"rate_limit_enabled": True, "rate_limit_max_requests": 3, "rate_limit_window_seconds": 60}
    proxy = await start(sim, **limits)

    statuses = [(await proxy.get(path)).status for path in ("/soe", "/nope", "/soe")]
    clock.advance(20)
    refused = await proxy.get("/soe")
    clock.advance(41)

    assert statuses == [200, 404, 200]
    assert (refused.status, refused.json()["detail"]) == (429, "Rate limit exceeded")
    assert refused.headers["Retry-After"] == "40"
    assert (await proxy.get("/soe")).status == 200


async def test_https_has_a_port_of_its_own(start, sim):
    """As pypowerwall-server since 0.14: plain HTTP stays where it was."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    proxy = await start(sim, https="yes", https_port=port)

    plain = proxy.client.get(f"http://127.0.0.1:{proxy.port}/soe")
    over_tls = proxy.client.get(f"https://127.0.0.1:{port}/soe")

    async with plain as one, over_tls as other:
        assert await one.json() == await other.json()


def test_two_ports_are_two():
    with pytest.raises(SettingsError) as found:
        load({"PW_HOST": "192.0.2.1", "PW_HTTPS": "yes", "PW_HTTPS_PORT": "8675"})

    assert "PW_HTTPS_PORT" in found.value.problems[0]


def test_a_port_without_tls_is_pointed_out():
    loaded = load({"PW_HOST": "192.0.2.1", "PW_HTTPS_PORT": "8775"})

    assert any("PW_HTTPS_PORT" in warning for warning in loaded.warnings)
