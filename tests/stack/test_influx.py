"""A real InfluxDB stores what telegraf would write, and thins it out as the dashboards want it."""

import json
import re
import subprocess
import sys
import time
import tomllib
from datetime import UTC, datetime
from urllib.parse import urlencode, urlparse
from urllib.request import Request, urlopen

import pytest

from tests.clients.telegraf import MEASUREMENTS, gather
from tests.stack.servers import ROOT, free_port, get_json, running

INFLUXDB = ROOT / "deploy" / "influxdb"
INIT = (INFLUXDB / "init.iql").read_text("utf-8")
BOARD = json.loads((ROOT / "deploy" / "grafana" / "influxdb" / "energy.json").read_text("utf-8"))
ZONE = "Europe/Berlin"
# What Grafana puts in place of its variables.
VARIABLES = {
    "$timeFilter": "time > now() - 1d",
    "$__interval": "1m",
    "$zone": ZONE,
    "$buy": "0.30",
    "$sell": "0.08",
}
# A simulated house of this firmware has no fans to report.
EMPTY = {"Fans"}
# Does what ``influx -execute`` does, for the entry point of the image.
EXECUTE = """
import sys
from urllib.parse import urlencode
from urllib.request import urlopen
sys.stdout.write(urlopen(sys.argv[1] + "/query", urlencode({"q": sys.argv[2]}).encode()).read().decode())
"""
TELEGRAF = tomllib.loads((ROOT / "deploy" / "telegraf" / "telegraf.conf").read_text("utf-8"))
POLICIES = [
    "raw",
    "autogen",
    "kwh",
    "daily",
    "monthly",
    "strings",
    "pwtemps",
    "vitals",
    "grid",
    "pod",
    "alerts",
    "fans",
]
HOUR_S = 3600


class Influx:
    """The HTTP API of an InfluxDB 1.x."""

    def __init__(self, url):
        self.url = url

    def run(self, statements):
        """Run statements that change something."""
        data = urlencode({"q": statements, "db": "powerwall"}).encode()
        with urlopen(Request(f"{self.url}/query", data)) as answer:
            assert b'"error"' not in answer.read().replace(b'"messages"', b"")

    def send_request(self, query):
        """Return the rows of all series as objects."""
        answer = get_json(f"{self.url}/query", db="powerwall", q=query)
        series = [series for result in answer["results"] for series in result.get("series", [])]
        return [dict(zip(each["columns"], row, strict=True)) for each in series for row in each["values"]]

    def write(self, lines):
        """Write points as telegraf does."""
        self.write_to("raw", "\n".join(lines))

    def write_to(self, policy, lines):
        """Write points into a retention policy."""
        request = Request(f"{self.url}/write?db=powerwall&rp={policy}&precision=s", lines.encode())
        with urlopen(request) as answer:
            assert answer.status == 204


@pytest.fixture(scope="module")
def influx(tmp_path_factory):
    """Run InfluxDB with the database that the compose file makes."""
    folder = tmp_path_factory.mktemp("influx")
    address = f"127.0.0.1:{free_port()}"
    (folder / "influxdb.conf").write_text(
        f"""
        reporting-disabled = true
        bind-address = "127.0.0.1:{free_port()}"
        [meta]
        dir = "{folder}/meta"
        [data]
        dir = "{folder}/data"
        wal-dir = "{folder}/wal"
        [http]
        bind-address = "{address}"
        """
    )
    command = ["influxd", "-config", str(folder / "influxdb.conf")]
    with running(command, f"http://{address}/ping", folder / "influxd.log"):
        influx = Influx(f"http://{address}")
        make_database(influx.url, folder)
        yield influx


