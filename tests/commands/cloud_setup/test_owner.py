"""`setup --mode owner`: a sign-in with a browser, or the tokens of one that was made elsewhere."""

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
