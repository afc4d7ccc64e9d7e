"""`check` and what `serve` has in common with it: settings that are wrong, or odd."""

import pytest

from tests.processes import free_port

CONFIG_ERROR = 78


def test_check_shows_what_is_in_force_and_where_it_comes_from(command, tmp_path):
    config = tmp_path / "proxy.toml"
    config.write_text("cache_expire = 7\n")

    shown = command(
        "check",
        PW_HOST="192.168.1.50",
        PW_PASSWORD="correct horse",
        PW_CONFIG=str(config),
        PW_CASH_TTL="3",
    )

    lines = [line.split() for line in shown.stdout.splitlines()]
    assert shown.returncode == 0
    assert ["PW_HOST", "192.168.1.50", "environment"] in lines
    assert ["PW_PASSWORD", "(set,", "not", "shown)", "environment"] in lines
    assert ["PW_CACHE_EXPIRE", "7", str(config)] in lines
    assert "PW_PORT" not in shown.stdout  # what has its default is counted only
    assert "have their defaults: powerwall-proxy check --all" in shown.stdout
    assert "Warning: PW_CASH_TTL is unknown and ignored; did you mean PW_CACHE_TTL?" in shown.stdout
    assert "correct horse" not in shown.stdout + shown.stderr


def test_check_shows_the_defaults_too_on_request(command):
    shown = command("check", "--all", PW_HOST="192.168.1.50", PW_PASSWORD="correct horse")

    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["PW_PORT", "8675", "default"] in lines
    assert ["PW_HOST", "192.168.1.50", "environment"] in lines
    assert "check --all" not in shown.stdout


@pytest.mark.parametrize("name", ["check", "serve"])
def test_wrong_settings_are_listed_and_end_it(command, name):
    """All at once, one line each, nothing else; the exit code stops supervisors from trying again."""
    shown = command(name, PW_PORT="http", PW_TIMEOUT="soon", PW_PASSWORD="correct horse")

    assert shown.returncode == CONFIG_ERROR
    assert shown.stdout == ""
    assert shown.stderr.splitlines() == [
        'powerwall-proxy: PW_TIMEOUT is "soon", but must be a number from 0.1 to 300.',
        'powerwall-proxy: PW_PORT is "http", but must be a whole number from 0 to 65535.',
        "powerwall-proxy: PW_HOST is missing: set it to the address of your gateway, such as 192.168.1.50 "
        "(or sign in to Tesla's cloud with `powerwall-proxy setup`, or try `powerwall-proxy serve --demo`).",
    ]


def test_a_state_folder_is_checked_by_check(command):
    shown = command("check", PW_HOST="gateway.lan", PW_STATE_PATH="/dev/null/state")

    assert shown.returncode == 0
    assert "Warning: /dev/null/state cannot be made" in shown.stdout


def test_check_does_not_try_a_broker_where_it_is_offline(command):
    """So that an installation does not wait for one."""
    settings = {
        "PW_HOST": "gateway.lan",
        "PW_PASSWORD": "x",
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(free_port()),
    }

    assert "Warning: MQTT: The broker" in command("check", **settings).stdout
    assert "Warning" not in command("check", "--offline", **settings).stdout
