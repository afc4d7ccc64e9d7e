"""Several simulated houses behind one proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from proxy.app import build_app, listening
from proxy.config.gateway_settings import GatewaySettings, SiteSettings
from proxy.config.settings import Settings, settings_of
from proxy.sim.server import SimulatedGateway
from proxy.state.certificates import serving_context
from tests.conftest import Proxy, client_of
from tests.quiet import QUIET

HOUSES = {
    "house": {"persona": "fw21_44", "seed": 1, "hour": 12.0, "packs": 2},
    "garage": {"persona": "fw21_44", "seed": 2, "hour": 19.0, "packs": 1},
}


def gateway(id_: str, sim: SimulatedGateway, **own) -> GatewaySettings:
    """The settings of one gateway of a list."""
    return GatewaySettings(**{"id": id_, "host": sim.address, "password": "password", **own})


def settings_for(gateways, folder, *, sites=(), **others) -> Settings:
    others = {**QUIET, "bind_address": "127.0.0.1", "port": 0, "state_path": str(folder), **others}
    return replace(settings_of(**others), listed=tuple(gateways), sites=tuple(sites))


@pytest.fixture
async def sims(clock) -> AsyncIterator[dict[str, SimulatedGateway]]:
    """Two houses that have nothing in common."""
    async with AsyncExitStack() as stack:
        yield {
            id_: await stack.enter_async_context(SimulatedGateway(clock=clock.clock, **options))
            for id_, options in HOUSES.items()
        }


@pytest.fixture
async def serve(clock, tmp_path) -> AsyncIterator[Callable]:
    """Start a proxy for a list of gateways: ``await serve([gateway("a", sim)], sites=[...])``."""
    async with AsyncExitStack() as stack:

        async def serve(gateways, *, sites=(), **others) -> Proxy:
            made = settings_for(gateways, tmp_path / "state", sites=sites, **others)
            app = build_app(made, clock.clock)
            tls = serving_context(made) if made.https == "yes" else None
            _, port = await stack.enter_async_context(listening(app, made, tls))
            return await stack.enter_async_context(client_of(app, port, "https" if tls else "http"))

        yield serve


@pytest.fixture
async def fleet(serve, sims) -> Proxy:
    """House and garage, and home, which is both."""
    listed = [gateway(id_, sim, site="home") for id_, sim in sims.items()]
    return await serve(listed, sites=[SiteSettings("home", "Home")])