def make_database(url, folder):
    """Run the file that the entry point of the image runs when the data folder is empty."""
    execute = folder / "execute.py"
    execute.write_text(EXECUTE)
    environment = {
        "INFLUX_CMD": f"{sys.executable} {execute} {url}",
        "INIT_IQL": str(INFLUXDB / "init.iql"),
        "PW_TIMEZONE": ZONE,
        "PATH": "/usr/bin:/bin",
    }
    command = ["sh", "-ec", '. "$0"', str(INFLUXDB / "init.sh")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert '"error"' not in done.stdout


async def rounds(proxy, count, step_s):
    """Return the lines that telegraf writes in some rounds, the last of them now."""
    reported = await gather(proxy)
    assert reported.errors == {}
    now = int(time.time())
    month = datetime.fromtimestamp(now, UTC)
    tags = f"month={month:%b},year={month:%Y}"
    return [
        f"{measurement},{tags},url={path.replace('=', '')} "
        + ",".join(f"{name}={value}" for name, value in fields.items())
        + f" {now - step_s * back}"
        for back in range(count)
        for measurement, by_path in reported.points.items()
        for path, fields in by_path.items()
        if fields
    ]


def thin_out(influx):
    """Run every continuous query once for the last two days: in the test there is no time for them.

    In the zone of the database: its own run of a query then writes the same points.
    """
    for select in re.findall(r"BEGIN (SELECT .*) END;", INIT.replace("tz('UTC')", f"tz('{ZONE}')")):
        head, _, group = select.rpartition(" GROUP BY ")
        influx.run(f"{head} WHERE time > now() - 2d GROUP BY {group}")


def test_the_database_is_made_as_dashboards_expect_it(influx):
    policies = influx.send_request("SHOW RETENTION POLICIES ON powerwall")

    assert {row["name"] for row in policies} == set(POLICIES)
    assert [row["duration"] for row in policies if row["name"] == "raw"] == ["72h0m0s"]
    queries = {row["name"]: row["query"] for row in influx.send_request("SHOW CONTINUOUS QUERIES")}
    assert len(queries) == INIT.count("CREATE CONTINUOUS QUERY")
    for name in ("cq_daily", "cq_monthly"):
        assert f"TZ('{ZONE}')" in queries[name].replace("tz(", "TZ("), "days begin at midnight of the house"


def test_telegraf_requests_the_eight_routes():
    requested = {
        (urlparse(url).path, block.get("name_override", "http"))
        for block in TELEGRAF["inputs"]["http"]
        for url in block["urls"]
    }

    assert requested == set(MEASUREMENTS.items())
    assert {block["timeout"] for block in TELEGRAF["inputs"]["http"]} == {"4s"}
    assert {block["timezone"] for block in TELEGRAF["processors"]["date"]} == {"${PW_TIMEZONE}"}
    [output] = TELEGRAF["outputs"]["influxdb"]
    assert (output["database"], output["retention_policy"]) == ("powerwall", "raw")


async def test_what_telegraf_stores_can_be_queried(influx, proxy):
    """Powers by the minute, energies by hour, day and month, and the devices."""
    influx.write(await rounds(proxy, count=2 * HOUR_S // 20, step_s=20))
    thin_out(influx)
    since = "WHERE time > now() - 400d"
    reported = (await proxy.get("/aggregates")).json()

    powers = influx.send_request(f"SELECT mean(home) AS home, mean(to_pw) AS to_pw FROM autogen.http {since}")
    assert powers[0]["home"] == pytest.approx(reported["load"]["instant_power"], rel=0.02)
    assert powers[0]["to_pw"] == pytest.approx(max(-reported["battery"]["instant_power"], 0), rel=0.02)
    [hour, *_] = influx.send_request(f"SELECT max(solar) AS solar FROM kwh.http {since}")
    assert hour["solar"] == pytest.approx(reported["solar"]["instant_power"] / 1000, rel=0.05)
    for policy in ("daily", "monthly"):
        [total] = influx.send_request(f"SELECT sum(solar) AS solar FROM {policy}.http {since}")
        assert total["solar"] == pytest.approx(2 * reported["solar"]["instant_power"] / 1000, rel=0.1)

    for policy, field, measurement in (
        ("strings", "A_Power", "http"),
        ("strings", "Inverter1", "http"),
        ("pwtemps", "PW1_temp", "http"),
        ("vitals", "ISLAND_VL1N_Main", "http"),
        ("vitals", "load_instant_average_voltage", "http"),
        ("grid", "grid_status", "http"),
        ("pod", "PW1_POD_nom_full_pack_energy", "http"),
        ("alerts", "max_SystemConnectedToGrid", "alerts"),
    ):
        assert influx.send_request(f"SELECT last({field}) AS value FROM {policy}.{measurement} {since}"), (
            field
        )

    for panel in (*BOARD["panels"], *(inner for row in BOARD["panels"] for inner in row.get("panels", []))):
        for target in panel.get("targets", []):
            query = target["query"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            values = [
                row
                for row in influx.send_request(query)
                if any(v is not None for k, v in row.items() if k != "time")
            ]
            assert bool(values) == (panel["title"] not in EMPTY), query
