"""Integrated energies of several gateways: each counts for itself, also where all are saved at once."""

import asyncio
from contextlib import AsyncExitStack

from proxy.app import build_app, listening
from proxy.config.gateway_settings import SiteSettings
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time
from tests.conftest import client_of
from tests.fleet.conftest import gateway, settings_for

RESTARTS = 4


async def test_no_counter_falls_over_restarts_of_two_gateways(clock, tmp_path):
    """Two addresses that differ in the port alone; every stop saves the counters of both together."""
    async with AsyncExitStack() as stack:
        sims = {
            id_: await stack.enter_async_context(SimulatedGateway("pw3", clock=clock.clock, seed=seed))
            for seed, id_ in enumerate(("house", "garage"), 1)
        }
        sims["house"].pin(load=3600.0)
        sims["garage"].pin(load=720.0)
        listed = [gateway(id_, sim, password="", gw_pwd=sim.gw_pwd) for id_, sim in sims.items()]
        made = settings_for(listed, tmp_path)
        seen = {id_: [0.0] for id_ in sims}
        for _ in range(RESTARTS):
            app = build_app(made, clock.clock)
            async with listening(app, made) as (_, port), client_of(app, port) as proxy:
                for _ in range(4):
                    answers = await asyncio.gather(
                        *(proxy.get(f"/gateways/{id_}/aggregates") for id_ in sims)
                    )
                    for id_, answer in zip(sims, answers, strict=True):
                        seen[id_].append(answer.json()["load"]["energy_imported"])
                    await pass_time(clock, proxy, 10)

    for counters in seen.values():
        assert counters == sorted(counters)
    # A minute and a half at least, at one watt-hour a second; and a fifth of it.
    assert 90 < seen["house"][-1] < 200
    assert 4 < seen["house"][-1] / seen["garage"][-1] < 6


async def test_one_gateway_with_integrated_energies_makes_the_total_integrated(serve, sims, clock):
    """Rule (e) of totals; the field of the header says so, as it does for the gateway."""
    async with SimulatedGateway("pw3", clock=clock.clock, seed=3) as pw3:
        listed = [
            gateway("house", sims["house"], site="home"),
            gateway("cabin", pw3, site="home", password="", gw_pwd=pw3.gw_pwd),
        ]
        proxy = await serve(listed, sites=[SiteSettings("home")])
        reported = {
            at: (await proxy.get(f"{at}/aggregates")).headers.get("Energy-Counters")
            for at in ("/gateways/house", "/gateways/cabin", "/sites/home")
        }

    assert reported == {"/gateways/house": None, "/gateways/cabin": "integrated", "/sites/home": "integrated"}
