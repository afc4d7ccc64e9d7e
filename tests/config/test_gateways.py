"""Several gateways: tables over the settings of all; each problem at once."""

import json

import pytest

from proxy.config.gateway_settings import SiteSettings
from proxy.config.load import load
from proxy.core.redaction import redact
from tests.config.gateways import HOME, problems, write

TABLES = """\
cache_expire = 7
password = "of all of them"

[[gateway]]
id = "house"
name = "House, east"
host = "192.168.1.50"
site = "home"
listen = 8676

[[gateway]]
id = "garage"
host = "10.0.0.9:8443"
password = "of the garage"
cache_expire = 9
site = "home"

[site.home]
name = "Home"
grid = "house"
"""


def test_a_table_says_what_is_different_for_one_gateway(tmp_path):
    loaded = load({**HOME, "PW_CONFIG": write(tmp_path, TABLES)})

    house, garage = loaded.settings.gateways
    assert (house.id, house.name, house.host, house.listen) == ("house", "House, east", "192.168.1.50", 8676)
    assert (house.cache_expire, house.password) == (7, "of all of them")
    assert (garage.cache_expire, garage.password, garage.host) == (9, "of the garage", "10.0.0.9:8443")
    assert loaded.settings.sites == (SiteSettings("home", "Home", "house"),)
    assert loaded.warnings == ()
    assert redact("of all of them, of the garage") == "***, ***"


def test_without_a_list_there_is_the_one_gateway_called_default():
    settings = load({**HOME, "PW_HOST": "gateway.lan", "PW_PASSWORD": "customer"}).settings

    assert settings.gateways == (settings.gateway,)
    assert settings.gateway.id == "default"


def test_the_secrets_of_a_gateway_may_stand_in_the_environment_and_in_files(tmp_path):
    secret = write(tmp_path, "of a file\n", "secret")
    listed = json.dumps([{"id": "my-house", "host": "a.lan"}, {"id": "b", "host": "b.lan"}])

    first, second = load(
        {
            **HOME,
            "PW_GATEWAYS": listed,
            "PW_GATEWAY_MY_HOUSE_PASSWORD": "of the environment",
            "PW_GATEWAY_B_GW_PWD_FILE": secret,
        }
    ).settings.gateways

    assert (first.password, second.gw_pwd) == ("of the environment", "of a file")


def test_an_address_that_two_gateways_have_is_a_warning():
    """A line that was copied: a total would count the house twice."""
    listed = [{"id": name, "host": "192.168.1.50", "password": "customer"} for name in ("house", "garage")]

    assert load({**HOME, "PW_GATEWAYS": json.dumps(listed)}).warnings == (
        "gateways house and garage have the same host: 192.168.1.50 is read, and counted in totals, 2 times.",
    )


def test_a_sign_in_that_is_found_by_chance_is_no_gateway_of_a_list(tmp_path):
    """One site of the account would stand in for every gateway that fails."""
    (tmp_path / ".pypowerwall.auth").touch()
    listed = [{"id": name, "host": f"{name}.lan", "password": "customer"} for name in "ab"]

    settings = load({**HOME, "PW_STATE_PATH": str(tmp_path), "PW_GATEWAYS": json.dumps(listed)}).settings

    assert [each.cloud_mode for each in settings.gateways] == ["off", "off"]


def test_weaker_lists_are_ignored_with_a_warning(tmp_path):
    """Tables, then PW_GATEWAYS, then PW_HOST."""
    listed = json.dumps([{"id": "other", "host": "other.lan"}])
    path = write(tmp_path, TABLES)

    loaded = load({**HOME, "PW_CONFIG": path, "PW_GATEWAYS": listed, "PW_HOST": "third.lan"})

    assert [each.id for each in loaded.settings.gateways] == ["house", "garage"]
    assert loaded.warnings == (
        f"PW_GATEWAYS is ignored: gateways are listed in {path}.",
        f"PW_HOST is ignored: gateways are listed in {path}.",
    )


def test_a_session_file_of_all_is_that_of_the_first_gateway(tmp_path):
    """Two sessions in one file would log in at every start."""
    loaded = load({**HOME, "PW_CONFIG": write(tmp_path, TABLES), "PW_CACHE_FILE": "/auth/.powerwall"})

    assert [each.cache_file for each in loaded.settings.gateways] == ["/auth/.powerwall", ""]


