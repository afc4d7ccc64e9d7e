"""Settings come from the environment, a TOML file and secret files, as they are written there."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.load import SettingsError, load
from proxy.config.settings import SETTINGS, settings_of
from proxy.core.redaction import redact
from tests.config.conftest import GATEWAY, toml


def settings(environ=None, /, **more):
    return load({**GATEWAY, **(environ or {}), **more}).settings


def test_an_address_is_enough():
    """Everything else has a default, though without a password there is little to see; state goes to the home."""
    loaded = load(GATEWAY)

    home = "/home/owner/.local/state/powerwall-proxy"
    assert loaded.settings == settings_of(host="gateway.lan", state_path=home, auth_path=home)
    assert loaded.origins["host"] == "environment"
    assert loaded.origins["port"] == "default"
    assert loaded.warnings == (
        "PW_PASSWORD is missing: without it or PW_GW_PWD, most gateways report nothing.",
    )


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    config = toml(tmp_path, 'port = 1\ncache_expire = 2.5\nallowed_hosts = ["a.example", "B.example"]\n')

    loaded = load({**GATEWAY, "PW_CONFIG": config, "PW_PORT": "2"})

    assert loaded.settings.port == 2
    assert loaded.settings.gateway.cache_expire == 2.5
    assert loaded.settings.allowed_hosts == ("a.example", "b.example")
    assert (loaded.origins["port"], loaded.origins["cache_expire"]) == ("environment", config)


@pytest.mark.parametrize(
    "text", ["true = yes", "false = no", "1 = yes", "0 = no", "On = yes", "OFF = no", "y = yes", "F = no"]
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_yes_and_no_have_the_usual_spellings_in_any_case(tmp_path, text, quote):
    word, meaning = text.split(" = ")

    assert settings(PW_DEBUG=word).debug is (meaning == "yes")
    if word in {"true", "false"} or quote:
        config = toml(tmp_path, f"debug = {quote}{word}{quote}\n")
        assert settings(PW_CONFIG=config).debug is (meaning == "yes")


@pytest.mark.parametrize("word", ["maybe", "disabled", '"off"', "ja"])
def test_what_is_neither_yes_nor_no_is_no_as_with_the_pypowerwall_proxy(word):
    """A container that the pypowerwall proxy started goes on starting; a setting of ours is not guessed."""
    assert settings(PW_NEG_SOLAR=word).gateway.neg_solar is False
    assert settings(PW_METRICS='"no"').metrics is False
    with pytest.raises(SettingsError, match='PW_METRICS is "maybe", but must be yes or no'):
        settings(PW_METRICS="maybe")


@pytest.mark.parametrize(
    ("word", "meaning"), [("true", "yes"), ("False", "no"), ("0", "no"), ("'yes'", "yes"), ("HTTP", "http")]
)
def test_tls_is_switched_by_the_same_words(word, meaning):
    assert settings(PW_HTTPS=word).https == meaning


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_around_what_cannot_contain_any_are_ignored(quote):
    """A list in a compose file keeps them: ``- PW_PORT="8675"``."""
    loaded = load({"PW_HOST": f"{quote}gateway.lan{quote}", "PW_PORT": f"{quote}8000{quote}"})

    assert (loaded.settings.gateway.host, loaded.settings.port) == ("gateway.lan", 8000)
    assert "PW_PORT is in quotes, which are ignored: 8000 is used." in loaded.warnings
    assert settings(PW_EMAIL=f"{quote}me@example.com{quote}").gateway.email == f"{quote}me@example.com{quote}"


def test_an_empty_value_is_none():
    """Compose files pass variables that are not set as empty ones."""
    empty = {row.env: "" for row in SETTINGS if row.env != "PW_HOST"}

    assert settings(empty) == settings()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_password_is_what_is_written_to_the_character(text):
    r"""Quotes, $, #, \ and blanks have no meaning (the pypowerwall stack loses such passwords)."""
    assert settings(PW_PASSWORD=text).gateway.password == text


