"""`setup --mode fleet`: from nothing to a site that is read, in steps that can be interrupted."""

import json
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from proxy.commands.operator import MissingArgument
from proxy.config.load import load
from proxy.sim.cloud.server import SITE_ID, SimulatedCloud
from proxy.sim.cloud.sign_in import FLEET, FLEET_SECRET, Application
from proxy.sim.server import SimulatedGateway
from tests.commands.cloud_setup.conftest import Operator, read


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
    """No question, no renewal; the site is read again."""
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


async def test_another_application_begins_again(run, cloud, domain, folder):
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


async def test_a_dry_run_sends_nothing(run, cloud, folder):
    assert await run(Operator(cloud), "fleet", dry_run=True) == 0

    assert cloud.requests == []
    assert not folder.exists()
