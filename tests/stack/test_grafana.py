"""The dashboards and their provisioning, as far as that shows without Grafana."""

import json

import pytest
import yaml

from tests.stack.servers import ROOT

GRAFANA = ROOT / "deploy" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))


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


def test_provisioning_leads_to_the_dashboards_and_the_servers():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    mounts = dict(mount.split(":")[:2] for mount in compose["services"]["grafana"]["volumes"])
    provider = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "powerwall.yml").read_text("utf-8"))
    sources = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "powerwall.yml").read_text("utf-8"))

    [folder] = [each["options"]["path"] for each in provider["providers"]]
    assert mounts["./deploy/grafana/dashboards"] == folder
    hosts = {source["url"].split("/")[2].split(":")[0] for source in sources["datasources"]}
    assert hosts <= compose["services"].keys()
    default = json.loads(DASHBOARDS[0].read_text("utf-8"))["templating"]["list"][0]["current"]["value"]
    assert default in {source["uid"] for source in sources["datasources"]}