@given(st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1))
def test_a_secret_file_holds_the_secret_and_perhaps_a_line_end(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("secret") / "password"
    for end in ("", "\n", "\r\n"):
        path.write_bytes(f"{text}{end}".encode())

        loaded = load({**GATEWAY, "PW_PASSWORD_FILE": str(path)})

        assert loaded.settings.gateway.password == text
        assert loaded.origins["password"] == str(path)


def test_a_secret_file_can_be_named_in_the_toml_file(tmp_path):
    (tmp_path / "secret").write_text("correct horse\n")

    config = toml(tmp_path, f'control_secret_file = "{tmp_path}/secret"\n')

    assert settings(PW_CONFIG=config).control_secret == "correct horse"


@pytest.mark.parametrize(
    ("content", "problem"), [(b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "is not a text in UTF-8")]
)
def test_a_secret_file_without_a_secret_is_a_problem(tmp_path, content, problem):
    path = tmp_path / "secret"
    path.write_bytes(content)

    with pytest.raises(SettingsError, match=f"PW_PASSWORD_FILE: {path} {problem}"):
        settings(PW_PASSWORD_FILE=str(path))


def test_what_was_loaded_is_concealed_from_then_on():
    settings(PW_GW_PWD="sticker text 4711")

    assert redact("login with sticker text 4711") == "login with ***"


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("192.168.91.1", "192.168.91.1"),
        ("gateway:8443", "gateway:8443"),
        ("https://192.168.91.1/", "192.168.91.1"),
        ("http://192.168.91.1", "http://192.168.91.1"),
        ("[fd00::1]:443", "[fd00::1]:443"),
        ("fd00::1", "[fd00::1]"),
        ("fe80::1%eth0", "[fe80::1%eth0]"),
        ("192.168.91.1\r", "192.168.91.1"),
    ],
)
def test_any_host_and_port_can_be_the_gateway(written, host):
    assert settings(PW_HOST=written).gateway.host == host


@pytest.mark.parametrize(
    "written",
    [
        "h:",
        ":443",
        "h:0",
        "h:65536",
        "[h]:443",
        "[::1",
        "[]",
        "1:2:3",
        "user@h",
        "-h",
        "http://http://h",
        "h:²",
    ],
)
def test_what_is_no_address_is_refused(written):
    with pytest.raises(SettingsError, match=r"but must be host, host:port or \[IPv6\]:port"):
        settings(PW_HOST=written)


@pytest.mark.parametrize(
    ("written", "base"), [("/", "/"), ("pw", "/pw/"), ("/pw", "/pw/"), ("/home/pw/", "/home/pw/")]
)
def test_a_base_url_ends_with_a_slash(written, base):
    assert settings(PROXY_BASE_URL=written).base_url == base


def test_debug_is_a_log_level():
    assert settings(PW_DEBUG="yes", LOG_LEVEL="error").log_level == "debug"
    assert settings(LOG_LEVEL="Warning").log_level == "warning"


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"PW_STATE_PATH": "/data"}, "/data"),
        ({"PW_AUTH_PATH": "/app/.auth"}, "/app/.auth"),
        ({"PW_STATE_PATH": "/data", "PW_AUTH_PATH": "/app/.auth"}, "/data"),
        ({"XDG_STATE_HOME": "/data"}, "/data/powerwall-proxy"),
        ({"PW_AUTH_PATH": ".auth"}, str(Path(".auth").absolute())),
        ({"HOME": ""}, ""),
    ],
)
def test_state_goes_where_the_owner_keeps_it(environ, folder):
    assert settings(environ).state_path == folder


@given(
    st.dictionaries(
        st.sampled_from([row.env for row in SETTINGS if row.env not in {"PW_CONFIG", "PW_CONTROL_SECRET"}]),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    )
)
def test_any_environment_is_settings_or_a_list_of_sentences(environ):
    """Never a traceback, and never the secret."""
    secret = "keep this to yourself"
    try:
        loaded = load({**environ, "PW_CONTROL_SECRET": secret})
    except SettingsError as exc:
        lines = [*exc.problems, *exc.warnings]
    else:
        lines = [*loaded.warnings]
        assert secret not in repr(loaded)
    for line in lines:
        assert line.startswith(("PW_", "PROXY_", "LOG_", "CORS_", "MQTT_")), line
        assert secret not in line
        assert line.isprintable()


def test_a_byte_order_mark_is_part_of_no_setting(tmp_path):
    """Windows' editor writes one, into settings and secrets alike."""
    secret, config = tmp_path / "password", tmp_path / "proxy.toml"
    secret.write_bytes(b"\xef\xbb\xbfpassword\r\n")
    config.write_bytes(b"\xef\xbb\xbfport = 8676\r\n")

    made = settings(PW_PASSWORD_FILE=str(secret), PW_CONFIG=str(config))

    assert (made.gateway.password, made.port) == ("password", 8676)


@pytest.mark.parametrize(
    "line", ['password_file = "a\\u0000b"', 'state_path = "/a\\u0000b"', 'email = "a\\u0000b"']
)
def test_a_nul_character_is_a_problem_and_no_traceback(tmp_path, line):
    with pytest.raises(SettingsError, match="NUL character"):
        settings(PW_CONFIG=toml(tmp_path, line))