def test_every_problem_of_a_list_is_reported_at_once(tmp_path):
    path = write(
        tmp_path,
        """\
        default = "shed"
        [[gateway]]
        id = "east_wing"
        host = "a.lan"
        listen = 8675
        style = "black"
        pasword = "x"
        [[gateway]]
        id = "East-Wing"
        site = "home"
        timeout = "soon"
        [[gateway]]
        id = "aggregate"
        host = "c.lan"
        [[gateway]]
        host = "d.lan"
        id = "-d"
        [site.home]
        grid = "garage"
        colour = "red"
        [site.empty]
        """,
    )

    assert problems(PW_CONFIG=path) == [
        f"style in gateway east_wing of {path} is a setting of the whole proxy: "
        "write it above the gateways, or as PW_STYLE.",
        f"pasword in gateway east_wing of {path} is unknown; did you mean password?",
        f'timeout in gateway East-Wing of {path} is "soon", but must be a number from 0.1 to 300.',
        f"gateway aggregate of {path}: this id has another meaning; choose another.",
        f'id in gateway -d of {path} is "-d", but must be '
        "up to 32 letters, digits, - and _, beginning with a letter or digit.",
        "2 gateways have the id east_wing and East-Wing: ids differ in more than case, - and _.",
        f"colour in site home of {path} is unknown.",
        f'grid in site home of {path} is "garage", but must be sum or one of East-Wing.',
        f'site empty of {path} has no members: write site = "empty" in the tables of its gateways.',
        "gateway East-Wing has no host, and no mode of the cloud.",
        "port 8675 is used 2 times: PW_PORT, PW_HTTPS_PORT and each listen need a port of their own.",
        'PW_DEFAULT is "shed", but must be one of east_wing, East-Wing, aggregate, -d, home, empty.',
    ]


def test_a_gateway_without_an_id_is_called_by_its_place_in_the_list():
    """No sentence calls it by an id that its owner never wrote, or offers it as one."""
    listed = [{"id": "house", "host": "a.lan"}, {"name": "Garage"}, {"name": "Shed", "timeout": "soon"}]

    assert problems(PW_GATEWAYS=json.dumps(listed), PW_DEFAULT="default") == [
        "gateway number 2 of PW_GATEWAYS has no id: letters, digits, - and _, such as house.",
        "gateway number 3 of PW_GATEWAYS has no id: letters, digits, - and _, such as house.",
        'timeout in gateway number 3 of PW_GATEWAYS is "soon", but must be a number from 0.1 to 300.',
        "gateway number 2 has no host, and no mode of the cloud.",
        "gateway number 3 has no host, and no mode of the cloud.",
        'PW_DEFAULT is "default", but must be one of house.',
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[", "PW_GATEWAYS is not JSON: Expecting value: line 1 column 2 (char 1)."),
        ("{}", "PW_GATEWAYS must be, or have, a list of gateways that is not empty."),
        ("[]", "PW_GATEWAYS must be, or have, a list of gateways that is not empty."),
        ("[1]", "PW_GATEWAYS has a gateway that is no object with fields."),
        (
            '[{"host": "a.lan"}]',
            "gateway number 1 of PW_GATEWAYS has no id: letters, digits, - and _, such as house.",
        ),
    ],
)
def test_a_list_that_is_none_is_a_problem(text, problem):
    assert problems(PW_GATEWAYS=text) == [problem]


def test_there_are_at_most_fifty_gateways():
    listed = [{"id": f"g{number}", "host": f"10.0.0.{number}", "password": "x"} for number in range(51)]

    assert problems(PW_GATEWAYS=json.dumps(listed)) == ["PW_GATEWAYS has 51 gateways; 50 are the most."]


def test_the_port_of_tls_is_no_gateways(tmp_path):
    table = '[[gateway]]\nid = "house"\nhost = "a.lan"\npassword = "customer"\nlisten = 8676\n'
    given = {"PW_CONFIG": write(tmp_path, table), "PW_HTTPS_PORT": "8676"}

    assert problems(**given, PW_HTTPS="yes") == [
        "port 8676 is used 2 times: PW_PORT, PW_HTTPS_PORT and each listen need a port of their own.",
    ]
    assert load({**HOME, **given}).settings.https_port == 8676


def test_what_is_wrong_with_one_gateway_names_it_and_what_is_wrong_with_all_is_said_once():
    listed = json.dumps([{"id": name, "host": f"{name}.lan", "password": "customer"} for name in "ab"])

    assert problems(PW_GATEWAYS=listed, PW_GW_TLS="ca") == [
        "PW_GW_TLS=ca needs PW_GW_CA: a PEM file with the certificate that signs the gateway's."
    ]
    one = json.dumps(
        [
            {"id": "a", "host": "a.lan", "password": "x"},
            {"id": "b", "host": "b.lan", "gw_tls": "ca", "password": "x"},
        ]
    )
    assert problems(PW_GATEWAYS=one) == [
        "gateway b: PW_GW_TLS=ca needs PW_GW_CA: a PEM file with the certificate that signs the gateway's."
    ]
