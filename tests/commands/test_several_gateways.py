"""The commands with a list of gateways: one of them is meant by --gateway, or all."""

import json

import pytest

from tests.commands.conftest import send_request

CONFIG_ERROR = 78
LISTED = [
    {"id": "house", "host": "127.0.0.1:9", "password": "customer", "timeout": 1},
    {"id": "garage", "host": "127.0.0.1:9", "gw_pwd": "ABCDEFGHIJ", "type": "inverter", "timeout": 1},
]
PW_GATEWAYS = json.dumps(LISTED)


def test_check_lists_the_gateways_and_their_totals(command, tmp_path):
    config = tmp_path / "proxy.toml"
    config.write_text(
        '[[gateway]]\nid = "house"\nhost = "192.168.1.50"\npassword = "customer"\nsite = "home"\nlisten = 8676\n'
        '[[gateway]]\nid = "garage"\nhost = "10.0.0.9"\ngw_pwd = "ABCDEFGHIJ"\nsite = "home"\ntype = "inverter"\n'
    )

    shown = command("check", PW_CONFIG=str(config))

    _, _, table = shown.stdout.partition("Gateways (")
    assert [line.split() for line in table.splitlines()[1:4]] == [
        ["house", "192.168.1.50", "local,", "site", "home,", "port", "8676"],
        ["garage", "10.0.0.9", "full,", "inverter,", "site", "home"],
        ["site", "home", "house", "+", "garage", "total"],
    ]
    assert "customer" not in shown.stdout


def test_every_problem_of_a_list_ends_the_start_at_once(command):
    shown = command("serve", PW_GATEWAYS='[{"id": "site", "host": "a", "passwrd": "x"}, {"id": "b"}]')

    assert shown.returncode == CONFIG_ERROR
    assert shown.stderr.splitlines()[:3] == [
        "powerwall-proxy: gateway site of PW_GATEWAYS: this id has another meaning; choose another.",
        "powerwall-proxy: passwrd in gateway site of PW_GATEWAYS is unknown; did you mean password?",
        "powerwall-proxy: gateway b has no host, and no mode of the cloud.",
    ]


@pytest.mark.parametrize("name", ["doctor", "cert", "health", "pair"])
def test_an_unknown_gateway_is_answered_with_those_that_there_are(command, name):
    shown = command(name, "--gateway", "cabin", PW_GATEWAYS=PW_GATEWAYS)

    assert shown.returncode == CONFIG_ERROR
    assert "--gateway is cabin, but must be one of house, garage." in shown.stderr


def test_what_changes_one_gateway_wants_to_know_which(command):
    for words in (("cert", "accept"), ("pair",)):
        shown = command(*words, PW_GATEWAYS=PW_GATEWAYS)
        assert shown.returncode == CONFIG_ERROR
        assert "pass --gateway and one of house, garage." in shown.stderr


def test_the_doctor_examines_one_gateway_or_all(command):
    both = json.loads(command("doctor", "--json", PW_GATEWAYS=PW_GATEWAYS).stdout)
    one = json.loads(command("doctor", "--json", "--gateway", "house", PW_GATEWAYS=PW_GATEWAYS).stdout)

    assert list(both["gateways"]) == ["house", "garage"]
    assert one["cause"] == both["gateways"]["house"]["cause"] == "port"


def test_a_key_is_made_in_the_folder_of_its_gateway(command):
    """It is for no other gateway: it has to be named in the entry of this one."""
    shown = command("pair", "--gateway", "garage", PW_GATEWAYS=PW_GATEWAYS, PW_STATE_PATH=str(command.home))

    key = command.home / "gateways" / "garage" / "v1r.pem"
    assert shown.returncode == 0
    assert key.exists()
    assert "for gateway garage in PW_GATEWAYS:" in shown.stdout
    assert f"rsa_key_path: {key}\n" in shown.stdout
    assert "PW_RSA_KEY_PATH" not in shown.stdout


def test_two_simulated_houses_and_their_total_are_shown_at_once(command):
    daemon = command.start("serve", "--demo", "2", PW_PORT="0", PW_BIND_ADDRESS="127.0.0.1")
    port = daemon.port()

    listed = json.loads(send_request(port, "/gateways"))
    total = json.loads(send_request(port, "/sites/home/pw/power"))

    assert [each["id"] for each in listed["gateways"]] == ["house", "garage"]
    assert set(total) == {"site", "solar", "battery", "load"}
    assert None not in total.values()
    assert daemon.ends() == 0
