"""A real Prometheus reads three proxies for twenty seconds, and the dashboards' queries are put to it."""

import json
import subprocess
import time
from contextlib import ExitStack, suppress
from typing import NamedTuple
from urllib.error import HTTPError

import pytest
import yaml

from proxy.metrics.proxy_metrics import PROXY_METRICS
from proxy.metrics.site_metrics import SITE_METRICS
from tests.stack.servers import ROOT, SECRET, bereft, demo, free_port, get, get_json, post, running

DEPLOY = ROOT / "deploy"
SECONDS = 20
STEP_S = 2
# One with vitals, and one with two packs that is read through TEDAPI, too.
PERSONAS = ("fw21_44", "fw25_10")
VARIABLES = {
    "$gateway": "default",
    "$__rate_interval": "10s",
    "$__range": f"{SECONDS}s",
    "$buy": "0.30",
    "$sell": "0.08",
    "$ttl": "5",
    " offset -1d": "",  # a bar begins with its day; that of today is not over
}
# Panels that stay empty here: the hardware does not measure it, no link leads through the cloud, or the feature is off.
ELSEWHERE = {
    "Fans",
    "Current of phases",
    "Vehicle chargers",
    "Requests to the cloud this month",
    "MQTT: messages, connection",
    "Alarms: messages, waiting",
    "Replicas: state, messages",
    "Replicas: Redis",
}


def promtool(*words):
    done = subprocess.run(
        ["promtool", *words], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def panels():
    """Every query of every panel."""
    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        board = json.loads(path.read_text("utf-8"))
        for panel in (
            *board["panels"],
            *(inner for row in board["panels"] for inner in row.get("panels", [])),
        ):
            for number, target in enumerate(panel.get("targets", [])):
                yield pytest.param(
                    panel["title"], target["expr"], id=f"{path.stem}-{panel['title']}-{number}"
                )


class Prometheus(NamedTuple):
    """The URL of the API, the moment to query, and the address of the proxy that lost its gateway."""

    url: str
    at: float
    lonely: str


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """Run everything while visitors come; halfway, one proxy loses its gateway."""
    folder = tmp_path_factory.mktemp("prometheus")
    with ExitStack() as stack:
        demos = [stack.enter_context(demo(folder, persona)) for persona in PERSONAS]
        lonely, take_away = stack.enter_context(bereft(folder))
        config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
        config["global"] = {"scrape_interval": f"{STEP_S}s", "evaluation_interval": f"{STEP_S}s"}
        rules = (DEPLOY / "prometheus" / "rules.yml").read_text("utf-8")
        (folder / "rules.yml").write_text(rules.replace("interval: 1m", f"interval: {STEP_S}s"), "utf-8")
        config["rule_files"] = ["rules.yml"]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [*demos, lonely]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
        address = f"127.0.0.1:{free_port()}"
        command = [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
        ]
        for proxy in (*demos, lonely):
            get(f"http://{proxy}/metrics")  # the first scrape imports what it needs
        server = stack.enter_context(running(command, f"http://{address}/-/ready", folder / "prometheus.log"))
        ends = time.monotonic() + SECONDS
        while (left := ends - time.monotonic()) > 0:
            if left < SECONDS / 2:
                take_away()
            for proxy in demos:
                request_everything(f"http://{proxy}")
            server.stays(0.5)
        yield Prometheus(f"http://{address}/api/v1", time.time(), lonely)


def request_everything(proxy):
    """Do once what people and programs do, so that every panel has something to show."""
    openc2 = {"Content_Type": "application/openc2-cmd+json;version=1.0", "Authorization": f"Bearer {SECRET}"}
    for path in ("/aggregates", "/soe", "/gateway"):
        get(proxy + path)
    post(f"{proxy}/.well-known/openc2", '{"action": "query", "target": {"features": []}}', **openc2)
    with suppress(HTTPError):  # what this firmware does not offer: some error has to be seen
        get(f"{proxy}/api/system/networks")
    with suppress(HTTPError):  # too much to be written
        post(f"{proxy}/control/reserve", f"value=130&token={SECRET}")


def send_request(prometheus, query):
    answer = get_json(f"{prometheus.url}/query", query=query, time=str(prometheus.at))
    assert answer["status"] == "success"
    return answer["data"]["result"]


def test_every_scrape_succeeds(prometheus):
    assert [series["value"][1] for series in send_request(prometheus, f"min_over_time(up[{SECONDS}s])")] == [
        "1"
    ] * 3
    assert all(
        int(s["value"][1]) >= SECONDS / STEP_S / 2
        for s in send_request(prometheus, f"count_over_time(up[{SECONDS}s])")
    )


def test_readings_of_a_lost_gateway_end_while_its_proxy_stays_up(prometheus):
    """Neither 0 nor frozen: Prometheus sees the series end."""
    here = f'{{instance="{prometheus.lonely}"}}'

    assert send_request(prometheus, f"count_over_time(powerwall_instant_power_watts{here}[{SECONDS}s])") != []
    assert send_request(prometheus, f"powerwall_instant_power_watts{here}") == []
    assert [series["value"][1] for series in send_request(prometheus, f"up{here}")] == ["1"]
    assert (
        send_request(
            prometheus, f'powerwall_proxy_link_state{{instance="{prometheus.lonely}",state="closed"}} == 0'
        )
        != []
    )


def test_prometheus_learns_types_and_meanings(prometheus):
    """It requests OpenMetrics, where counters are declared without their suffix."""
    reported = get_json(f"{prometheus.url}/metadata")["data"]
    rows = {row.base: row for row in (*SITE_METRICS, *PROXY_METRICS) if row.base in reported}

    assert len(rows) > 70
    for name, row in rows.items():
        assert reported[name] == [{"type": row.kind.value, "help": row.help, "unit": row.unit}]


def test_a_scrape_loses_nothing(prometheus):
    for series in send_request(prometheus, "scrape_samples_scraped - scrape_samples_post_metric_relabeling"):
        assert series["value"][1] == "0"


@pytest.mark.parametrize(("title", "query"), list(panels()))
def test_every_panel_shows_something(prometheus, title, query):
    for name, value in VARIABLES.items():
        query = query.replace(name, value)

    assert send_request(prometheus, query) != [] or title in ELSEWHERE


def test_rules_are_loaded_and_nothing_alarms(prometheus):
    groups = get_json(f"{prometheus.url}/rules")["data"]["groups"]
    written = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))["groups"]

    names = sorted(rule.get("alert") or rule["record"] for group in written for rule in group["rules"])
    assert sorted(rule["name"] for group in groups for rule in group["rules"]) == names
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
    assert send_request(prometheus, 'ALERTS{alertstate="firing",severity="critical"}') == []


def test_power_from_the_counters_is_the_power_of_the_meters(prometheus):
    """The rate of joules is watts: counters and gauges agree on a quiet meter."""
    [counted] = send_request(
        prometheus, 'max(rate(powerwall_energy_joules_total{meter="load",direction="imported"}[15s]))'
    )

    assert float(counted["value"][1]) > 0


def test_rules_keep_their_promises():
    promtool("check", "rules", "rules.yml")
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "rules_test.yml")


def test_every_alert_says_what_is_wrong():
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))
    alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
    tested = (DEPLOY / "prometheus" / "rules_test.yml").read_text("utf-8")

    assert all(rule["annotations"]["summary"].endswith(".") for rule in alerts)
    assert all(rule["alert"] in tested for rule in alerts)
