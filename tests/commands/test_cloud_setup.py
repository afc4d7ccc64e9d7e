"""`setup --mode fleet|owner|static`: from nothing to a site that is read, in steps that can be interrupted."""

import argparse
import json
import tomllib
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

import pytest

from proxy.commands.cloud_setup import set_up
from proxy.commands.operator import MissingArgument
from proxy.config.load import load
from proxy.sim.cloud.server import SITE_ID, SimulatedCloud
from proxy.sim.cloud.sign_in import FLEET, FLEET_SECRET, Application
from proxy.sim.server import SimulatedGateway
from tests.drivers.cloud.conftest import trusting

ARGUMENTS = (
    *("mode", "auth_path", "email", "site", "region", "client_id", "client_secret_file"),
    *("domain", "redirect_uri", "code_file", "token_file", "url"),
)


class Operator:
    """Answers by argument; opens the address that is shown in a browser, and agrees."""

    def __init__(self, cloud, **answers):
        self.cloud = cloud
        self.answers = answers
        self.shown: list[str] = []
        self.questions: list[str] = []

    def show(self, line):
        self.shown.append(line)

    def answer(self, question, argument):
        self.questions.append(question)
        name = argument.removeprefix("--").replace("-", "_") or "wait"
        if name not in self.answers:
            raise MissingArgument(argument)
        given = self.answers[name]
        return given() if callable(given) else given

    secret = answer

    def browse(self):
        """Give the address that the browser ends at."""
        address = next(line for line in reversed(self.shown) if line.startswith("http"))
        query = dict(parse_qsl(urlsplit(address).query))
        return self.cloud.sign_in.authorize(query).headers["Location"]


@pytest.fixture
async def cloud(clock):
    async with SimulatedCloud(tls=False) as cloud:
        cloud.house.gateway.speed = 0
        cloud.house.pin(solar=4000, battery=-1500, load=2000)
        cloud.account.must_register = True
        yield cloud


@pytest.fixture
async def domain(cloud):
    """The web server of the application's domain."""
    async with SimulatedCloud(cloud.house) as domain:
        yield domain


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "auth"


@pytest.fixture
def run(cloud, domain, folder, tmp_path):
    """Run it; ``file`` is the settings file."""

    async def run(operator, mode, **given):
        args = argparse.Namespace(
            **{**dict.fromkeys(ARGUMENTS), "replace": False, "dry_run": False, "mode": mode, **given}
        )
        environ = {"PW_CLOUD_URL": cloud.url, "PW_CLOUD_AUTH_URL": cloud.url, "PW_AUTH_PATH": str(folder)}
        return await set_up(args, operator, environ, tmp_path / "settings.toml", tls=trusting(domain))

    return run


def name_of(domain):
    return urlsplit(domain.url).netloc


def application(cloud, domain, folder):
    """Answers to every question of the Fleet API; waiting for the key publishes it."""

    def publish():
        domain.public_key = (folder / "com.tesla.3p.public-key.pem").read_bytes()
        return ""

    operator = Operator(
        cloud,
        client_id=FLEET,
        client_secret_file=FLEET_SECRET,
        domain=name_of(domain),
        redirect_uri="https://example.com/access",
        wait=publish,
    )
    operator.answers["code_file"] = operator.browse
    return operator


def read(folder, name=".pypowerwall.fleetapi"):
    return json.loads((folder / name).read_text())


# -- Fleet API -------------------------------------------------------------------------------------


async def test_an_application_is_registered_and_its_site_read(run, cloud, domain, folder, tmp_path, capsys):
    """What it leaves is the file of the pypowerwall proxy; the proxy finds it without any setting."""
    operator = application(cloud, domain, folder)

    assert await run(operator, "fleet") == 0, capsys.readouterr().err

    document = read(folder)
    assert {name: document[name] for name in ("CLIENT_ID", "CLIENT_SECRET", "AUDIENCE", "site_id")} == {
        "CLIENT_ID": FLEET,
        "CLIENT_SECRET": FLEET_SECRET,
        "AUDIENCE": cloud.url,
        "site_id": SITE_ID,
    }
    assert document["partner_account"]["response"]["domain"] == name_of(domain)
    assert (folder / ".pypowerwall.fleetapi").stat().st_mode & 0o777 == 0o600
    assert (folder / "fleet-key.pem").stat().st_mode & 0o777 == 0o600
    assert any(
        "solar 4,000 W, home 2,000 W, grid -500 W, battery -1,500 W, charge" in line
        for line in operator.shown
    )
    assert not (tmp_path / "settings.toml").exists()
    found = load({"PW_AUTH_PATH": str(folder)}).settings.gateway
    assert (found.cloud_mode, found.host) == ("auto", "")


async def test_nothing_secret_is_shown(run, cloud, domain, folder, capsys):
    operator = application(cloud, domain, folder)
    await run(operator, "fleet")
    document = read(folder)
    shown = "\n".join([*operator.shown, *operator.questions, *capsys.readouterr()])

    for name in ("CLIENT_SECRET", "access_token", "refresh_token", "partner_token"):
        assert document[name] not in shown


