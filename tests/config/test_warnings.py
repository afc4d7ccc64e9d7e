"""What is allowed in settings, but odd, is a warning: one sentence that names the setting."""

import pytest

from proxy.config.load import load
from tests.config.conftest import GATEWAY, toml


def warnings(**environ):
    return list(load({**GATEWAY, "PW_GW_PWD": "ABCDEFGHIJ", **environ}).warnings)


# Settings that are allowed, but probably not meant.
ODD = {
    ("PW_CASH_EXPIRE", "7"): "PW_CASH_EXPIRE is unknown and ignored; did you mean PW_CACHE_EXPIRE?",
    ("PW_XYZZY", "7"): "PW_XYZZY is unknown and ignored.",
    ("pw_port", "8000"): "pw_port is ignored: write PW_PORT.",
    (
        "PW_TEDAPI_AUTH_MODE",
        "basic",
    ): "PW_TEDAPI_AUTH_MODE has no meaning here and is ignored: the gateway's password is sent with each request (HTTP Basic).",
    ("PW_STYLE", "pink"): 'PW_STYLE is "pink", but must be clear, black, white, grafana, grafana-dark, '
    "dakboard or solar; clear is used.",
    ("PW_TIMEZONE", '"Europe/Berlin"'): "PW_TIMEZONE is in quotes, which are ignored: Europe/Berlin is used.",
    ("PW_TIMEZONE", "Europe/Bonn"): 'PW_TIMEZONE is "Europe/Bonn", but must be a name of the time zone '
    "database, such as Europe/Berlin; America/Los_Angeles is used.",
    ("PW_BROWSER_CACHE", "a day"): 'PW_BROWSER_CACHE is "a day", but must be a whole number from 0 to '
    "315360000; 0 is used.",
    ("PW_NEG_SOLAR", "maybe"): 'PW_NEG_SOLAR is "maybe", but must be yes or no; no is used.',
    ("PW_SITE_ZERO_THRESHOLD", "some"): 'PW_SITE_ZERO_THRESHOLD is "some", but must be a number from 0 to '
    "100000; 0 is used.",
    ("PW_CACHE_EXPIRE", "1"): "PW_CACHE_EXPIRE=1: some gateways limit the rate when polled more often than "
    "every 5 s.",
    ("PW_CACHE_TTL", "4"): "PW_CACHE_TTL=4 is less than PW_CACHE_EXPIRE=5: nothing is served while the "
    "gateway fails.",
    (
        "PW_GW_TLS",
        "off",
    ): "PW_GW_TLS=off: the password is sent to any device that answers at the gateway's address.",
    (
        "PW_WIFI_HOST",
        "192.168.91.1",
    ): "PW_WIFI_HOST has no effect without PW_GW_PWD and one of PW_RSA_KEY_PATH and PW_PASSWORD.",
    ("PW_TEDAPI_API_VERSION", "V2026_06"): "PW_TEDAPI_API_VERSION=V2026_06 has no effect: V2024_06 is used.",
    ("PW_CONTROL_ISLANDING", "yes"): "PW_CONTROL_ISLANDING has no effect without PW_CONTROL_SECRET.",
    ("PW_CONTROL_SECRET", "geheim7"): "PW_CONTROL_SECRET is shorter than 8 characters: it can be guessed.",
    (
        "PW_CONTROL_SECRET",
        "mySecretKey",
    ): "PW_CONTROL_SECRET is an example from documentation: it can be guessed.",
    (
        "PW_CONTROL_SECRET",
        "YOUR_SECRET_TOKEN",
    ): "PW_CONTROL_SECRET is an example from documentation: it can be guessed.",
    ("PW_PASSWORD", '"in quotes"'): "PW_PASSWORD stands in quotes, which count as part of it "
    "(docker's env files keep them).",
    (
        "PW_PASSWORD",
        "from windows\r",
    ): "PW_PASSWORD begins or ends with white space, which counts as part of it.",
    ("PW_OPENC2_KEY", "an openc2 key"): "PW_OPENC2_KEY has no effect without TLS: set PW_HTTPS, or "
    "PW_OPENC2_INSECURE=yes.",
}


@pytest.mark.parametrize(("name", "text"), sorted(ODD))
def test_what_is_odd_is_a_warning(name, text):
    assert warnings(**{name: text}) == [ODD[name, text]]


@pytest.mark.parametrize("key", ["cash_expire", "PW_CACHE_EXPIRE"])
def test_unknown_keys_of_the_file_are_warnings_too(tmp_path, key):
    config = toml(tmp_path, f"{key} = 7\n")

    assert warnings(PW_CONFIG=config) == [
        f"{key} in {config} is unknown and ignored; did you mean cache_expire?"
    ]


@pytest.mark.parametrize("environ", [{"PW_HOST": "192.168.1.50"}, {"PW_GW_TLS": "off"}])
def test_a_search_for_what_is_not_followed_is_a_warning(environ):
    expected = "PW_HOST_SCAN has no effect unless PW_HOST is auto or a name, and PW_GW_TLS is pin."

    assert expected in warnings(PW_HOST_SCAN="yes", **environ)
    assert expected not in warnings(PW_HOST_SCAN="yes")
