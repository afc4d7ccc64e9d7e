"""Debian's nginx in front of the proxy, as docs/reverse-proxies.md configures it."""

import json
import re
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urljoin

import pytest

from tests.stack.servers import PATIENCE_S, ROOT, SECRET, demo, free_port, get, running

BLOCKS = re.findall(
    r"```nginx\n(location (\S+) \{.*?\n\})\n```",
    (ROOT / "docs/reverse-proxies.md").read_text("utf-8"),
    re.DOTALL,
)
CONFIGURATION = """\
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    with demo(tmp_path_factory.mktemp("proxy"), "fw21_44") as address:
        yield address


@pytest.fixture(params=BLOCKS, ids=[prefix for _, prefix in BLOCKS])
def front(request, proxy, tmp_path):
    """The address of the proxy through nginx, with the prefix."""
    location, prefix = request.param
    port = free_port()
    assert location.count("127.0.0.1:8675") == 1
    made = CONFIGURATION.format(
        folder=tmp_path, port=port, location=location.replace("127.0.0.1:8675", proxy)
    )
    (tmp_path / "nginx.conf").write_text(made)
    address = f"http://127.0.0.1:{port}{prefix}"
    command = ["nginx", "-e", "stderr", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    with running(command, f"{address}health", tmp_path / "nginx.log"):
        yield address


def test_the_document_has_both_situations():
    assert [prefix for _, prefix in BLOCKS] == ["/", "/powerwall/"]


@pytest.mark.parametrize("page", ["", "status", "docs"])
def test_pages_and_everything_that_they_name_come_through(front, page):
    """Every link is relative, so it stays below the prefix."""
    html = get(front + page).decode()

    named = {name for name in re.findall(r'(?:src|href)="([^"#?:]+)', html) if name != "./"}
    assert named
    for name in named:
        assert urljoin(front + page, name).startswith(front), name
        assert get(urljoin(front + page, name)), name


def test_readings_come_through(front):
    assert json.loads(get(f"{front}soe"))["percentage"] >= 0


def test_events_are_not_held_back(front):
    """The first event arrives although the stream does not end."""
    _, _, host, path = front.split("/", 3)
    with closing(HTTPConnection(host, timeout=PATIENCE_S)) as client:
        client.request("GET", f"/{path}events")
        answer = client.getresponse()
        line = b""
        while not line.startswith(b"data:"):
            line = answer.readline()
            assert line

    assert json.loads(line.removeprefix(b"data:"))


@pytest.mark.parametrize(("site", "status"), [("", 200), ("http://evil.example", 403)])
def test_a_write_from_the_own_page_is_admitted_and_one_from_another_is_not(front, site, status):
    """The front server passes on the host, with which the origin is compared."""
    _, _, host, path = front.split("/", 3)
    with closing(HTTPConnection(host, timeout=PATIENCE_S)) as client:
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
