"""The dashboards and their provisioning, as far as that shows without Grafana."""

import json

import pytest
import yaml

from tests.stack.servers import ROOT

GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARDS = sorted(
    path for folder in ("dashboards", "influxdb") for path in (GRAFANA / folder).glob("*.json")
)


def panels(board):
    return [*board["panels"], *(inner for row in board["panels"] for inner in row.get("panels", []))]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_find_their_data_through_the_variable(path):
    """So that a dashboard can be imported into an existing Grafana."""
    board = json.loads(path.read_text("utf-8"))
    shown = [panel for panel in panels(board) if panel.get("targets")]

    assert board["templating"]["list"][0]["type"] == "datasource"
    assert {panel["datasource"]["uid"] for panel in shown} == {"${datasource}"}
    assert {target["datasource"]["uid"] for panel in shown for target in panel["targets"]} == {
        "${datasource}"
    }


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_have_names_and_places_of_their_own(path):
    board = json.loads(path.read_text("utf-8"))
    everything = panels(board)
    cells = [
        (x, y)
        for panel in board["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in everything}) == len(everything)
    assert len(cells) == len(set(cells)), "panels overlap"
    assert all(panel["title"] for panel in everything)


@pytest.mark.parametrize(
    ("service", "database"), [("grafana", "prometheus"), ("grafana-influxdb", "influxdb")]
)
def test_each_profile_has_the_dashboards_that_find_their_data_in_its_database(service, database):
    """The Grafana of a profile is provisioned with one data source, which the profile starts, and dashboards for it."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    mounts = {
        inside: ROOT / ours for ours, inside, *_ in (it.split(":") for it in compose[service]["volumes"])
    }
    [provider] = (mounts["/etc/grafana/provisioning/dashboards"]).glob("*.yml")
    [folder] = [each["options"]["path"] for each in yaml.safe_load(provider.read_text("utf-8"))["providers"]]
    [given] = [
        path for inside, path in mounts.items() if inside.startswith("/etc/grafana/provisioning/datasources/")
    ]
    [source] = yaml.safe_load(given.read_text("utf-8"))["datasources"]
    boards = [json.loads(path.read_text("utf-8")) for path in mounts[folder].glob("*.json")]

    assert source["url"].startswith(f"http://{database}:")
    assert compose[database]["profiles"] == compose[service]["profiles"]
    assert boards
    for board in boards:
        variable = board["templating"]["list"][0]
        assert (variable["query"], variable["current"]["value"]) == (source["type"], source["uid"])
