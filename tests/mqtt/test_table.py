"""The table of entities: complete, and in the words that Home Assistant has."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.mqtt.discovery import CONTROL_ENTITIES, Place, devices, singles
from proxy.mqtt.document import Catalogue
from proxy.mqtt.entities import ENTITIES
from proxy.mqtt.facts import Facts
from proxy.mqtt.survey import Survey
from proxy.views.options import Options
from proxy.views.quantities import PACK_QUANTITIES, QUANTITIES
from proxy.views.state import site_state
from tests.mqtt.everything import facts

ROOT = Path(__file__).parents[2]
PLACE = Place("pypowerwall", "homeassistant", "default")
# What Home Assistant takes together (its integration "sensor"): class, unit, state class.
SENSORS = {
    ("", "", ""),
    ("", "", "measurement"),
    ("", "%", "measurement"),
    ("", "rpm", "measurement"),
    ("battery", "%", "measurement"),
    ("power", "W", "measurement"),
    ("energy", "Wh", "total_increasing"),
    ("energy_storage", "Wh", "measurement"),
    ("voltage", "V", "measurement"),
    ("current", "A", "measurement"),
    ("frequency", "Hz", "measurement"),
    ("temperature", "°C", "measurement"),
    ("duration", "h", "measurement"),
    ("enum", "", ""),
    ("timestamp", "", ""),
}
BINARY_SENSORS = {"", "connectivity", "problem"}
# Quantities that are no entities: what they say stands elsewhere, or is of interest to those who debug.
LEFT_OUT = {
    "reserve",  # of the whole pack; the app's is what people set
    "site_name",  # the name of the device
    "running",
    "uptime",
    "load_exported",
    "solar_imported",
    "generator_power",
    "generator_imported",
    "generator_exported",
    "flow_n2h",
    "flow_n2b",
    "flow_home",  # the home load
    "flow_unserved",
    "flow_unbalanced",
}

# The same of packs: of the inverter within, of interest to those who debug, or shown by temperatures of units.
PACKS_LEFT_OUT = {
    "reactive_power",
    "voltage",
    "current",
    "frequency",
    "charged",
    "discharged",
    "temperature",
    "state",
    "backup_ready",
    "off_grid",
    "disabled_reasons",
    "version",
}


def published(count=2):
    catalogue, known = Catalogue(), facts(count)
    return catalogue, known, catalogue.publication(known, lambda _, reading: reading)


def announced(count=2, controls=frozenset(row.control for row in CONTROL_ENTITIES)):
    catalogue, known, _ = published(count)
    return dict(devices(PLACE, known.state, tuple(catalogue.existing.values()), controls, 1))


def components():
    return [found for payload in announced().values() for found in payload["components"].values()]


def test_every_quantity_is_an_entity_or_left_out_for_a_reason():
    shown = {row.quantity for row in ENTITIES if row.quantity}

    assert shown | LEFT_OUT == {row.name for row in QUANTITIES}
    assert not shown & LEFT_OUT


def test_a_row_that_projects_no_quantity_is_one_of_those_that_are_none():
    """What the meter of the grid shows as an average, the rules of the grid, and the reading itself."""
    assert {row.suffix for row in ENTITIES if not row.quantity} == {
        *("grid_voltage", "grid_current", "frequency"),
        *("grid_charging", "grid_export"),
        *("online", "last_reading"),
    }


def test_every_quantity_of_a_pack_is_an_entity_or_left_out_for_a_reason():
    shown = {row.quantity for row in published()[0].rows.values() if row.unit_of and row.quantity}

    assert shown | PACKS_LEFT_OUT == {row.name for row in PACK_QUANTITIES}
    assert not shown & PACKS_LEFT_OUT


def test_every_row_is_in_the_document_the_topics_the_discovery_and_the_documentation():
    catalogue, _, publication = published()
    document, page = json.loads(publication.status.payload), (ROOT / "docs/mqtt.md").read_text("utf-8")
    gateway = announced()["homeassistant/device/pypowerwall_default/config"]["components"]

    assert {row.suffix for row in ENTITIES} <= catalogue.existing.keys()
    for row in ENTITIES:
        assert document[row.path[0]] is not None, row
        assert not row.topic or publication.values[row.topic].payload, row
        assert gateway[row.suffix]["value_template"] == f'{{{{ value_json["{row.path[0]}"] }}}}'
        assert f"| {row.name}" in page


def test_ids_topics_and_keys_are_unique_and_have_no_odd_characters():
    catalogue, *_ = published()
    rows = catalogue.rows.values()

    for key in (lambda row: row.suffix, lambda row: row.path, lambda row: row.topic or row.suffix):
        assert len({key(row) for row in rows}) == len(catalogue.rows)
    for topic, payload in announced().items():
        assert re.fullmatch(r"homeassistant/device/[A-Za-z0-9_-]+/config", topic)
        assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in payload["components"])


@pytest.mark.parametrize("found", components(), ids=lambda found: found["unique_id"])
def test_classes_units_and_categories_go_together(found):
    match found["platform"]:
        case "sensor":
            marks = tuple(
                found.get(key, "") for key in ("device_class", "unit_of_measurement", "state_class")
            )
            assert marks in SENSORS
            assert ("options" in found) == (marks[0] == "enum")
            assert "suggested_display_precision" not in found or marks[2]
        case "binary_sensor":
            assert found.get("device_class", "") in BINARY_SENSORS
            assert {found["payload_on"], found["payload_off"]} == {"True", "False"}
        case _:
            assert found["command_topic"].endswith("/set")
            assert "expire_after" not in found
    assert found.get("entity_category", "diagnostic") == "diagnostic"
    assert found.get("expire_after", 120) == 120


def test_the_gateway_is_announced_before_the_units_that_belong_to_it():
    (_, gateway), *units = announced().items()

    assert gateway["device"]["identifiers"] == ["pypowerwall_default"]
    assert (
        gateway["device"]
        | {
            "name": "Home",
            "model": "Powerwall 3",
            "sw_version": "25.42.2",
            "serial_number": "TG000000000000",
        }
        == gateway["device"]
    )
    assert len(units) == 2
    for _, unit in units:
        assert unit["device"]["via_device"] == "pypowerwall_default"
    assert all(
        payload["origin"]["name"] and payload["availability_mode"] == "all"
        for payload in announced().values()
    )


def test_no_payload_is_too_large_for_a_broker_with_ten_packs():
    _, _, publication = published(10)

    payloads = [json.dumps(payload) for payload in announced(10).values()] + [publication.status.payload]
    assert max(map(len, payloads)) < 64 * 1024


def test_a_control_that_is_not_offered_removes_its_entity():
    [gateway, *_] = announced(controls=frozenset({"mode"})).values()

    assert gateway["components"]["mode_control"]["command_topic"] == "pypowerwall/default/control/mode/set"
    assert gateway["components"]["reserve_control"] == {"platform": "number"}
    assert gateway["components"]["go_off_grid"] == {"platform": "button"}


def test_single_announcements_say_the_same_each_by_itself():
    catalogue, known, _ = published()
    rows = tuple(catalogue.existing.values())

    found = dict(singles(PLACE, known.state, rows, {"mode"}, 1))

    assert found["homeassistant/number/pypowerwall_default_reserve_control/config"] is None
    solar = found["homeassistant/sensor/pypowerwall_default_solar/config"]
    assert solar["unique_id"] == "pypowerwall_default_solar"
    assert solar["device"]["identifiers"] == ["pypowerwall_default"]
    assert solar["state_topic"] == "pypowerwall/default/status"
    unit = found["homeassistant/sensor/pypowerwall_default_battery_1_capacity/config"]
    assert unit["device"]["via_device"] == "pypowerwall_default"
    assert "components" not in unit


def test_nothing_is_known_of_a_gateway_that_is_away():
    """Every key is there, and every one but online is null; so no template of Home Assistant fails."""
    catalogue, *_ = published()
    nothing = catalogue.publication(Facts(site_state({}, Options(), {})), lambda _, reading: reading)
    document = json.loads(nothing.status.payload)

    assert document.pop("online") is False
    assert document.pop("batteries") == []
    assert set(leaves(document)) == {None}
    assert {topic: text.payload for topic, text in nothing.values.items()} == {"online": "false"}


def leaves(value):
    if isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    else:
        yield value


def test_a_pair_has_a_sum_only_if_both_strings_are_known():
    catalogue, known = Catalogue(), facts(1)
    known = replace(known, strings={**known.strings, "B": {"Voltage": 200.0, "Power": None, "Current": None}})

    values = catalogue.publication(known, lambda _, reading: reading).values

    assert values["strings/AB/voltage"].payload == "200.00"
    assert "strings/AB/power" not in values
    assert values["strings/CD/power"].payload == "400.00"


def test_other_servers_are_recognized_by_what_they_left():
    online = {"pypowerwall/availability": b"online"}

    peer = {**online, "pypowerwall/default/availability": b"online"}
    assert Survey(peer).other_server("pypowerwall") == "pypowerwall-server"
    stopped = {**online, "pypowerwall/default/availability": b"offline"}
    assert Survey(stopped).other_server("pypowerwall") == ""
    ours = {**peer, "pypowerwall/server": b'{"client_id": "me"}'}
    assert Survey(ours).other_server("pypowerwall") == "me"
    left = {**peer, "pypowerwall/server": b'{"client_id": ""}'}
    assert Survey(left).other_server("pypowerwall") == ""
    gone = {"pypowerwall/availability": b"offline", "pypowerwall/server": b"{"}
    assert Survey(gone).other_server("pypowerwall") == ""
