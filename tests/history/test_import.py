"""``powerwall-proxy history import URL``: the history of another server, or why it cannot be read."""

import gzip
import io
import json
import threading
import time
from contextlib import contextmanager, redirect_stderr
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


class Terminal(io.StringIO):
    """Standard error with a person before it."""

    def isatty(self):
        return True


def test_the_time_series_of_a_pypowerwall_server_are_imported(folder):
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

    with serving(answer) as url, redirect_stderr(Terminal()) as terminal:
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
    assert terminal.getvalue().startswith(f"\r[{'#' * 30}] 100%  ")


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


FIELDS = {
    "autogen": {
        "home": 1000,
        "solar": 4000.5,
        "from_pw": 0,
        "to_pw": 1000,
        "to_grid": 2000,
        "percentage": 55.5,
    },
    "grid": {"grid_status": 1},
    "pwtemps": {"PW1_temp": 21.5},
    "pod": {"PW1_POD_nom_full_pack_energy": 13500},
    "strings": {"A_Power": 2e3, "A_Voltage": 300},
    "raw": {"home": 7, "grid_status": 0},
}


def exported(begins, minutes):
    """What ``influx_inspect export`` writes: policy by policy, and in each field by field."""
    yield "# INFLUXDB EXPORT: 1677-09-21T00:12:43Z - 2262-04-11T23:47:16Z"
    yield from ("# DDL", "CREATE DATABASE powerwall WITH NAME autogen", "# DML")
    for policy, fields in FIELDS.items():
        yield from ("# CONTEXT-DATABASE:powerwall", f"# CONTEXT-RETENTION-POLICY:{policy}")
        yield "# writing tsm data"
        for field, value in fields.items():
            for at in (begin + 60 * minute for begin in begins for minute in range(minutes)):
                yield f"http,month=Nov,url=http://pypowerwall:8675/a\\ b {field}={value} {at}000000000"
        yield f'http,month=Nov state="{field}=1 2" {begins[0]}000000000'


@pytest.mark.parametrize("packed", [False, True])
def test_an_export_of_an_influxdb_is_imported_as_its_database_would_be(folder, tmp_path, packed):
    """Powers with their signs, charge, grid, packs and strings: of the last month by minutes, of long ago by hours."""
    file, now = tmp_path / "export", int(time.time())
    hours = (now - 500 * 86400) // 3600 * 3600, (now - 86400) // 3600 * 3600
    text = "\n".join([*exported(hours, 120), ""]).encode()
    file.write_bytes(gzip.compress(text) if packed else text)

    with redirect_stderr(Terminal()) as terminal:
        assert main(["history", "import", str(file)]) == 0

    columns = "n, solar_power, load_power, battery_power, site_power, charge, grid_up, flow_s2g"
    powers = (4000, 1000, -1000, -2000, 5550, 100, 2000)
    assert query(folder, f"SELECT at, {columns} FROM minute ORDER BY at") == [
        (hours[1] + 60 * minute, 1, *powers) for minute in range(120)
    ]
    assert query(folder, f"SELECT at, {columns} FROM hour WHERE at < {hours[1]} ORDER BY at") == [
        (hours[0] + 3600 * hour, 60, *powers) for hour in range(2)
    ]
    assert query(folder, f"SELECT sum(n), max(solar_power) FROM day WHERE at < {hours[1] - 2 * 86400}") == [
        (120, 4000)
    ]
    [energies] = query(folder, "SELECT sum(solar), sum(home), sum(grid_out), sum(battery_in) FROM energy")
    assert energies == pytest.approx((16002, 4000, 8000, 4000))
    signals = query(
        folder, "SELECT DISTINCT device, metric, mean FROM signal_hour JOIN series ON id = series"
    )
    assert sorted(signals) == [
        ("A", "string_power", 2000),
        ("PW1", "energy_capacity", 13500),
        ("PW1", "temperature", 215),
    ]
    assert "] 100%  " in terminal.getvalue()


def test_a_packed_file_that_is_damaged_is_named(folder, tmp_path, capsys):
    file = tmp_path / "rows.csv.gz"
    file.write_bytes(gzip.compress(b"time,load_power (W)\n" * 1000)[:50])

    assert main(["history", "import", str(file)]) == 1
    assert f"{file}: " in capsys.readouterr().err


def test_an_export_of_another_database_is_named(folder, tmp_path, capsys):
    file = tmp_path / "export"
    file.write_text(
        "# INFLUXDB EXPORT: a - b\n# DML\n# CONTEXT-RETENTION-POLICY:autogen\ncpu load=1 1700000000000000000\n"
    )

    assert main(["history", "import", str(file)]) == 1
    assert f"{file}: this export has nothing of a database of Powerwall-Dashboard." in capsys.readouterr().err
