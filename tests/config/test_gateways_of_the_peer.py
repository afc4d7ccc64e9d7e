"""Lists and files of gateways as pypowerwall-server has them."""

import json
import sys

import pytest

from proxy.config.cloud import cloud_mode
from proxy.config.load import load
from tests.config.gateways import HOME, problems, write

SERVER = {
    "server": {"host": "127.0.0.1", "port": 8000},
    "gateways": [
        {"id": "house", "name": "House", "host": "192.168.1.50", "port": 8443, "gw_pwd": "ABCDEFGHIJ"},
        {"id": "roof", "host": "10.0.0.9", "password": "customer", "type": "inverter", "email": None},
    ],
}


@pytest.mark.parametrize("form", ["json", "yaml", "conf"])
def test_the_file_of_pypowerwall_server_is_read(tmp_path, form):
    """JSON is a part of YAML, so one text is both; without a suffix its first character decides."""
    loaded = load({**HOME, "PW_CONFIG": write(tmp_path, json.dumps(SERVER), f"config.{form}")})

    house, roof = loaded.settings.gateways
    assert (loaded.settings.bind_address, loaded.settings.port) == ("127.0.0.1", 8000)
    assert (house.host, house.gw_pwd, house.name) == ("192.168.1.50:8443", "ABCDEFGHIJ", "House")
    assert (roof.type, roof.password) == ("inverter", "customer")


def test_the_environment_wins_over_the_file_of_pypowerwall_server_with_a_warning(tmp_path):
    """There the file wins."""
    path = write(tmp_path, json.dumps(SERVER), "config.json")

    loaded = load({**HOME, "PW_CONFIG": path, "PW_BIND_ADDRESS": "::1"})

    assert loaded.settings.bind_address == "::1"
    assert loaded.warnings == (f"server.host in {path} is ignored: PW_BIND_ADDRESS takes precedence here.",)


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("192.168.1.50", 8443, "192.168.1.50:8443"),
        ("192.168.1.50", "8443", "192.168.1.50:8443"),
        ("192.168.1.50:8443", 8443, "192.168.1.50:8443"),
        ("http://192.168.1.50", 8080, "http://192.168.1.50:8080"),
        ("fd00::1", 8443, "[fd00::1]:8443"),
    ],
)
def test_the_port_of_an_entry_of_pypowerwall_server_joins_its_host(host, port, address):
    listed = json.dumps([{"id": "house", "host": host, "port": port, "password": "customer"}])

    assert load({**HOME, "PW_GATEWAYS": listed}).settings.gateways[0].host == address


@pytest.mark.parametrize(
    ("host", "port"), [("192.168.1.50:8443", 443), ("192.168.1.50", 70000), ("a.lan", "x")]
)
def test_a_port_that_cannot_be_that_of_the_host_is_a_problem(host, port):
    first, *_ = problems(PW_GATEWAYS=json.dumps([{"id": "house", "host": host, "port": port}]))

    assert first.startswith(f'host in gateway house of PW_GATEWAYS is "{host}:{port}", but must be ')


def test_yaml_is_recognised_without_a_suffix(tmp_path):
    text = "server:\n  port: 8000\ngateways:\n  - id: house\n    host: 192.168.1.50\n    password: customer\n"

    assert load({**HOME, "PW_CONFIG": write(tmp_path, text, "config")}).settings.port == 8000


def test_without_its_library_yaml_is_refused_in_one_sentence(tmp_path, monkeypatch):
    path = write(tmp_path, "gateways:\n  - id: house\n", "gateways.yaml")
    monkeypatch.setitem(sys.modules, "yaml", None)

    assert problems(PW_CONFIG=path) == [
        f"PW_CONFIG: {path} is YAML, and PyYAML is missing: "
        "install powerwall-proxy[yaml], or write the file as JSON or TOML."
    ]