STEPS = ("client_id", "client_secret_file", "domain", "redirect_uri", "wait", "code_file")


async def test_a_set_up_that_is_interrupted_goes_on_where_it_ended(run, cloud, domain, folder):
    """At every question the terminal goes away once; no step is taken twice."""
    for step in STEPS:
        operator = application(cloud, domain, folder)
        del operator.answers[step]
        with suppress(MissingArgument):
            assert await run(operator, "fleet") == 1
    operator = application(cloud, domain, folder)

    assert await run(operator, "fleet") == 0
    assert operator.questions == ["Address that the browser ended at"]
    assert cloud.requests_for("/partner_accounts") == 1


async def test_the_address_to_open_stays_good_until_it_is_used(run, cloud, domain, folder):
    """A browser that was opened before the command was run again still ends at an address that is accepted."""
    first = application(cloud, domain, folder)
    del first.answers["code_file"]
    with pytest.raises(MissingArgument):
        await run(first, "fleet")
    second = application(cloud, domain, folder)
    second.answers["code_file"] = first.browse

    assert await run(second, "fleet") == 0
    assert not (folder / "sign-in.json").exists()


async def test_a_sign_in_that_is_good_is_kept(run, cloud, domain, folder):
    """Nothing is asked, nothing renewed; the site is read again."""
    await run(application(cloud, domain, folder), "fleet")
    before = read(folder)
    again = Operator(cloud)

    assert await run(again, "fleet") == 0
    assert read(folder) == before
    assert again.questions == []


async def test_a_sign_in_that_was_revoked_is_repeated(run, cloud, domain, folder):
    """The application and its registration stay."""
    await run(application(cloud, domain, folder), "fleet")
    cloud.sign_in.expire_access()
    cloud.sign_in.revoke()
    document = read(folder)
    (folder / ".pypowerwall.fleetapi").write_text(json.dumps({**document, "access_token": "", "added": 1}))
    again = application(cloud, domain, folder)

    assert await run(again, "fleet") == 0
    assert again.questions == ["Address that the browser ended at"]
    assert read(folder)["added"] == 1
    assert cloud.requests_for("/partner_accounts") == 1


async def test_a_key_that_the_domain_publishes_already_is_enough(run, cloud, domain, folder):
    """Services host keys for those who have no web server."""
    domain.public_key = b"-----BEGIN PUBLIC KEY-----\nMFkw...\n-----END PUBLIC KEY-----\n"

    assert await run(application(cloud, domain, folder), "fleet") == 0
    assert not (folder / "fleet-key.pem").exists()


async def test_without_a_terminal_it_says_what_to_publish(run, cloud, domain, folder, capsys):
    operator = application(cloud, domain, folder)
    del operator.answers["wait"]

    assert await run(operator, "fleet") == 1

    assert "/.well-known/appspecific/com.tesla.3p.public-key.pem" in "\n".join(operator.shown)
    assert "404" in capsys.readouterr().err


async def test_another_application_begins_anew(run, cloud, domain, folder):
    """Tokens and registration belong to the application that they were given to."""
    await run(application(cloud, domain, folder), "fleet")
    other = application(cloud, domain, folder)
    cloud.sign_in.applications["another"] = cloud.sign_in.applications[FLEET]

    assert await run(other, "fleet", client_id="another") == 0
    assert cloud.requests_for("/partner_accounts") == 2
    assert "Address that the browser ended at" in other.questions


async def test_an_application_without_a_secret_is_not_registered_by_its_operator(run, cloud, domain, folder):
    """Tesla gives it no partner token; the code is protected by PKCE alone."""
    cloud.account.must_register = False
    cloud.sign_in.applications["open"] = Application("https://example.com/access")
    operator = application(cloud, domain, folder)
    operator.answers |= {"client_id": "open", "client_secret_file": ""}

    assert await run(operator, "fleet") == 0
    assert cloud.requests_for("/partner_accounts") == 0
    assert any("prompt_missing_scopes=true" in line for line in operator.shown)


async def test_among_several_sites_one_is_chosen(run, cloud, domain, folder, capsys):
    second = SimulatedGateway("fw23_44")
    second.gateway.speed = 0
    async with SimulatedCloud(cloud.house, second, tls=False) as two:
        cloud.account.sites |= {SITE_ID + 1: two.account.sites[SITE_ID + 1]}
        operator = application(cloud, domain, folder)
        operator.answers["site"] = str(SITE_ID + 1)

        assert await run(operator, "fleet") == 0
        assert read(folder)["site_id"] == SITE_ID + 1
        assert await run(Operator(cloud), "fleet", site="7") == 1
    assert f"its sites are {SITE_ID}" in capsys.readouterr().err


