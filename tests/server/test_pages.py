"""Pages and their files over HTTP: what is sent, under which names, kept for how long."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from yarl import URL

from proxy.config.settings import SETTINGS
from proxy.server.coding import choose, offered
from proxy.server.pages import Pages, find_folder, inline_json
from proxy.server.ui import PARAMETERS, THEMES, preferred

BUDGETS = {
    "index.html": 6,
    "flow.css": 8,
    "flow.js": 12,
    "flows.js": 2,
    "live.js": 4,
    "icons.svg": 4,
    "docs.html": 12,
    "docs.js": 12,
    "docs.css": 12,
}


@pytest.mark.parametrize(("name", "kilobytes"), BUDGETS.items())
def test_files_stay_small(name, kilobytes):
    """Each file keeps to its budget."""
    assert (find_folder() / name).stat().st_size <= kilobytes * 1024


async def test_a_page_comes_with_its_readings_inside(proxy):
    """The first look needs no second request: the snapshot of the moment stands in the page."""
    page = await proxy.get("/")

    block = re.search(r'<script type="application/json" id="snapshot">(.*?)</script>', page.text)
    snapshot = json.loads(block[1])
    assert snapshot["state"] == "fresh"
    assert snapshot["solar"] == (await proxy.get("/flow.json")).json()["solar"]


@pytest.mark.parametrize("path", ["/", "/flow.html", "/status", "/docs", "/example.html"])
async def test_a_page_may_be_framed_and_may_load_nothing_from_elsewhere(proxy, path):
    """The policy allows our own files only; no header forbids frames; nothing is stored or told on."""
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


@pytest.mark.parametrize("coding", offered())
async def test_files_are_addressed_by_their_content(proxy, coding):
    """Addresses in a page carry a hash; each coding has its tag; whoever has any of them is told 304."""
    page = (await proxy.get("/")).text
    address = re.search(r'src="(flow\.js\?v=(\w+))"', page)

    plain = await proxy.get(f"/{address[1]}", headers={"Accept-Encoding": "identity"})
    packed = await proxy.get(f"/{address[1]}", headers={"Accept-Encoding": coding})

    suffix = {"br": "-br", "gzip": "-gz"}[coding]
    assert (plain.headers["ETag"], packed.headers["ETag"]) == (f'"{address[2]}"', f'"{address[2]}{suffix}"')
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, coding)
    assert packed.content == plain.body
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert len(packed.body) < len(plain.body) / 2
    for answer in (plain, packed):
        headers = {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": coding}
        again = await proxy.get(f"/{address[1]}", headers=headers)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["ETag"] == packed.headers["ETag"]
        assert "Content-Encoding" not in again.headers


@pytest.mark.parametrize("path", ["/", "/status", "/docs", "/example.html", "/openapi.json"])
@pytest.mark.parametrize("coding", offered())
async def test_pages_are_packed_as_the_browser_takes_them(proxy, path, coding):
    """A page comes in the coding that was asked for, and is the same page."""
    plain = await proxy.get(path, headers={"Accept-Encoding": "identity"})
    packed = await proxy.get(path, headers={"Accept-Encoding": coding})

    assert packed.headers["Content-Encoding"] == coding
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.content) == pytest.approx(len(plain.body), abs=40)  # readings move on
    assert len(packed.body) < len(plain.body) / 2


@pytest.mark.parametrize("coding", offered())
async def test_a_first_visit_is_small_in_either_coding(proxy, coding):
    """Browsers take brotli over TLS and on this machine only: with gzip the page keeps within 16 KB, too."""
    page = await proxy.get("/", headers={"Accept-Encoding": coding})
    files = re.findall(r'(?:src|href)="([^"]+\?v=\w+)"', page.text)

    answers = [page, *[await proxy.get(f"/{file}", headers={"Accept-Encoding": coding}) for file in files]]

    assert len(answers) == 4
    sent = [
        len(it.body) + sum(len(f"{name}: {value}\r\n") for name, value in it.headers.items())
        for it in answers
    ]
    assert sum(sent) <= 16 * 1024


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0.9, gzip;q=0.9", "br"),
        ("br;q=0.5, gzip", "gzip"),
        ("br;q=0, gzip;q=0.001", "gzip"),
        ("BR", "br"),
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("*;q=0, gzip", "gzip"),
        ("gzip;q=0.5, identity", ""),
        ("identity;q=0.5, gzip", "gzip"),
        ("deflate, zstd", ""),
        ("br;q=0, gzip;q=0", ""),
        ("", ""),
        ("gzip;q=high", ""),
        (",;,=," * 200, ""),
    ],
)
def test_the_coding_is_the_best_that_the_client_takes(accepted, coding):
    """Weights decide, and of equal ones the smaller coding; a client that says nothing gets the bytes as they are."""
    assert choose(accepted, ("br", "gzip")) == coding


def test_where_there_is_no_brotli_gzip_does():
    """On a machine for which there is no wheel the library is missing, and nothing else."""
    script = (
        "import sys; sys.modules['brotli'] = None; from proxy.server.coding import offered; print(*offered())"
    )

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert told.stdout == "gzip\n"


@pytest.mark.parametrize(
    ("seconds", "query", "kept"),
    [
        (0, "", "no-cache"),
        (0, "?v=", "no-cache"),
        (3600, "", "public, max-age=3600"),
        (3600, "?v=wrong", "public, max-age=3600"),
        (3600, "?v=", "public, max-age=3600, immutable"),
    ],
)
async def test_browsers_keep_files_as_long_as_the_setting_says(start, sim, seconds, query, kept):
    """PW_BROWSER_CACHE is the lifetime; only an address that names its content is for good."""
    proxy = await start(sim, browser_cache=seconds)
    plain = await proxy.get("/flow.css", headers={"Accept-Encoding": "identity"})
    version = plain.headers["ETag"].strip('"')

    answer = await proxy.get("/flow.css" + (f"?v={version}" if query == "?v=" else query))

    assert answer.headers["Cache-Control"] == kept


@pytest.mark.parametrize(
    "path",
    [
        *("/index.html", "/status.html", "/../pyproject.toml", "/%2e%2e/pyproject.toml", "/web/flow.js"),
        *("/flow.js/", "//flow.js", "/./flow.js", "/flow.js%00", "/.gitignore", "/FLOW.JS"),
    ],
)
async def test_only_the_files_by_their_names_are_served(start, sim, path):
    """No path leads to a template, out of the folder, or to a file by another spelling."""
    proxy = await start(sim, ui="own")
    async with proxy.client.get(URL(proxy.url + path, encoded=True)) as answer:
        assert answer.status == 404


async def test_files_are_read_only(proxy):
    """Anything but GET and HEAD is refused."""
    assert (await proxy.request("DELETE", "/flow.js")).status == 405
    assert (await proxy.request("HEAD", "/flow.js")).body == b""


async def test_the_address_chooses_the_look(proxy):
    """Known parameters with known values become attributes of the page; others are ignored."""
    page = await proxy.get('/?style=white&motion=off&units=kw&theme="><script>&detail=2&unknown=1')

    tag = re.search(r"<html[^>]*>", page.text)[0]
    assert tag == '<html lang="en" data-style="white" data-motion="off" data-units="kw" data-theme="light">'


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


def test_a_script_is_one_file_on_the_wire():
    """Modules are joined in the order in which they need each other, each once; none is imported."""
    script = Pages(find_folder()).files["flow.js"].body.decode()

    assert not re.search(r"^(?:import|export)\b", script, re.MULTILINE)
    order = [
        script.index(name)
        for name in ("function flows(", "function layout(", "class Edge", "function draw()")
    ]
    assert order[1] < order[2] < order[3]
    assert script.count("class Edge ") == 1


async def test_a_base_url_works_with_and_without(start, sim):
    """PROXY_BASE_URL is answered below its prefix and at the root; without the slash one is led to it."""
    proxy = await start(sim, base_url="/a/b/")

    assert (await proxy.get("/a/b/")).status == (await proxy.get("/")).status == 200
    assert (await proxy.get("/a/b/flow.css")).status == 200
    moved = await proxy.get("/a/b")
    assert (moved.status, moved.headers["Location"]) == (308, "b/")


@pytest.mark.parametrize(("trusted", "status"), [(("127.0.0.0/8",), 200), (("10.0.0.0/8",), 404), ((), 404)])
async def test_a_prefix_is_believed_only_of_trusted_servers(start, sim, trusted, status):
    """X-Forwarded-Prefix of a front server in PW_TRUSTED_PROXIES counts; anybody else's does not."""
    proxy = await start(sim, trusted_proxies=trusted, ui="own")

    answer = await proxy.get("/house/soe", headers={"X-Forwarded-Prefix": "/house"})

    assert answer.status == status


async def test_the_reference_tells_programs_what_it_tells_people(proxy):
    """/openapi.json has an entry for every path of the page /docs."""
    document = (await proxy.get("/openapi.json")).json()
    page = (await proxy.get("/docs")).text

    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == set(re.findall(r'data-path="([^"]+)"', page))


async def test_with_the_gateway_as_page_its_own_is_at_the_front(start, sim):
    """PW_UI=gateway shows the gateway's page at /, ours at /flow.html; if it has none, ours at both."""
    proxy = await start(sim, ui="gateway")
    assert "Simulated gateway" in (await proxy.get("/")).text
    assert 'id="flow"' in (await proxy.get("/flow.html")).text

    sim.faults.clear()
    sim.answers(path="/", status=404)
    proxy = await start(sim, ui="gateway")
    assert 'id="flow"' in (await proxy.get("/")).text
