"""Pages over HTTP: what is in them, which headers, under which prefix."""

from __future__ import annotations

import json
import re

import pytest

from proxy.config.settings import SETTINGS
from proxy.server.http.coding import offered
from proxy.server.pages.appearance import PARAMETERS, THEMES
from proxy.server.pages.files import Pages, find_folder, inline_json
from proxy.server.pages.language import preferred
from proxy.sim.server import SimulatedGateway


async def test_a_page_comes_with_its_readings_inside(proxy):
    """The first look needs no second request: the snapshot of the moment stands in the page."""
    page = await proxy.get("/")

    block = re.search(r'<script type="application/json" id="snapshot">(.*?)</script>', page.text)
    snapshot = json.loads(block[1])
    assert snapshot["state"] == "fresh"
    assert snapshot["solar"] == (await proxy.get("/flow.json")).json()["solar"]


@pytest.mark.parametrize("path", ["/", "/flow.html", "/status", "/docs", "/help", "/example.html"])
async def test_a_page_may_be_framed_and_may_load_nothing_from_elsewhere(proxy, path):
    """The policy allows our own files only; no header forbids frames; nothing is stored or passed on."""
    headers = (await proxy.get(path)).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "*"
    assert "X-Frame-Options" not in headers
    assert "Set-Cookie" not in headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


async def test_who_may_frame_it_can_be_limited(start, sim):
    """PW_FRAME_ANCESTORS becomes the policy's word on frames."""
    proxy = await start(sim, frame_ancestors="https://home.example")

    policy = (await proxy.get("/")).headers["Content-Security-Policy"]

    assert policy.endswith("frame-ancestors https://home.example")


async def test_a_page_has_no_inline_code_or_style(proxy):
    """What the policy forbids does not occur."""
    for path in ("/", "/status", "/docs", "/example.html"):
        text = (await proxy.get(path)).text
        assert not re.search(r"<style|\sstyle=|\son\w+=", text)
        assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", text))
        assert not re.search(r'<[^>]*(?:src|href)="(?:https?:)?/', text)  # relative, so that any prefix works


@pytest.mark.parametrize("path", ["/", "/status", "/docs", "/example.html", "/openapi.json"])
@pytest.mark.parametrize("coding", offered())
async def test_pages_are_packed_as_the_browser_takes_them(proxy, path, coding):
    """A page comes in the coding that was requested, and is the same page."""
    plain = await proxy.get(path, headers={"Accept-Encoding": "identity"})
    packed = await proxy.get(path, headers={"Accept-Encoding": coding})

    assert packed.headers["Content-Encoding"] == coding
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.content) == pytest.approx(len(plain.body), abs=40)  # readings move on
    assert len(packed.body) < len(plain.body) / 2


@pytest.mark.parametrize("coding", offered())
async def test_a_first_visit_is_small_in_either_coding(proxy, coding):
    """Browsers take brotli over TLS and on this machine only: with gzip the page keeps within 16 KB, too."""
    assert await _first_visit(proxy, coding) <= 16 * 1024


@pytest.mark.parametrize("coding", offered())
async def test_a_first_visit_is_small_when_all_of_three_powerwalls_is_known(start, coding):
    """Mode, reserve, packs and strings are in the cache, as where the history is kept."""
    async with SimulatedGateway("pw3", followers=2) as sim:
        proxy = await start(sim, gw_pwd=sim.gw_pwd)
        await proxy.get("/flow.json")

        assert await _first_visit(proxy, coding) <= 16 * 1024


async def _first_visit(proxy, coding) -> int:
    """Return the bytes that a browser loads, heads included."""
    page = await proxy.get("/", headers={"Accept-Encoding": coding})
    files = re.findall(r'(?:src|href)="([^"]+\?v=\w+)"', page.text)
    answers = [page, *[await proxy.get(f"/{file}", headers={"Accept-Encoding": coding}) for file in files]]
    assert len(answers) == 4
    return sum(
        len(it.body) + sum(len(f"{name}: {value}\r\n") for name, value in it.headers.items())
        for it in answers
    )


