"""`setup --mode owner`: a sign-in with a browser, or the tokens of one that was made elsewhere."""

import json

import pytest

from proxy.sim.cloud.server import SITE_ID
from tests.commands.cloud_setup.conftest import Operator, read


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


def the_refusal(capsys) -> bool:
    """Say whether it is all that was said: to run the command again would help nothing."""
    [line] = capsys.readouterr().err.splitlines()
    return "China is not supported; use the Fleet API: powerwall-proxy setup --mode fleet --region cn" in line


@pytest.mark.parametrize("is_pasted", [False, True], ids=["browser", "tokens"])
async def test_the_region_china_is_refused_before_anything_is_sent(run, folder, tmp_path, capsys, is_pasted):
    """No address to sign in at is shown, and tokens that are given are not kept: no server here is theirs."""
    file = tmp_path / "tokens"
    file.write_text("refresh\naccess\n")
    operator = Operator(None)
    given = {"token_file": str(file)} if is_pasted else {}

    assert await run(operator, "owner", {}, region="cn", email="me@example.cn", **given) == 1

    assert the_refusal(capsys)
    assert operator.questions == []
    assert not any("https://" in line for line in operator.shown)
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "settings.toml").exists()


async def test_an_account_of_china_that_is_on_disk_is_refused(run, folder, capsys):
    """As the pypowerwall proxy leaves it; its file stays as it is."""
    folder.mkdir()
    sso = {"access_token": "access", "refresh_token": "refresh", "expires_at": 0}
    known = {"me@example.cn": {"url": "https://auth.tesla.cn/", "sso": sso}}
    (folder / ".pypowerwall.auth").write_text(json.dumps(known))

    assert await run(Operator(None), "owner", {}) == 1

    assert the_refusal(capsys)
    assert read(folder, ".pypowerwall.auth") == known


async def test_another_region_is_that_of_the_account_from_then_on(run, cloud, folder, tmp_path):
    """Its tokens are renewed where they are from."""
    folder.mkdir()
    known = {"me@example.com": {"url": "https://auth.tesla.cn/", "note": "kept", "sso": {}}}
    (folder / ".pypowerwall.auth").write_text(json.dumps(known))
    given = cloud.log_in()
    file = tmp_path / "tokens"
    file.write_text(f"{given['refresh_token']}\n{given['access_token']}\n")
    environ = {"PW_CLOUD_URL": cloud.url}

    assert (
        await run(
            Operator(cloud),
            "owner",
            environ,
            replace=True,
            region="na",
            token_file=str(file),
            email="me@example.com",
        )
        == 0
    )

    entry = read(folder, ".pypowerwall.auth")["me@example.com"]
    assert (entry["url"], entry["note"]) == ("https://auth.tesla.com/", "kept")
