"""The past of a simulated house, so that the pages of a demo are not empty."""

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.history.demo import demonstrate
from tests.conftest import client_of
from tests.history.conftest import history


async def test_a_demo_has_thirty_days_and_says_that_they_are_simulated(sim, clock, tmp_path):
    """Energies from its counters, an outage three days ago, packs; the time of the house passes sixty times as fast."""
    made = settings_of(
        host=sim.address, password="password", bind_address="127.0.0.1", port=0, timezone="Europe/Berlin"
    )
    settings = demonstrate(made, 60.0)
    app = build_app(settings, clock.clock)
    async with listening(app, settings) as (_, port), client_of(app, port) as proxy:
        months = await history(
            proxy, "from=2025-09-01&to=2025-10-08&step=day&series=charge&devices=energy_capacity"
        )
        clock.advance(60)
        later = await history(proxy, "range=day")

    assert months["simulated"]
    assert len(months["energies"]) == 30
    assert all(day["basis"] == "counters" for day in months["energies"])
    assert all(5_000 < day["home"] < 60_000 for day in months["energies"])
    assert [round(outage["duration_s"] / 60) for outage in months["outages"]] == [45]
    assert {device["device"] for device in months["devices"]} == {"PW1", "PW2"}
    assert later["now"] - months["now"] == 3600
    assert not list(tmp_path.iterdir())
