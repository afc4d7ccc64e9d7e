"""The names of metrics are the same in the design, in the code and on the dashboards."""

import json
import re
from pathlib import Path

import pytest
import yaml

from proxy.metrics.families import Kind
from proxy.metrics.proxy_metrics import PROXY_METRICS
from proxy.metrics.site_metrics import SITE_METRICS
from tests.shared import SHARED

ROOT = Path(__file__).parents[2]
FAMILIES = (*SITE_METRICS, *PROXY_METRICS)
KINDS = {"G": Kind.GAUGE, "C": Kind.COUNTER, "histogram": Kind.HISTOGRAM}
# Of the design, but there is nothing yet that they could tell of: MQTT is not spoken.
MISSING = {"powerwall_proxy_mqtt_connected", "powerwall_proxy_mqtt_messages_total"}
# Beyond the design: attacks, overload, impossible values and spent requests that an operator should know of.
ADDED = {
    "powerwall_proxy_implausible_values_total": (Kind.COUNTER, {"gateway", "metric"}),
    "powerwall_proxy_connections": (Kind.GAUGE, set()),
    "powerwall_proxy_connections_refused_total": (Kind.COUNTER, set()),
    "powerwall_proxy_tokens_refused_total": (Kind.COUNTER, {"door", "reason"}),
    "powerwall_proxy_month_reads": (Kind.GAUGE, {"gateway", "driver"}),
    "powerwall_proxy_month_commands": (Kind.GAUGE, {"gateway", "driver"}),
    "powerwall_proxy_month_budget": (Kind.GAUGE, {"gateway", "driver"}),
    "powerwall_proxy_month_reads_left": (Kind.GAUGE, {"gateway", "driver"}),
}
# Series that prometheus-client and Prometheus itself make.
FOREIGN = re.compile(r"process_\w+|python_info|up|ALERTS")
NAME = re.compile(r"\b(?:powerwall[_:]\w[\w:]*|process_\w+|up)\b(?!\s*[=(])")


def designed():
    """Kind and labels of every name that is to be: those of the design, less what is missing, and what was added."""
    rows = {name: (kind, labels) for name, kind, labels in brief()}
    assert rows.keys() >= MISSING
    assert not rows.keys() & ADDED.keys()
    return {name: row for name, row in rows.items() if name not in MISSING} | ADDED


def brief():
    """Every row of the tables of sections 2 and 3: names, kinds, labels."""
    text = (SHARED / "design" / "observability.md").read_text("utf-8")
    tables = text.partition("## 2.")[2].partition("## 4.")[0]
    for line in tables.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells or not cells[0].startswith("`powerwall"):
            continue
        first, *others = re.findall(r"`([\w…]+)`", cells[0])
        stem = "_".join(first.split("_")[:2])
        names = [first, *(name.replace("…", stem) for name in others)]
        kinds = re.findall(r"histogram|[GC]", cells[1])
        labels = re.sub(r"=.*?(?=,\s*\w+(?:=|,|$)|$)", "", cells[2].replace("`", "").replace("\\|", "/"))
        words = set(re.findall(r"[a-z_]+", re.sub(r"\(, (\w+)\)", r", \1", labels)))
        for position, name in enumerate(names):
            kind = KINDS[kinds[min(position, len(kinds) - 1)]]
            # In a row of a counter and a gauge, the labels are the counter's.
            yield name, kind, words if kind is Kind.COUNTER or len(kinds) == 1 else set()


def test_the_design_and_the_code_have_the_same_families():
    """With the same types."""
    assert {row.name: row.kind for row in FAMILIES} == {name: kind for name, (kind, _) in designed().items()}


def test_the_design_and_the_code_have_the_same_labels():
    """Every metric of the house has the label of its gateway, too, which the design says once for all."""
    assert {row.name: {*row.labels} for row in FAMILIES} == {
        n: labels for n, (_, labels) in designed().items()
    }


def test_names_keep_the_conventions():
    """Counters end in _total, nothing else does; a name says its unit once, and no label again."""
    for row in FAMILIES:
        assert row.name.endswith("_total") == (row.kind is Kind.COUNTER), row.name
        assert re.fullmatch(r"powerwall(_[a-z0-9]+)+", row.name)
        assert not set(row.labels) & {"gateway"} or row in PROXY_METRICS


def shown():
    """Every query of the dashboards, with where it stands."""
    for path in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")):
        for panel in panels(json.loads(path.read_text("utf-8"))):
            for target in panel.get("targets", []):
                yield f"{path.stem}: {panel['title']}", target["expr"]


def queries():
    """Every PromQL expression that is shipped, with where it stands."""
    yield from shown()
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text("utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]


def panels(dashboard):
    """All panels, also those in collapsed rows."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_queries_ask_for_what_there_is(where, query):
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text("utf-8"))
    recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"] if "record" in rule}
    histograms = {f"{row.name}_bucket" for row in FAMILIES if row.kind is Kind.HISTOGRAM}
    known = {row.name for row in FAMILIES} | histograms | recorded

    named = set(NAME.findall(re.sub(r'"[^"]*"', '""', query)))
    assert {name for name in named if not FOREIGN.fullmatch(name)} <= known


def test_the_dashboards_show_every_family():
    """No more and no less than the code has, which is what the design has."""
    names = {name.removesuffix("_bucket") for _, query in shown() for name in NAME.findall(query)}

    assert {name for name in names if not FOREIGN.fullmatch(name)} == {row.name for row in FAMILIES}
