"""What a request is for: targets that are whole URLs, prefixes, names with a final dot, paths that are nothing."""

import pytest

from tests.hostile.raw import request, send

SECRET = "correct horse battery staple"


@pytest.fixture(params=[True, False], ids=["fast path", "aiohttp"])
async def proxy(request, start, sim):
    proxy = await start(sim, fast_path=request.param)
    await proxy.get("/soe")
    return proxy


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/soe",
        "http://powerwall.lan:8675/soe",
        "HTTP://127.0.0.1/soe",
        "https://[::1]/soe",
        "http://127.0.0.1/soe?x=1",
    ],
)
async def test_a_target_may_be_a_whole_url(proxy, target):
    """RFC 9112 section 3.2.2: as a client sends it to a proxy, and every server has to accept it."""
    reply = await send(proxy.port, request("GET", target))

    assert reply.status == 200
    assert b'"percentage"' in reply.body


@pytest.mark.parametrize("target", ["http://127.0.0.1", "HTTPS://powerwall.lan:8675", "http://[::1]?x=1"])
async def test_a_url_without_a_path_is_the_root(proxy, target):
    """RFC 9110 section 4.2.3: ``http://example.com`` and ``http://example.com/`` are the same."""
    root = await send(proxy.port, request("GET", "/"))

    reply = await send(proxy.port, request("GET", target))

    assert (reply.status, reply.body) == (200, root.body)
    assert reply.body.startswith(b"<!doctype html>")


async def test_a_url_without_a_path_is_judged_by_its_host_and_its_headers(proxy):
    reply = await send(proxy.port, request("GET", "http://127.0.0.1", b"Expect: \xff"))

    assert reply.status == 417
    assert (await send(proxy.port, request("PUT", "http://127.0.0.1"))).status == 405


@pytest.mark.parametrize(
    "target",
    [
        "http://",
        "http://?x",
        "http://user@127.0.0.1",
        "http://127.0.0.1?x#a",
        "ftp://127.0.0.1",
        "ftp://127.0.0.1/soe",
        "http:/soe",
        "http:///soe",
        "http://user@127.0.0.1/soe",
        "http://127.0.0.1:99999/soe",
        "http://127.0.0.1/soe#a",
        "http://a b/soe",
    ],
)
async def test_a_url_that_names_no_host_is_refused(proxy, target):
    assert (await send(proxy.port, request("GET", target))).status == 400


async def test_the_host_of_the_url_counts_and_not_the_field(proxy):
    """What is for names of ours only is judged by the URL; a Host that is something else is ignored."""
    ours, theirs = "http://127.0.0.1/stats", "http://rebound.example/stats"

    assert (await send(proxy.port, request("GET", ours, host="rebound.example"))).status == 200
    assert (await send(proxy.port, request("GET", theirs))).status == 421
    assert (await send(proxy.port, request("GET", "http://127.0.0.1/soe", host="no host"))).status == 200


@pytest.mark.parametrize("headers", [[], ["Host: 127.0.0.1", "Host: 127.0.0.1"]])
async def test_a_url_is_no_reason_to_do_without_one_host(proxy, headers):
    """RFC 9112 section 3.2: every request of HTTP/1.1 has exactly one."""
    assert (await send(proxy.port, request("GET", "http://127.0.0.1/soe", *headers, host=None))).status == 400


async def test_a_page_of_another_origin_is_measured_by_the_url(start, sim):
    """It may not write, whatever Host says."""
    proxy = await start(sim, control_secret=SECRET)
    body = f"value=20&token={SECRET}".encode()
    headers = [
        "Origin: http://rebound.example",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    ]

    reply = await send(
        proxy.port,
        request("POST", "http://127.0.0.1/control/reserve", *headers, body=body, host="rebound.example"),
    )

    assert reply.status == 403


@pytest.mark.parametrize("ui", ["own", "gateway"])
async def test_an_unknown_control_is_answered_as_json(start, sim, ui):
    """A write to a setting that does not exist is answered with a problem document, not a page or a file's 404."""
    proxy = await start(sim, ui=ui, control_secret=SECRET)

    for method in ("GET", "POST"):
        answer = await proxy.request(method, "/control/nothing")

        assert answer.status == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert not [seen for seen in sim.requests if "control" in seen.path]


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        ("/pw", "/pw/level"),
        ("/pw", "/pw/pw/level"),
        ("/pw", "/pw/soe"),
        ("/pw", "/soe"),
        ("/house", "/house/soe"),
    ],
)
async def test_a_prefix_is_stripped_once_also_where_a_route_begins_with_it(start, sim, prefix, path):
    """A front server may strip it (Traefik) or leave it (nginx); ``/pw/level`` is a route and stays one."""
    proxy = await start(sim, trusted_proxies=("127.0.0.1",))

    answer = await proxy.get(path, headers={"X-Forwarded-Prefix": prefix})

    assert answer.status == 200


@pytest.mark.parametrize("listed", ["house.example", "house.example."])
@pytest.mark.parametrize("sent", ["house.example", "house.example.", "HOUSE.example.:80"])
async def test_a_name_is_known_with_and_without_its_final_dot(start, sim, listed, sent):
    """A fully qualified name may be written with the dot of the root (RFC 1034 section 3.1)."""
    proxy = await start(sim, allowed_hosts=(listed,))

    assert (await proxy.get("/stats", headers={"Host": sent})).status == 200
    assert (await proxy.get("/stats", headers={"Host": "other.example."})).status == 421