async def test_the_address_chooses_the_look(proxy):
    """Known parameters with known values become attributes of the page; others are ignored."""
    page = await proxy.get('/?style=white&motion=off&units=kw&theme="><script>&detail=2&unknown=1')

    tag = re.search(r"<html[^>]*>", page.text)[0]
    look = 'data-style="white" data-motion="off" data-units="kw" data-theme="light"'
    assert tag == f'<html lang="en" dir="ltr" {look}>'


async def test_the_setting_chooses_the_look(start, sim):
    """PW_STYLE is the look where the address says nothing."""
    proxy = await start(sim, style="grafana")

    assert 'data-style="grafana" data-theme="dark"' in (await proxy.get("/")).text


def test_every_style_has_a_theme():
    """The setting, the pages and the parameter know the same styles."""
    row = next(row for row in SETTINGS if row.key == "style")

    assert set(THEMES) == set(PARAMETERS["style"]) == set(row.kind.name.split(" | "))


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pt-BR,pt;q=0.9", "en"),
        ("fr;q=0.2, nl;q=0.7", "nl"),
        ("de;q=0", "en"),
        ("", "en"),
        ("*", "en"),
        ("zz" * 4000, "en"),
        ("de;q=9,,;q=,\x00", "en"),
    ],
)
def test_the_language_is_the_preferred_one_that_we_speak(accepted, language):
    """Accept-Language is weighed; what cannot be read counts as nothing."""
    assert preferred(accepted, Pages(find_folder()).words) == language


def test_every_language_has_every_word():
    """No sentence falls back to its key."""
    words = Pages(find_folder()).words

    for language, known in words.items():
        assert known.keys() == words["en"].keys(), language
        assert all(known[name].count("{}") == text.count("{}") for name, text in words["en"].items()), (
            language
        )


def test_data_in_a_page_cannot_end_its_block():
    """Foreign text comes out of the block as it went in, and in the page it is no markup."""
    text = "</script><!--<script>&amp;\u2028\u2029"

    block = inline_json({"name": text})

    assert json.loads(block)["name"] == text
    assert not set("<>&\u2028\u2029") & set(block)


async def test_a_base_url_works_with_and_without(start, sim):
    """PROXY_BASE_URL is answered below its prefix and at the root; without the slash one is led to it."""
    proxy = await start(sim, base_url="/a/b/")

    assert (await proxy.get("/a/b/")).status == (await proxy.get("/")).status == 200
    assert (await proxy.get("/a/b/flow.css")).status == 200
    moved = await proxy.get("/a/b")
    assert (moved.status, moved.headers["Location"]) == (308, "b/")


@pytest.mark.parametrize(("trusted", "status"), [(("127.0.0.0/8",), 200), (("10.0.0.0/8",), 404), ((), 404)])
async def test_a_prefix_is_believed_only_of_trusted_servers(start, sim, trusted, status):
    """X-Forwarded-Prefix of a front server in PW_TRUSTED_PROXIES counts; that of any other client does not."""
    proxy = await start(sim, trusted_proxies=trusted, ui="own")

    answer = await proxy.get("/house/soe", headers={"X-Forwarded-Prefix": "/house"})

    assert answer.status == status


async def test_the_reference_shows_programs_what_it_shows_people(proxy):
    """/openapi.json has an entry for every path of the page /docs."""
    document = (await proxy.get("/openapi.json")).json()
    page = (await proxy.get("/docs")).text

    assert document["openapi"].startswith("3.1")
    paths = {path.replace("{id}", "default") for path in document["paths"]}
    assert paths == set(re.findall(r'data-path="([^"]+)"', page))


async def test_with_the_gateway_as_page_its_own_is_at_the_front(start, sim):
    """PW_UI=gateway shows the gateway's page at /, ours at /flow.html; if it has none, ours at both."""
    proxy = await start(sim, ui="gateway")
    assert "Simulated gateway" in (await proxy.get("/")).text
    assert 'id="flow"' in (await proxy.get("/flow.html")).text

    sim.faults.clear()
    sim.answers(path="/", status=404)
    proxy = await start(sim, ui="gateway")
    assert 'id="flow"' in (await proxy.get("/")).text
