"""The names of metrics are the same in the list, in the code and on the dashboards."""

import json
import re
from pathlib import Path

import pytest
import yaml

from proxy.metrics.families import Kind
from proxy.metrics.proxy_metrics import PROXY_METRICS
from proxy.metrics.site_metrics import SITE_METRICS

ROOT = Path(__file__).parents[2]
FAMILIES = (*SITE_METRICS, *PROXY_METRICS)
# Series that prometheus-client and Prometheus itself make.
FOREIGN = re.compile(
    r"process_\w+|python_info|up|ALERTS|powerwall:\w+:\w+"
)  # the last are recorded by our rules
NAME = re.compile(r"\b(?:powerwall[_:]\w[\w:]*|process_\w+|up)\b(?!\s*[=(])")


def listed():
    """Every line of the list: name, type, labels."""
    for line in (ROOT / "tests" / "metrics" / "names.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            name, kind, *labels = line.split()
            yield name, kind, tuple(labels)


def test_the_families_are_those_of_the_list():
    """With the same types and labels: what users have on their dashboards stays."""
    assert sorted((row.name, row.kind.value, row.labels) for row in FAMILIES) == sorted(listed())


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
def test_queries_have_what_there_is(where, query):
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yml").read_text("utf-8"))
    recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"] if "record" in rule}
    histograms = {f"{row.name}_bucket" for row in FAMILIES if row.kind is Kind.HISTOGRAM}
    known = {row.name for row in FAMILIES} | histograms | recorded

    named = set(NAME.findall(re.sub(r'"[^"]*"', '""', query)))
    assert {name for name in named if not FOREIGN.fullmatch(name)} <= known


def test_the_dashboards_show_every_family():
    """No more and no less than the code has."""
    names = {name.removesuffix("_bucket") for _, query in shown() for name in NAME.findall(query)}

    assert {name for name in names if not FOREIGN.fullmatch(name)} == {row.name for row in FAMILIES}
