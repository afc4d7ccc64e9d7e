"""``powerwall-proxy history``: what is exported can be imported again; what is recorded is never replaced."""

import csv
import json
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from proxy.__main__ import main
from proxy.core.zones import zone_of
from proxy.history.columns import PARTS
from proxy.history.database import Database
from proxy.history.days import day_of, start_of
from proxy.history.energies import DayTotals
from proxy.history.folding import row_of
from proxy.history.writing import Batch, write
from tests.shared import SHARED

ZONE = zone_of("Europe/Berlin")
MIDNIGHT = start_of(day_of(time.time() - 2 * 86400, ZONE), ZONE)


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state folder with three hours of the day before yesterday."""
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path / "state"))
    monkeypatch.setenv("PW_TIMEZONE", "Europe/Berlin")
    monkeypatch.delenv("PW_CONFIG", raising=False)
    database = Database(tmp_path / "state" / "history.db")
    rows = [
        row_of(MIDNIGHT + 60 * minute, dict.fromkeys(PARTS, minute) | {"solar_power": 3000 + minute})
        for minute in range(180)
    ]
    day = DayTotals(
        day_of(MIDNIGHT, ZONE), {"solar": 9268.5, "home": 200.0}, {"home": 200.0}, {"flow_s2h": 200.0}
    )
    database.use(lambda db: write(db, Batch(rows=rows, days={day.day: day}), ZONE))
    database.close()
    return tmp_path / "state"


def query(folder, statement):
    with closing(sqlite3.connect(folder / "history.db")) as db:
        return db.execute(statement).fetchall()


def test_an_export_is_imported_as_it_was(state, tmp_path, monkeypatch):
    """Minutes, and the levels that are made of them, and days with what they rest on."""
    assert main(["history", "export", str(tmp_path / "rows.csv")]) == 0
    assert main(["history", "export", str(tmp_path / "days.csv"), "--days"]) == 0
    before = {
        table: query(state, f"SELECT * FROM {table} ORDER BY 1") for table in ("minute", "quarter", "hour")
    }
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path / "other"))

    assert main(["history", "import", str(tmp_path / "days.csv")]) == 0
    assert main(["history", "import", str(tmp_path / "rows.csv")]) == 0

    other = tmp_path / "other"
    assert {table: query(other, f"SELECT * FROM {table} ORDER BY 1") for table in before} == before
    assert query(other, "SELECT solar, home, flow_s2h FROM energy") == [(9268.5, 200.0, 200.0)]


def test_what_was_recorded_is_not_replaced(state, tmp_path, capsys):
    """An import that is repeated adds nothing."""
    main(["history", "export", str(tmp_path / "rows.csv")])
    before = query(state, "SELECT * FROM minute")
    table = (tmp_path / "rows.csv").read_text()
    (tmp_path / "rows.csv").write_text(table.replace(",3001,", ",9999,"))

    assert main(["history", "import", str(tmp_path / "rows.csv")]) == 0

    assert query(state, "SELECT * FROM minute") == before
    assert capsys.readouterr().out == "0 rows and 0 days were added.\n"


def test_what_was_thinned_out_is_not_replaced_either(state, tmp_path, capsys):
    """Of spans whose minutes are deleted, all of them or some, the quarters, hours and days stay as they were recorded."""
    main(["history", "export", str(tmp_path / "rows.csv")])
    table = (tmp_path / "rows.csv").read_text()
    (tmp_path / "rows.csv").write_text(table.replace(",30", ",99").replace(",31", ",98"))
    levels = {name: f"SELECT * FROM {name} ORDER BY 1" for name in ("quarter", "hour", "day")}
    before = {name: query(state, statement) for name, statement in levels.items()}
    with closing(sqlite3.connect(state / "history.db")) as db, db:
        db.execute(f"DELETE FROM minute WHERE at < {MIDNIGHT + 37 * 60}")
        db.execute(f"DELETE FROM quarter WHERE at >= {MIDNIGHT + 7200}")
        before["quarter"] = before["quarter"][:8]
        db.execute(f"DELETE FROM minute WHERE at >= {MIDNIGHT + 7200}")
    minutes = query(state, "SELECT * FROM minute")

    assert main(["history", "import", str(tmp_path / "rows.csv")]) == 0

    assert query(state, "SELECT * FROM minute") == minutes
    assert {name: query(state, statement) for name, statement in levels.items()} == before
    assert capsys.readouterr().out == "0 rows and 0 days were added.\n"


def test_the_table_of_the_route_is_imported_too(state, tmp_path):
    """Without the column span, the steps have one length; unknown columns are ignored."""
    at = MIDNIGHT - 30 * 86400
    times = [datetime.fromtimestamp(moment, UTC).isoformat() for moment in (at, at + 900)]
    table = f"time,solar_power (W),moon_power (W)\r\n{times[0]},900,1\r\n{times[1]},,2\r\n"
    (tmp_path / "series.csv").write_text(table)

    assert main(["history", "import", str(tmp_path / "series.csv")]) == 0

    assert query(state, f"SELECT at, n, solar_power, solar_power_max FROM quarter WHERE at < {MIDNIGHT}") == [
        (at, 15, 900, 900),
        (at + 900, 15, None, None),
    ]


def test_check_says_what_there_is(state, capsys):
    assert main(["history", "check"]) == 0

    report = capsys.readouterr().out
    assert ": ok, " in report
    assert "minute             180 rows" in report


def test_check_finds_damage(state, capsys):
    (state / "history.db").write_bytes(b"damaged" * 1000)

    assert main(["history", "check"]) == 1
    assert "is damaged" in capsys.readouterr().err


def test_a_history_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path / "none"))

    assert main(["history", "check"]) == 1
    assert "there is no history" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "content",
    ["a,b\r\n1,2\r\n", "time,solar_power (W)\r\nnoon,1\r\n", "day,solar (Wh)\r\n2026-01-01,nan\r\n"],
)
def test_another_table_is_refused(state, tmp_path, capsys, content):
    (tmp_path / "other.csv").write_text(content)

    assert main(["history", "import", str(tmp_path / "other.csv")]) == 1
    assert "other.csv" in capsys.readouterr().err


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


def test_the_time_series_of_a_pypowerwall_server_are_imported(tmp_path, monkeypatch, capsys):
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

    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path))
    monkeypatch.setenv("PW_TIMEZONE", "Europe/Berlin")
    with serving(answer) as url:
        assert main(["history", "import", url]) == 0

    assert (
        query(tmp_path, "SELECT solar_power, load_power, battery_power, site_power, flow_s2b FROM minute")
        == [(6500, 900, -3500, -2100, 3500)] * 2
    )
    ((charge,),) = query(tmp_path, "SELECT DISTINCT charge FROM minute")
    assert charge == 2398  # 19.974 % in the app
    assert query(tmp_path, "SELECT solar, solar_integrated FROM energy WHERE day = '2024-05-01'") == [
        (21500, 21500)
    ]
    assert "100 %" in capsys.readouterr().err


def test_a_server_that_is_away_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path))

    assert main(["history", "import", "http://127.0.0.1:9"]) == 1
    assert "http://127.0.0.1:9 cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "document", [[], {"enabled": True, "gateways": 3}, {"enabled": True, "retention_seconds": "x"}]
)
def test_a_server_that_answers_otherwise_is_named(tmp_path, monkeypatch, capsys, document):
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path))

    with serving(lambda path, _: (404, {}, {}) if path == "/ping" else (200, document, {})) as url:
        assert main(["history", "import", url]) == 1

    assert f"pypowerwall-server at {url.removeprefix('http://')}" in capsys.readouterr().err


def test_an_address_that_is_none_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PW_STATE_PATH", str(tmp_path))

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


def test_credentials_are_not_sent_where_a_redirect_leads_to(state, capsys):
    """Another origin is another server, which gets the request without them."""
    with (
        redirecting(lambda _: "http://127.0.0.1:1") as (other, taken),
        redirecting(lambda _: f"http://{other}") as (first, given),
    ):
        assert main(["history", "import", f"http://me:a-password@{first}"]) == 1

    assert given[0].startswith("Basic ")
    assert taken[0] is None
    assert "a-password" not in capsys.readouterr().err


def test_the_file_may_follow_the_gateway(state, tmp_path):
    """Options and words may be in any order."""
    main(["history", "export", str(tmp_path / "rows.csv")])

    assert main(["history", "import", "--gateway", "default", str(tmp_path / "rows.csv")]) == 0
    with pytest.raises(SystemExit, match="2"):
        main(["history", "import", "--gateway", "default", "rows.csv", "another"])
    with pytest.raises(SystemExit, match="2"):
        main(["history", "import", "rows.csv", "--no-such-option"])


def test_the_history_is_that_of_the_one_gateway_there_is(state, monkeypatch, capsys):
    """Whatever its id; of several, --gateway names one, and an id that there is not has no history."""
    house, garage = {"id": "house", "host": "127.0.0.1"}, {"id": "garage", "host": "127.0.0.2"}
    folder = state / "gateways" / "house"
    folder.mkdir(parents=True)
    (state / "history.db").rename(folder / "history.db")

    monkeypatch.setenv("PW_GATEWAYS", json.dumps([house]))
    assert main(["history", "check"]) == 0
    with pytest.raises(SystemExit, match="78"):
        main(["history", "import", "rows.csv", "--gateway", "shed"])
    assert "--gateway is shed, but must be one of house" in capsys.readouterr().err
    monkeypatch.setenv("PW_GATEWAYS", json.dumps([house, garage]))
    with pytest.raises(SystemExit, match="78"):
        main(["history", "check"])
    assert main(["history", "check", "--gateway", "house"]) == 0
    assert not (state / "gateways" / "shed").exists()


def test_an_export_has_the_head_of_a_table(state, capsys):
    main(["history", "export", "--from", "2020-01-01"])

    head, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert head[:4] == ["time", "span (s)", "minutes", "site_power (W)"]
    assert len(rows) == 180
