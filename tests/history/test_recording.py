"""What is recorded, and what it costs the gateway."""

from proxy.sim.faults import Fault
from tests.clock import EPOCH, settled
from tests.history.conftest import history

SECONDS = "from=1760000000&to=1760001000&step=60"


async def test_powers_become_minutes_with_mean_least_and_most(recording, sim, live, clock):
    """
    Every minute has the mean, the least and the most of each power, in watts; a minute in which
    nothing was read is absent, whatever came before.
    """
    sim.pin(solar=1000, site=500, battery=-700)
    proxy = await recording(sim)
    await live(1)
    sim.pin(solar=3000, site=500, battery=-700)
    await live(2)
    clock.advance(600)
    await live(2)

    reported = await history(proxy, f"{SECONDS}&series=solar_power,charge")

    solar = reported["series"]["solar_power"]
    assert solar["unit"] == "W"
    by_minute = dict(
        zip(reported["at"], zip(solar["min"], solar["mean"], solar["max"], strict=True), strict=True)
    )
    assert min(low for low, _, _ in by_minute.values()) == 1000
    assert max(high for _, _, high in by_minute.values()) == 3000
    assert any(low < mean < high for low, mean, high in by_minute.values())
    missing = [at for at in range(reported["at"][0], reported["at"][-1], 60) if at not in by_minute]
    assert 8 <= len(missing) <= 10
    assert all(20 < charge < 100 for charge in reported["series"]["charge"]["mean"])


async def test_the_recorder_is_one_client_that_comes_every_fifteen_seconds(recording, sim, live):
    """Powers, charge and grid are requested four times a minute, packs and vitals once in five minutes."""
    await recording(sim)
    await live(10)

    minutes = 10 * 15.5 / 15  # of the test's clock
    assert sim.requests_for("/api/meters/aggregates") <= 4 * minutes + 2
    assert sim.requests_for("/api/meters/aggregates") >= 30
    assert 2 <= sim.requests_for("/api/devices/vitals") <= 3
    assert 2 <= sim.requests_for("/api/system_status") <= 3


async def test_beside_a_client_that_comes_more_often_nothing_more_is_requested(
    recording, start, sim, clock, tmp_path
):
    """With one telegraf the gateway sees the same requests for powers with and without history."""

    async def visit(proxy):
        before = sim.requests_for("/api/meters/aggregates")
        for _ in range(60):
            await proxy.get("/aggregates")
            clock.advance(5)
            await settled()
        return sim.requests_for("/api/meters/aggregates") - before

    without = await visit(await start(sim, state_path=str(tmp_path / "other")))
    clock.advance(600)  # nothing is fetched ahead for that visitor any more
    await settled()
    with_history = await visit(await recording(sim))

    assert with_history <= without + 1  # the one at the start


async def test_what_others_request_is_taken(recording, sim, clock):
    """A page that reads every five seconds makes minutes of twelve readings, without any of the recorder's own."""
    proxy = await recording(sim)
    for step in range(36):
        sim.pin(solar=1000 + 10 * step, site=0, battery=0)
        await proxy.get("/aggregates")
        clock.advance(5)
        await settled()
        clock.advance(0.5)
        await settled()

    reported = await history(proxy, f"{SECONDS}&series=solar_power")

    assert [
        high - low
        for low, high in zip(
            *(reported["series"]["solar_power"][part] for part in ("min", "max")), strict=True
        )
    ][1] >= 90


async def test_a_minute_ends_without_another_reading(recording, sim, live, clock):
    """When the gateway falls silent, the last minute is written all the same."""
    proxy = await recording(sim)
    await live(1)
    sim.answers(status=500)
    await live(2)

    reported = await history(proxy, SECONDS)

    assert reported["at"]
    assert reported["at"][0] == EPOCH - EPOCH % 60


async def test_a_number_beyond_any_house_does_not_end_the_recording(recording, sim, live, clock):
    """
    A meter whose counters or powers are broken reports numbers that no meter can have measured: they are
    unknown in the minutes of that time. The other meters, and all minutes after it, are kept.
    """

    def broken(document):
        document["solar"] |= {"instant_power": 9e18, "energy_exported": 9e18}
        return document

    sim.pin(solar=1000, site=500, battery=-700)
    sim.faults.add(Fault("/api/meters/aggregates", edit=broken))
    proxy = await recording(sim)
    await live(3)
    during = await history(proxy, f"{SECONDS}&series=solar_power,site_power")
    sim.clear_faults()
    await live(30)

    after = await history(proxy, "from=1760000000&to=1760002000&step=60&series=solar_power")
    assert set(during["series"]["site_power"]["mean"]) == {500}
    assert set(during["series"]["solar_power"]["mean"]) == {None}
    assert len(after["at"]) >= 25
    assert after["series"]["solar_power"]["mean"][-1] == 1000
