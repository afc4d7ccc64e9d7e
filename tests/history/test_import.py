"""``powerwall-proxy history import URL``: the history of another server, or why it cannot be read."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from proxy.__main__ import main
from tests.history.conftest import query
from tests.shared import SHARED


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The state folder, which is empty."""
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path))
    monkeypatch.setenv("PW_TIMEZONE", "Europe/Berlin")
    monkeypatch.delenv("PW_CONFIG", raising=False)
    return tmp_path


@contextmanager
def serving(answer):
    """A server on loopback: ``answer(path, query)`` returns status, document and header fields."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            status, document, headers = answer(
                parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}
            )
            body = json.dumps(document).encode()
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_time_series_of_a_pypowerwall_server_are_imported(folder, capsys):
    """Its samples become minutes, its days energies that are marked as integrated; halves become signed powers."""
    recorded = {
        each["path"]: each["json"]
        for each in json.loads((SHARED / "compat" / "server-local-pw2.json").read_text())["varying"]
    }
    status = recorded["/api/timeseries/status"] | {"retention_seconds": 7200}
    sample = recorded["/api/timeseries/samples?limit=3"]["samples"][0]
    row = recorded["/api/timeseries/today"]["gateways"]["default"] | {"solar_kwh": 21.5}

    def answer(path, texts):
        if path == "/ping":
            return 404, {}, {}
        if path.endswith("status"):
            return 200, status, {}
        if path.endswith("samples"):
            start = float(texts["start"]) // 60 * 60 + 60
            return 200, {"samples": [sample | {"ts": start + 5 * number} for number in range(24)]}, {}
        days = [{"day": "2024-05-01", "gateways": {"default": row}}] if texts["start"] == "2024-01-01" else []
        return 200, {"days": days}, {}

    with serving(answer) as url:
        assert main(["history", "import", url]) == 0

    assert (
        query(folder, "SELECT solar_power, load_power, battery_power, site_power, flow_s2b FROM minute")
        == [(6500, 900, -3500, -2100, 3500)] * 2
    )
    ((charge,),) = query(folder, "SELECT DISTINCT charge FROM minute")
    assert charge == 2398  # 19.974 % in the app
    assert query(folder, "SELECT solar, solar_integrated FROM energy WHERE day = '2024-05-01'") == [
        (21500, 21500)
    ]
    assert "100 %" in capsys.readouterr().err


def test_a_server_that_is_away_is_named(folder, capsys):
    assert main(["history", "import", "http://127.0.0.1:9"]) == 1
    assert "http://127.0.0.1:9 cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "document", [[], {"enabled": True, "gateways": 3}, {"enabled": True, "retention_seconds": "x"}]
)
def test_a_server_that_answers_otherwise_is_named(folder, capsys, document):
    with serving(lambda path, _: (404, {}, {}) if path == "/ping" else (200, document, {})) as url:
        assert main(["history", "import", url]) == 1

    assert f"pypowerwall-server at {url.removeprefix('http://')}" in capsys.readouterr().err


def test_an_address_that_is_none_is_named(folder, capsys):
    assert main(["history", "import", "http://127.0.0.1:port"]) == 1
    assert "http://127.0.0.1:port cannot be read" in capsys.readouterr().err


@contextmanager
def redirecting(target):
    """A server that redirects every request, with its path and query, and whose credentials ``seen`` collects."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers.get("Authorization"))
            self.send_response(307)
            self.send_header("Location", f"{target(self)}{self.path}")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def test_credentials_are_not_sent_where_a_redirect_leads_to(folder, capsys):
    """Another origin is another server, which gets the request without them."""
    with (
        redirecting(lambda _: "http://127.0.0.1:1") as (other, taken),
        redirecting(lambda _: f"http://{other}") as (first, given),
    ):
        assert main(["history", "import", f"http://me:a-password@{first}"]) == 1

    assert given[0].startswith("Basic ")
    assert taken[0] is None
    assert "a-password" not in capsys.readouterr().err