async def test_of_several_gateways_the_operator_says_which_one_it_is(run, cloud, domain, folder, tmp_path):
    """The file is left as it is; what belongs into it is shown."""
    file = tmp_path / "settings.toml"
    file.write_text(
        '[[gateway]]\nid = "house"\nhost = "10.0.0.1"\n\n[[gateway]]\nid = "roof"\nhost = "10.0.0.2"\n'
    )
    before = file.read_text()
    operator = application(cloud, domain, folder)

    assert await run(operator, "fleet") == 0

    assert file.read_text() == before
    assert operator.shown[-3:] == [
        'cloud_mode = "fleet"',
        f'auth_path = "{folder}"',
        f'siteid = "{SITE_ID}"',
    ]


# -- Owner API -------------------------------------------------------------------------------------


async def test_an_owner_signs_in_with_a_browser(run, cloud, folder):
    """The account is named as the sign-in server names it."""
    operator = Operator(cloud)
    operator.answers["code_file"] = operator.browse

    assert await run(operator, "owner") == 0

    [(email, entry)] = read(folder, ".pypowerwall.auth").items()
    assert (email, set(entry)) == ("owner@example.com", {"url", "sso"})
    assert (folder / ".pypowerwall.site").read_text().strip() == str(SITE_ID)
    assert any("best" in line or "may work or not" in line for line in operator.shown)


async def test_tokens_of_a_login_made_elsewhere_are_taken(run, cloud, folder, tmp_path):
    """Both of them: the access token is used to its end, because one that was refreshed may be refused."""
    given = cloud.log_in()
    file = tmp_path / "tokens"
    file.write_text(f"{given['refresh_token']}\n{given['access_token']}\n")

    assert await run(Operator(cloud), "owner", token_file=str(file), email="me@example.com") == 0

    sso = read(folder, ".pypowerwall.auth")["me@example.com"]["sso"]
    assert (sso["access_token"], sso["refresh_token"]) == (given["access_token"], given["refresh_token"])
    assert cloud.sign_in.refreshes == 0


async def test_a_refused_client_is_pointed_to_the_fleet_api(run, cloud, folder, tmp_path, capsys):
    """The tokens are kept: Tesla may take them later."""
    cloud.trouble("owner-refused")
    given = cloud.log_in()
    file = tmp_path / "tokens"
    file.write_text(f"{given['refresh_token']}\n{given['access_token']}\n")

    assert await run(Operator(cloud), "owner", token_file=str(file), email="me@example.com") == 1

    assert "use the Fleet API" in capsys.readouterr().err
    assert read(folder, ".pypowerwall.auth")["me@example.com"]["sso"]["refresh_token"]


# -- a provider with a fixed token -----------------------------------------------------------------


async def test_a_fixed_token_goes_to_the_settings_file(run, cloud, tmp_path):
    cloud.sign_in.give_static("a fixed token")
    cloud.account.must_register = False
    file = tmp_path / "token"
    file.write_text("a fixed token\n")

    assert await run(Operator(cloud), "static", token_file=str(file)) == 0

    settings = tmp_path / "settings.toml"
    assert tomllib.loads(settings.read_text()) == {
        "cloud_mode": "static",
        "cloud_url": cloud.url,
        "cloud_token": "a fixed token",
        "siteid": str(SITE_ID),
    }
    assert settings.stat().st_mode & 0o777 == 0o600


async def test_a_token_that_is_refused_leaves_no_settings(run, cloud, tmp_path, capsys):
    file = tmp_path / "token"
    file.write_text("another token")

    assert await run(Operator(cloud), "static", token_file=str(file)) == 1

    assert "token" in capsys.readouterr().err
    assert not (tmp_path / "settings.toml").exists()


async def test_a_dry_run_sends_nothing(run, cloud, folder):
    assert await run(Operator(cloud), "fleet", dry_run=True) == 0

    assert cloud.requests == []
    assert not folder.exists()


# -- the peer's command lines ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (["setup", "-email=me@example.com", "-headless"], "setup --mode owner --email me@example.com"),
        (["setup", "-cloud", "-region", "us"], "setup --mode owner --region na"),
        (["setup", "-fleetapi"], "setup --mode fleet"),
        (["fleetapi"], "setup --mode fleet"),
        (["fleetapi", "setup"], "setup --mode fleet"),
        (["cloudcheck", "-noconnect"], "doctor"),
    ],
)
def test_command_lines_of_the_pypowerwall_proxy_become_ours(command, theirs, ours):
    shown = command(*theirs)

    assert f"this is now: powerwall-proxy {ours}\n" in shown.stderr
    assert "usage:" not in shown.stderr


@pytest.mark.parametrize(
    ("theirs", "hint"), [(["get", "-format", "json"], "/json"), (["fleetapi", "status"], "/fleetapi/status")]
)
def test_those_without_a_counterpart_say_what_to_use(command, theirs, hint):
    shown = command(*theirs)

    assert shown.returncode == 64
    assert hint in shown.stderr
