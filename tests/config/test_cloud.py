"""The settings of Tesla's cloud: which API they choose, what they cost, and what is wrong with them."""

from __future__ import annotations

import pytest

from proxy.config.cloud import cloud_mode
from proxy.config.load import SettingsError, load


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def loaded(folder, **environ):
    return load({"PW_AUTH_PATH": str(folder), **environ})


@pytest.mark.parametrize(
    ("files", "mode"),
    [
        ([".pypowerwall.fleetapi"], "fleet"),
        ([".pypowerwall.auth"], "owner"),
        ([".pypowerwall.auth", ".pypowerwall.fleetapi"], "fleet"),
    ],
)
def test_the_sign_ins_that_there_are_select_the_api(folder, files, mode):
    """As in the pypowerwall proxy; no other setting is needed."""
    for name in files:
        (folder / name).write_text("{}")

    assert cloud_mode(loaded(folder).settings.gateway) == mode


def test_a_mode_that_is_named_wins(folder):
    (folder / ".pypowerwall.fleetapi").write_text("{}")

    assert cloud_mode(loaded(folder, PW_CLOUD_MODE="owner").settings.gateway) == "owner"
    assert cloud_mode(loaded(folder, PW_CLOUD_MODE="off", PW_HOST="h").settings.gateway) == ""


def test_without_gateway_and_sign_in_there_is_nothing_to_read(folder):
    with pytest.raises(SettingsError, match="PW_HOST is missing"):
        loaded(folder)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"PW_CLOUD_MODE": "fleet", "PW_CLOUD_INTERVAL": "5"},
            "PW_CLOUD_INTERVAL=5 makes 525,000 requests a month, 1,050 USD at list price; "
            "PW_CLOUD_BUDGET stretches it so that 5,000 are enough.",
        ),
        (
            {"PW_CLOUD_MODE": "owner", "PW_CLOUD_INTERVAL": "10"},
            "PW_CLOUD_INTERVAL=10 makes 263,000 requests a month; Tesla and other providers limit",
        ),
        (
            {"PW_CLOUD_MODE": "fleet", "PW_CLOUD_INFO_INTERVAL": "60", "PW_CLOUD_BUDGET": "9000"},
            "PW_CLOUD_INFO_INTERVAL=60 makes 44,000 requests a month, 88 USD at list price; "
            "PW_CLOUD_BUDGET stretches it so that 9,000 are enough.",
        ),
        ({"PW_CLOUD_MODE": "fleet"}, "sign in with powerwall-proxy setup --mode fleet."),
        (
            {"PW_CLOUD_MODE": "fleet", "PW_CLOUD_STALE": "30"},
            "no powers are served for a part of each interval.",
        ),
        ({"PW_CLOUD_MODE": "fleet", "PW_CLOUD_TOKEN": "t"}, "PW_CLOUD_TOKEN has no effect without"),
        ({"PW_HOST": "h", "PW_SITEID": "7"}, "PW_SITEID has no effect without a mode of the cloud"),
        (
            {"PW_HOST": "h", "PW_SITEID": "7", "PW_CLOUD_HYBRID": "yes"},
            "PW_CLOUD_HYBRID and PW_SITEID have no effect without a mode of the cloud",
        ),
        (
            {"PW_CLOUD_MODE": "fleet", "PW_CLOUD_STALE": "300"},
            "PW_CLOUD_STALE=300 is less than the 525 s that PW_CLOUD_BUDGET=5000 leaves between two requests",
        ),
        (
            {"PW_CLOUD_MODE": "fleet", "PW_POOL_MAXSIZE": "15", "PW_GW_PWD": "g"},
            "PW_GW_PWD and PW_POOL_MAXSIZE have no effect without PW_HOST: there is no connection to a gateway.",
        ),
        (
            {"PW_CLOUD_MODE": "fleet", "PW_CACHE_EXPIRE": "30"},
            "PW_CACHE_EXPIRE has no effect without PW_HOST; PW_CLOUD_INTERVAL",
        ),
        (
            {"PW_CLOUD_MODE": "fleet", "PW_FAILOVER": "no", "PW_LOCAL_FIRST": "no"},
            "PW_FAILOVER and PW_LOCAL_FIRST have no effect without PW_HOST",
        ),
    ],
)
def test_what_is_probably_not_meant_is_said_with_its_cost(folder, environ, said):
    """Small intervals are accepted."""
    assert [line for line in loaded(folder, **environ).warnings if said in line]


def test_settings_of_a_gateway_with_the_cloud_beside_it_are_as_usual(folder):
    (folder / ".pypowerwall.fleetapi").write_text("{}")
    changed = {"PW_CACHE_EXPIRE": "10", "PW_FAILOVER": "no", "PW_CLOUD_HYBRID": "yes", "PW_LOCAL_FIRST": "no"}

    assert loaded(folder, PW_HOST="h", PW_PASSWORD="p", **changed).warnings == ()


def test_usual_intervals_are_not_warned_about(folder):
    (folder / ".pypowerwall.fleetapi").write_text("{}")

    assert loaded(folder).warnings == ()


def test_a_fixed_token_is_needed_where_it_is_all_there_is(folder):
    with pytest.raises(SettingsError, match="PW_CLOUD_MODE=static needs PW_CLOUD_TOKEN"):
        loaded(folder, PW_CLOUD_MODE="static")


def test_the_token_may_be_in_a_file(folder):
    file = folder / "token"
    file.write_text("a fixed token\n")

    settings = loaded(folder, PW_CLOUD_MODE="static", PW_CLOUD_TOKEN_FILE=str(file)).settings

    assert settings.gateway.cloud_token == "a fixed token"


@pytest.mark.parametrize("value", ["a name", "12.5", "-1"])
def test_a_site_is_a_number(folder, value):
    with pytest.raises(SettingsError, match="PW_SITEID"):
        loaded(folder, PW_CLOUD_MODE="fleet", PW_SITEID=value)
