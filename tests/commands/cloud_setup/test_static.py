"""`setup --mode static`: the fixed token of a provider."""

import tomllib

from proxy.sim.cloud.server import SITE_ID
from tests.commands.cloud_setup.conftest import Operator


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
