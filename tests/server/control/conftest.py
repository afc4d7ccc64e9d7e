"""A proxy whose control is on, and short ways to use it."""

from __future__ import annotations

import json

import pytest

from proxy.sim.sessions import Role

SECRET = "correct-horse-battery-staple"
BEARER = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
async def proxy(start, sim):
    """Control is on; the gateway's reserve is 20 % of the app's scale, its mode self_consumption."""
    return await start(sim, control_secret=SECRET)


@pytest.fixture
def post(proxy):
    """``await post("reserve", value="30")``: a form with the token."""

    async def post(action: str, **fields: str):
        return await proxy.post(f"/control/{action}", data={"token": SECRET, **fields})

    return post


def installer_session(sim, folder) -> None:
    """Leave a session of the installer's where the proxy keeps its own, as after a login with the switch."""
    session = sim.gateway.sessions.open(sim.clock.monotonic(), Role.INSTALLER, None)
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = {"host": sim.address, "since": sim.clock.wall() - 3600, "AuthCookie": session.token}
    (folder / ".powerwall").write_text(json.dumps(kept))
