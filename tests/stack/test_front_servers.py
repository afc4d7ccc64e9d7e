"""Servers in front of the proxy, as docs/reverse-proxies.md configures them."""

import json
import re
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urljoin, urlsplit
from urllib.request import urlopen

import aiohttp
import pytest

from tests.stack import fronts
from tests.stack.servers import SECRET, TIMEOUT_S, demo, get

EXAMPLES = fronts.examples()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    with demo(tmp_path_factory.mktemp("proxy"), "fw21_44") as address:
        yield address


@pytest.fixture(scope="module", params=EXAMPLES, ids=str)
def front(request, proxy, tmp_path_factory):
    """The address of the proxy through a front server, with the prefix."""
    with fronts.front(request.param, proxy, tmp_path_factory.mktemp("front")) as address:
        yield address


def test_the_document_has_both_situations_of_each_server():
    assert [str(example) for example in EXAMPLES] == [
        f"{server} {prefix}" for server in fronts.SERVERS for prefix in ("/", "/powerwall/")
    ]


@pytest.mark.parametrize("page", ["", "status", "docs"])
def test_pages_and_everything_that_they_name_come_through(front, page):
    """Every link is relative, so it stays below the prefix."""
    html = get(front + page).decode()

    named = {name for name in re.findall(r'(?:src|href)="([^"#?:]+)', html) if name != "./"}
    assert named
    for name in named:
        assert urljoin(front + page, name).startswith(front), name
        assert get(urljoin(front + page, name)), name


def test_the_prefix_without_its_slash_leads_to_the_page(front):
    """Relative links would lead elsewhere from there."""
    with urlopen(front.removesuffix("/"), timeout=TIMEOUT_S) as answer:
        assert answer.url.removesuffix("/") == front.removesuffix("/")
        assert answer.url.endswith("/") or not urlsplit(front).path.strip("/")


def test_readings_come_through(front):
    assert json.loads(get(f"{front}soe"))["percentage"] >= 0


def test_events_are_not_held_back(front):
    """The first event arrives although the stream does not end."""
    _, _, host, path = front.split("/", 3)
    with closing(HTTPConnection(host, timeout=TIMEOUT_S)) as client:
        client.request("GET", f"/{path}events")
        answer = client.getresponse()
        line = b""
        while not line.startswith(b"data:"):
            line = answer.readline()
            assert line

    assert json.loads(line.removeprefix(b"data:"))


async def test_a_websocket_comes_through(front):
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as client,
        client.ws_connect(f"{front}ws/aggregate") as socket,
    ):
        message = await socket.receive_json()

    assert message


@pytest.mark.parametrize(("site", "status"), [("", 200), ("http://evil.example", 403)])
def test_a_write_from_the_own_page_is_admitted_and_one_from_another_is_not(front, site, status):
    """The front server passes on the host, with which the origin is compared."""
    _, _, host, path = front.split("/", 3)
    with closing(HTTPConnection(host, timeout=TIMEOUT_S)) as client:
        client.request(
            "POST",
            f"/{path}control/reserve",
            "value=20",
            {
                "Authorization": f"Bearer {SECRET}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": site or f"http://{host}",
            },
        )

        assert client.getresponse().status == status