def test_the_list_of_pypowerwall_server_may_name_the_cloud():
    """Its flags are modes here. Which site of the account it is has to be said when there are several gateways."""
    entry = {"id": "cabin", "email": "owner@example.com", "authpath": "/auth", "cloud_mode": True}

    (alone,) = load({**HOME, "PW_GATEWAYS": json.dumps([entry])}).settings.gateways
    assert (alone.cloud_mode, alone.auth_path, alone.email) == ("owner", "/auth", "owner@example.com")
    quoted = [{**entry, "cloud_mode": "false", "fleetapi": "true"}]
    assert load({**HOME, "PW_GATEWAYS": json.dumps(quoted)}).settings.gateways[0].cloud_mode == "fleet"
    assert problems(PW_GATEWAYS=json.dumps([{**entry, "fleetapi": "maybe"}])) == [
        "fleetapi in gateway cabin of PW_GATEWAYS is unknown; did you mean fleetapi_http?"
    ]

    house = {"id": "house", "host": "192.168.1.50", "password": "customer"}
    assert problems(PW_GATEWAYS=json.dumps([house, {**entry, "fleetapi": True}])) == [
        "gateway cabin: siteid is missing, which says what site of the cloud's account this is."
    ]


@pytest.mark.parametrize(
    ("fields", "file", "content", "mode"),
    [
        ({"cloud_mode": True}, ".pypowerwall.site", "1234567890123456\n", "owner"),
        ({"fleetapi": True}, ".pypowerwall.fleetapi", '{"site_id": 1234567890123456}', "fleet"),
        ({}, ".pypowerwall.fleetapi", '{"site_id": "1234567890123456"}', "fleet"),
    ],
)
def test_the_sign_in_of_one_gateway_of_a_list_may_say_what_site_it_is(tmp_path, fields, file, content, mode):
    """Where two gateways share a sign-in, it says so of neither; nor does one that names no site."""
    house = {"id": "house", "host": "192.168.1.50", "password": "customer"}
    cabin = {"id": "cabin", "email": "owner@example.com", "authpath": str(tmp_path), **fields}
    given = {"PW_GATEWAYS": json.dumps([house, cabin])}
    (tmp_path / file).write_text(content)

    assert [cloud_mode(each) for each in load({**HOME, **given}).settings.gateways] == ["", mode]
    shared = problems(PW_GATEWAYS=json.dumps([house, cabin, {**cabin, "id": "lodge"}]))
    (tmp_path / file).write_text("{}")
    unnamed = problems(**given)

    missing = "gateway {}: siteid is missing, which says what site of the cloud's account this is.".format
    assert shared == [missing("cabin"), missing("lodge")]
    assert unnamed == [missing("cabin")]


def test_a_sign_in_beside_a_gateway_of_a_list_is_for_the_one_whose_folder_it_is(tmp_path):
    """A folder that two name, or that of all, is for none: nothing says which of them is this site of the account."""
    (tmp_path / ".pypowerwall.auth").write_text("{}")
    (tmp_path / ".pypowerwall.site").write_text("1234567890123456")
    house = {"id": "house", "host": "192.168.1.50", "password": "customer"}
    garage = {"id": "garage", "host": "10.0.0.9", "password": "customer"}
    own = {"authpath": str(tmp_path), "email": "owner@example.com"}

    def modes(*entries, **more):
        loaded = load({**HOME, "PW_GATEWAYS": json.dumps(entries), **more})
        return [cloud_mode(each) for each in loaded.settings.gateways]

    assert modes({**house, **own}, garage) == ["owner", ""]
    assert modes({**house, **own}, {**garage, **own}) == ["", ""]
    assert modes(house, garage, PW_AUTH_PATH=str(tmp_path)) == ["", ""]


def test_settings_of_pypowerwall_server_without_a_meaning_are_named_with_the_reason():
    given = {"PW_WORKERS": "4", "PW_TEDAPI_AUTH_MODE": "basic"}

    assert load({**HOME, "PW_HOST": "a.lan", "PW_PASSWORD": "customer", **given}).warnings == (
        "PW_TEDAPI_AUTH_MODE has no meaning here and is ignored: the gateway's password is sent with each request (HTTP Basic).",
        "PW_WORKERS has no meaning here and is ignored: one process serves all clients.",
    )
