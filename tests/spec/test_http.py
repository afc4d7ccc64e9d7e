"""HTTP as clients expect it: methods, conditions, codings, prefixes."""

import gzip

import pytest


async def test_an_unknown_path_is_a_404_in_json(proxy):
    answer = await proxy.get("/aggregates/")

    assert answer.status == 404
    assert answer.json()["status"] == 404
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_wrong_method_says_what_is_right(proxy):
    answer = await proxy.request("DELETE", "/soe")

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


async def test_head_is_get_without_the_body(proxy):
    get, head = await proxy.get("/aggregates"), await proxy.request("HEAD", "/aggregates")

    assert head.body == b""
    assert head.headers["ETag"] == get.headers["ETag"]
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


async def test_a_preflight_is_allowed_to_read(proxy):
    answer = await proxy.request("OPTIONS", "/soe", headers={"Origin": "http://dashboard.lan"})

    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_a_body_on_get_is_refused(proxy):
    answer = await proxy.get("/soe", data=b"percentage=100")

    assert answer.status == 400


async def test_who_has_it_reads_so(proxy):
    first = await proxy.get("/soe")
    again = await proxy.get("/soe", headers={"If-None-Match": f'"other", W/{first.headers["ETag"]}'})

    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip;q=0.5", "*", "GZIP"])
async def test_large_answers_are_compressed_for_those_who_take_it(proxy, accepted):
    plain = await proxy.get("/aggregates", headers={"Accept-Encoding": "identity"})
    packed = await proxy.get("/aggregates", headers={"Accept-Encoding": accepted})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "", "br"])
async def test_no_client_gets_a_coding_that_it_did_not_accept(proxy, accepted):
    answer = await proxy.get("/aggregates", headers={"Accept-Encoding": accepted})

    assert "Content-Encoding" not in answer.headers


async def test_a_prefix_works_with_and_without(start, sim):
    proxy = await start(sim, base_url="/powerwall/")

    assert (await proxy.get("/powerwall/soe")).status == 200
    assert (await proxy.get("/powerwall/api/status")).status == 200
    assert (await proxy.get("/soe")).status == 200


async def test_the_counters_can_be_cleared_but_not_by_a_strange_page(proxy):
    await proxy.get("/soe")
    refused = await proxy.get("/stats/clear", headers={"Sec-Fetch-Site": "cross-site"})
    picture = await proxy.get("/stats/clear", headers={"User-Agent": "Mozilla/5.0 (X11)"})
    cleared = await proxy.get("/stats/clear")

    assert (refused.status, picture.status) == (403, 403)
    assert cleared.json()["uri"] == {}


async def test_no_answer_names_the_software_that_gave_it(proxy):
    for path in ["/soe", "/nope", "/health"]:
        assert (await proxy.get(path)).headers["Server"] == "powerwall-proxy"
