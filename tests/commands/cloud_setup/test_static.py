"""`setup --mode static`: the fixed token of a provider."""

import json
import time
import tomllib

from proxy.core.budget import Budget
from proxy.core.clock import Clock
from proxy.drivers.cloud.ledger import Ledger
from proxy.sim.cloud.server import SITE_ID
from proxy.state.store import StateStore
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


async def test_the_settings_file_that_is_named_is_made(run, cloud, tmp_path):
    """PW_CONFIG may name a file that is not there yet, as with the password of a gateway."""
    cloud.sign_in.give_static("a fixed token")
    cloud.account.must_register = False
    file = tmp_path / "token"
    file.write_text("a fixed token\n")
    environ = {"PW_CLOUD_URL": cloud.url, "PW_CONFIG": str(tmp_path / "settings.toml")}

    assert await run(Operator(cloud), "static", environ, token_file=str(file)) == 0

    assert "a fixed token" in (tmp_path / "settings.toml").read_text()


async def test_a_token_that_is_refused_leaves_no_settings(run, cloud, tmp_path, capsys):
    file = tmp_path / "token"
    file.write_text("another token")

    assert await run(Operator(cloud), "static", token_file=str(file)) == 1

    assert "token" in capsys.readouterr().err
    assert not (tmp_path / "settings.toml").exists()


async def test_a_month_that_is_used_up_is_refused_before_anything_is_sent(
    run, cloud, folder, tmp_path, capsys
):
    """A larger budget admits it; a day's share does not hold it up, because the operator waits."""
    cloud.sign_in.give_static("a fixed token")
    cloud.account.must_register = False
    file = tmp_path / "token"
    file.write_text("a fixed token\n")
    folder.mkdir()
    spent = {"day": "2999-12-01", "reads": 6, "commands": 2, "reads_today": 6}
    (folder / "cloud-requests.json").write_text(json.dumps(spent))
    environ = {"PW_CLOUD_URL": cloud.url, "PW_CLOUD_BUDGET": "8"}

    assert await run(Operator(cloud), "static", environ, token_file=str(file)) == 1
    assert "budget of 8 requests a month (PW_CLOUD_BUDGET)" in capsys.readouterr().err
    assert cloud.api_requests == 0

    assert (
        await run(Operator(cloud), "static", environ | {"PW_CLOUD_BUDGET": "11"}, token_file=str(file)) == 0
    )
    assert json.loads((folder / "cloud-requests.json").read_text())["reads"] == 9


async def test_its_requests_count_for_the_month(run, cloud, folder, tmp_path):
    """All that reach the API, in the count of a daemon that runs on the same folder."""
    cloud.sign_in.give_static("a fixed token")
    cloud.account.must_register = False
    file = tmp_path / "token"
    file.write_text("a fixed token\n")
    daemon = Ledger(StateStore(folder), Clock(time.monotonic, time.time), Budget(None))
    await daemon.spend()

    assert await run(Operator(cloud), "static", token_file=str(file)) == 0

    await daemon.close()
    kept = json.loads((folder / "cloud-requests.json").read_text())
    assert (kept["reads"], kept["commands"]) == (1 + cloud.api_requests, 0)
    assert cloud.api_requests == 3
