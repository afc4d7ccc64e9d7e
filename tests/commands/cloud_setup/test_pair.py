"""`pair --register`: the key for v1r goes to the gateway through the cloud, and is waited for until a person confirms it."""

import base64
from dataclasses import replace

import pytest

from proxy.commands.key_registration import EVERY_S, WAIT_S, Registration
from proxy.config.gateway_settings import GatewaySettings
from proxy.sim.cloud.server import SITE_ID
from proxy.sim.tedapi.state import KeyState
from tests.commands.cloud_setup.conftest import read

KEY = b"a public key in DER"
PUBLIC = base64.b64encode(KEY).decode()


@pytest.fixture
def settings(cloud, folder):
    """A sign-in to the simulated cloud."""
    cloud.account.must_register = False
    cloud.sign_in.give_static("a fixed token")
    folder.mkdir()
    return GatewaySettings(
        cloud_mode="static", cloud_url=cloud.url, cloud_token="a fixed token", siteid=str(SITE_ID)
    )


@pytest.fixture
def register(clock, settings, folder):
    """Register the key; ``at`` is what happens while it is waited for, by the seconds that have passed."""

    async def register(at=None, *, settings=settings):
        began = clock.clock.monotonic()
        shown = []

        async def sleep(seconds):
            clock.advance(seconds)
            (at or {}).get(clock.clock.monotonic() - began, lambda: None)()

        code = await Registration(shown.append, sleep, clock.clock).run(settings, folder, PUBLIC)
        return code, " ".join(shown)

    return register


async def test_a_key_is_registered_and_trusted_once_a_powerwall_was_switched(register, cloud, folder):
    """What to do at the Powerwall is said once; each request counts for the month."""
    house = cloud.houses[0].tedapi

    code, shown = await register({2 * EVERY_S: house.switch_a_powerwall})

    assert (code, house.keys) == (0, {KEY: KeyState.VERIFIED})
    assert "switch one Powerwall off at its switch" in shown
    assert shown.endswith("The gateway trusts the key.")
    assert read(folder, "cloud-requests.json")["commands"] == cloud.api_requests == 4


async def test_a_key_that_is_trusted_is_not_registered_again(register, cloud):
    cloud.houses[0].register_key(KEY)

    assert await register() == (0, "The gateway trusts the key.")
    assert cloud.api_requests == 1


async def test_it_ends_when_the_gateway_has_waited_long_enough(register, cloud, capsys):
    """Nothing is lost: the same command registers it again."""
    code, _ = await register()

    assert code == 1
    assert "run the same command again" in capsys.readouterr().err
    assert cloud.api_requests == 2 + WAIT_S / EVERY_S


async def test_a_request_that_fails_meanwhile_does_not_end_it(register, cloud):
    """The gateway is offline for two minutes, which is shown."""
    site, house = cloud.site, cloud.houses[0].tedapi
    at = {
        EVERY_S: lambda: setattr(site, "is_online", False),
        5 * EVERY_S: lambda: (setattr(site, "is_online", True), house.switch_a_powerwall()),
    }

    code, shown = await register(at)

    assert code == 0
    assert "offline" in shown


async def test_without_a_sign_in_nothing_is_sent(register, cloud, capsys):
    code, _ = await register(settings=GatewaySettings())

    assert (code, cloud.api_requests) == (78, 0)
    assert "powerwall-proxy setup --mode fleet" in capsys.readouterr().err


async def test_a_refused_sign_in_is_named_at_once(register, settings, capsys):
    code, shown = await register(settings=replace(settings, cloud_token="another token"))

    assert (code, shown) == (1, "")
    assert "PW_CLOUD_TOKEN" in capsys.readouterr().err
