"""The files of the pages over HTTP: under which names, in which coding, kept for how long."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from yarl import URL

from proxy.server.http.coding import choose, offered
from proxy.server.pages.files import Pages, find_folder

BUDGETS = {
    "index.html": 6,
    "flow.css": 10,
    "flow.js": 12,
    "flows.js": 3,
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


@pytest.mark.parametrize("coding", offered())
async def test_files_are_addressed_by_their_content(proxy, coding):
    """Addresses in a page carry a hash; each coding has its tag; a client that has any of them gets 304."""
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
    script = "import sys; sys.modules['brotli'] = None; from proxy.server.http.coding import offered; print(*offered())"

    reported = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert reported.stdout == "gzip\n"


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
    """PW_BROWSER_CACHE is the lifetime; only an address that names its content is immutable."""
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


def test_nothing_leads_out_of_the_folder(tmp_path):
    """Ours has no links; and what becomes one while the proxy runs is not followed."""
    assert not [path for path in find_folder().iterdir() if path.is_symlink()]
    folder = tmp_path / "web"
    shutil.copytree(find_folder(), folder)
    pages = Pages(folder)

    (folder / "icon.svg").unlink()
    (folder / "icon.svg").symlink_to("/etc/passwd")

    assert pages.files["icon.svg"].body == (find_folder() / "icon.svg").read_bytes()


async def test_files_are_read_only(proxy):
    """Anything but GET and HEAD is refused."""
    assert (await proxy.request("DELETE", "/flow.js")).status == 405
    assert (await proxy.request("HEAD", "/flow.js")).body == b""


def test_a_script_is_one_file_on_the_wire():
    """Modules are joined in the order in which they need each other, each once; none is imported."""
    script = Pages(find_folder()).files["flow.js"].body.decode()

    assert not re.search(r"^(?:import|export)\b", script, re.MULTILINE)
    order = [
        script.index(name)
        for name in ("function flows(", "function layout(", "class Edge", "function draw()")
    ]
    assert order[1] < order[2] < order[3]
    assert script.count("class Edge{") == 1
