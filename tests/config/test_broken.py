"""Whatever is wrong with the settings is reported at once, one line each, and never with a secret."""

from pathlib import Path

import pytest

from proxy.config.load import SettingsError, load

BROKEN = Path(__file__).parent / "broken"

# Files in broken/: what the loader says about them. {here} is their folder.
PROBLEMS = {
    "no-gateway.env": [
        "PW_HOST is missing: set it to the address of your gateway, such as 192.168.1.50 "
        "(or sign in to Tesla's cloud with `powerwall-proxy setup`, or try `powerwall-proxy serve --demo`).",
    ],
    "no-gateway.toml": [
        "PW_HOST is missing: set it to the address of your gateway, such as 192.168.1.50 "
        "(or sign in to Tesla's cloud with `powerwall-proxy setup`, or try `powerwall-proxy serve --demo`).",
    ],
    "host-number.env": [
        'PW_HOST is "192.168.1.300", but must be host, host:port or [IPv6]:port, without a path.',
    ],
    "host-port.env": [
        'PW_HOST is "192.168.1.50:70000", but must be host, host:port or [IPv6]:port, without a path.',
    ],
    "host-url.env": [
        'PW_HOST is "https://192.168.1.50/api/status", but must be host, host:port or [IPv6]:port, '
        "without a path.",
    ],
    "auto-without-pin.env": [
        "PW_HOST=auto needs PW_GW_TLS=pin, and no http://: the gateway is recognised by its certificate.",
    ],
    "numbers.env": [
        'PW_TIMEOUT is "0", but must be a number from 0.1 to 300.',
        'PW_POOL_MAXSIZE is "2.5", but must be a whole number from 0 to 64.',
        'PW_CLOUD_INFO_INTERVAL is "1", but must be a number from 5 to 2592000.',
        'PW_CACHE_EXPIRE is "-1", but must be a number from 0 to 86400.',
        'PW_CACHE_TTL is "1e3", but must be a number from 0 to 86400.',
        'PW_PORT is "http", but must be a whole number from 0 to 65535.',
    ],
    "words.env": [
        'PW_AUTH_MODE is "basic", but must be cookie or token.',
        'PW_GW_TLS is "verify", but must be pin, ca or off.',
        'PW_HTTPS is "ssl", but must be no, yes or http.',
        'PW_UI is "tesla", but must be auto, own or gateway.',
        'PW_LOG_FORMAT is "xml", but must be text or json.',
    ],
    "ca-without-file.env": [
        "PW_GW_TLS=ca needs PW_GW_CA: a PEM file with the certificate that signs the gateway's.",
    ],
    "files.env": [
        "PW_GW_CA: /nowhere/gateway.pem cannot be read (No such file or directory).",
        "PW_RSA_KEY_PATH: /nowhere/rsa.pem cannot be read (No such file or directory).",
        "PW_RSA_KEY_PATH needs PW_PASSWORD or PW_GW_PWD too: the gateway requires a login.",
        "PW_TLS_CERT: /nowhere/cert.pem cannot be read (No such file or directory).",
        "PW_TLS_CERT and PW_TLS_KEY belong together: set both, or none and a certificate is made.",
    ],
    "not-pem.env": [
        "PW_GW_CA: {here}/words.env holds no certificates in PEM form.",
        "PW_TLS_CERT and PW_TLS_KEY must be a certificate and its key, both PEM, the key not encrypted.",
    ],
    "rsa-without-login.env": [
        "PW_RSA_KEY_PATH: {here}/words.env must be a private RSA key in PEM form, not encrypted.",
        "PW_RSA_KEY_PATH needs PW_PASSWORD or PW_GW_PWD too: the gateway requires a login.",
    ],
    "network.env": [
        'PW_BIND_ADDRESS is "all of them", but must be an address of this machine, such as 127.0.0.1, '
        "or nothing for all.",
        'PROXY_BASE_URL is "http://home/pw", but must be a path such as /powerwall/.',
        'PW_ALLOWED_HOSTS is "https://home.example", but must be host names separated by commas, '
        "without https:// and port.",
        'PW_TRUSTED_PROXIES is "traefik", but must be addresses or networks separated by commas, '
        "such as 172.18.0.0/16.",
        "PW_FRAME_ANCESTORS is \"*; script-src *\", but must be *, 'self', 'none' or origins "
        "separated by spaces.",
    ],
    "secret-files.env": [
        "PW_PASSWORD and PW_PASSWORD_FILE are both set: only one of them can hold.",
        "PW_CONTROL_SECRET_FILE: /nowhere/secret cannot be read (No such file or directory).",
    ],
    "secret-in-wrong-place.env": [
        'PW_PORT is "***", but must be a whole number from 0 to 65535.',
    ],
    "config-missing.env": [
        "PW_CONFIG: /nowhere/proxy.toml cannot be read (No such file or directory).",
    ],
    "syntax.toml": [
        "PW_CONFIG: {here}/syntax.toml is not TOML: Expected newline or end of document after a statement "
        "(at line 2, column 13).",
    ],
    "types.toml": [
        "host in {here}/types.toml must be a text, a number, true, false or a list of texts.",
        "password in {here}/types.toml must be a text, a number, true, false or a list of texts.",
        'port in {here}/types.toml is "http", but must be a whole number from 0 to 65535.',
    ],
    "values.toml": [
        "password_file in {here}/values.toml: /nowhere/password cannot be read (No such file or directory).",
        'allowed_hosts in {here}/values.toml is "a.example,b c/d", but must be host names separated by '
        "commas, without https:// and port.",
    ],
    "encoding.toml": [
        "PW_CONFIG: {here}/encoding.toml is not a text in UTF-8.",
    ],
}


def environment(name):
    """Read a file of broken/ as the environment that it describes."""
    path = BROKEN / name
    if path.suffix == ".toml":
        return {"PW_CONFIG": str(path)}
    lines = path.read_text().replace("{here}", str(BROKEN)).splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_every_problem_is_reported_at_once(name):
    with pytest.raises(SettingsError) as caught:
        load(environment(name))

    assert list(caught.value.problems) == [line.replace("{here}", str(BROKEN)) for line in PROBLEMS[name]]


@pytest.mark.parametrize("name", ["config-missing.env", "secret-files.env"])
def test_what_stands_in_a_file_that_cannot_be_read_is_not_called_missing(name):
    with pytest.raises(SettingsError) as caught:
        load(environment(name) | {"PW_HOST": "gateway.lan"})

    assert caught.value.warnings == ()


def test_every_broken_file_has_its_problems_written_down():
    assert {path.name for path in BROKEN.iterdir()} == set(PROBLEMS)
