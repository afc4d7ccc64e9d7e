"""What /metrics reports of the house: what the routes report, in base units, or nothing."""

import pytest

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.metrics.scraped_site import moment
from proxy.metrics.site_metrics import ESSENTIAL, SITE_METRICS
from proxy.sim.faults import Fault
from proxy.views.json_access import span
from tests.clock import pass_time
from tests.conftest import client_of
from tests.metrics.reading import scrape, settled
from tests.quiet import QUIET

SITE = {row.name for row in SITE_METRICS}


@pytest.fixture
async def everything(sim, start):
    return await start(sim, metrics_refresh="all")


async def test_meters_are_those_of_aggregates(everything):
    series = await settled(everything)
    reported = (await everything.get("/aggregates")).json()

    for meter, values in reported.items():
        label = f"meter={meter}"
        assert series["powerwall_instant_power_watts", label] == pytest.approx(
            values["instant_power"], rel=1e-9
        )
        for direction in ("imported", "exported"):
            joules = series["powerwall_energy_joules_total", label, f"direction={direction}"]
            assert joules == pytest.approx(values[f"energy_{direction}"] * 3600, rel=1e-9)


async def test_charge_and_packs_are_those_of_their_routes(everything):
    series = await settled(everything)
    soe = (await everything.get("/soe")).json()["percentage"]
    pod = (await everything.get("/pod")).json()

    assert series["powerwall_charge_ratio",] == pytest.approx(soe / 100)
    assert series["powerwall_charge_usable_ratio",] == pytest.approx((soe - 5) / 95)
    capacity = series["powerwall_battery_energy_capacity_joules", "block=PW1"]
    assert capacity == pytest.approx(pod["PW1_POD_nom_full_pack_energy"] * 3600)
    assert series["powerwall_battery_power_watts", "block=PW1"] == pod["PW1_p_out"]
    remaining = series["powerwall_time_remaining_seconds",]
    assert remaining == pytest.approx(pod["time_remaining_hours"] * 3600)


async def test_flows_add_up_to_the_meters(everything):
    """What flows from a source is what it gives; what flows to a sink is what that takes."""
    series = await settled(everything)
    watts = {
        name: series["powerwall_instant_power_watts", f"meter={name}"]
        for name in ("solar", "site", "battery", "load")
    }
    flows = series.named("powerwall_flow_watts")

    def total(end):
        return sum(value for labels, value in flows.items() if end in labels)

    assert all(value >= 0 for value in flows.values())
    assert total("source=solar") == pytest.approx(max(watts["solar"], 0), abs=1e-6)
    assert total("sink=battery") == pytest.approx(max(-watts["battery"], 0), abs=1e-6)
    assert total("sink=grid") == pytest.approx(max(-watts["site"], 0), abs=1e-6)
    unbalanced = series["powerwall_flow_unbalanced_watts",]
    assert total("sink=home") == pytest.approx(watts["load"] + unbalanced, abs=1e-6)


async def test_an_expired_reading_is_absent(sim, everything, clock):
    """Neither 0 nor frozen, while the proxy itself goes on reporting how old its snapshots are."""
    before = await settled(everything)
    assert len(before.names & SITE) > 40

    sim.faults.add(Fault(action="refuse"))
    await pass_time(clock, everything, 12)
    stale = await scrape(everything)
    assert stale.names & SITE
    await pass_time(clock, everything, 60)
    gone = await settled(everything)

    assert gone.names & SITE == set()
    label = "source=/api/meters/aggregates"
    assert gone["powerwall_proxy_snapshot_age_seconds", label] > 60
    assert gone["powerwall_proxy_link_state", "state=closed"] == 0
    assert gone["powerwall_proxy_cooldown_seconds", "driver=local"] > 0


async def test_what_the_gateway_does_not_know_is_absent(sim, everything):
    """A null is no sample; in transition the grid is neither up nor down."""
    meters = {"site": {"instant_power": None}, "solar": {"instant_power": 1200}}
    sim.answers(body=meters, status=200, path="/api/meters/aggregates")
    transition = {"grid_status": "SystemTransitionToGrid", "grid_services_active": False}
    sim.answers(body=transition, status=200, path="/api/system_status/grid_status")
    series = await settled(everything)

    assert series.named("powerwall_instant_power_watts") == {("gateway=default", "meter=solar"): 1200}
    assert "powerwall_flow_watts" not in series.names
    assert "powerwall_grid_up" not in series.names
    assert series["powerwall_grid_state", "state=transition"] == 1


async def test_a_scrape_never_waits_and_the_next_one_has_readings(sim, proxy):
    """The first one finds nothing, requests the essentials, and costs nothing else."""
    first = await scrape(proxy)
    series = await settled(proxy)

    assert first.names & SITE == set()
    assert "powerwall_instant_power_watts" in series.names
    requested = {
        record.path for record in sim.requests if record.path.startswith("/api/") and record.method == "GET"
    }
    assert requested == set(ESSENTIAL)


async def test_prometheus_alone_keeps_readings_fresh(sim, proxy, clock):
    """Every 15 seconds: no gaps, fresh readings, one exchange per source and scrape."""
    ages = []
    for scrapes in range(10):
        series = await scrape(proxy)
        if scrapes > 1:
            ages.append(series["powerwall_proxy_snapshot_age_seconds", f"source={ESSENTIAL[0]}"])
        for _ in range(15):
            await pass_time(clock, proxy, 1)

    assert max(ages[1:]) < 5
    assert sim.requests_for(ESSENTIAL[0]) <= 12


async def test_a_scrape_keeps_fresh_what_was_ever_requested(proxy):
    await proxy.get("/strings")
    series = await settled(proxy)

    assert series["powerwall_string_power_watts", "string=A"] >= 0


async def test_a_scrape_can_be_no_interest_at_all(sim, start):
    proxy = await start(sim, metrics_refresh="no")
    await settled(proxy)

    assert sim.requests == []


async def test_a_counter_is_held_over_a_restart(sim, clock, tmp_path):
    """A meter that corrects itself while the proxy is away has not been replaced; one that reads half has."""

    async def reported(watt_hours):
        meters = {"load": {"energy_imported": watt_hours}}
        sim.clear_faults()
        sim.answers(body=meters, status=200, path="/api/meters/aggregates")
        settings = settings_of(
            **QUIET,
            host=sim.address,
            password="password",
            bind_address="127.0.0.1",
            port=0,
            state_path=str(tmp_path),
        )
        app = build_app(settings, clock.clock)
        async with listening(app, settings) as (_, port), client_of(app, port) as proxy:
            series = await settled(proxy)
        return series["powerwall_energy_joules_total", "meter=load", "direction=imported"] / 3600

    assert [await reported(value) for value in (1000, 999, 998, 1001, 500)] == [1000, 1000, 1000, 1001, 500]


async def test_a_counter_that_is_held_is_kept_at_once(sim, start, clock):
    """The proxy may be killed before its end."""
    values = iter((1000.0, 999.0, 998.0))

    async def reported():
        sim.clear_faults()
        meters = {"load": {"energy_imported": next(values)}}
        sim.answers(body=meters, status=200, path="/api/meters/aggregates")
        await pass_time(clock, proxy, 6)
        return (await settled(proxy))["powerwall_energy_joules_total", "direction=imported"] / 3600

    proxy = await start(sim)
    before = [await reported(), await reported()]
    proxy = await start(sim)

    assert [*before, await reported()] == [1000, 1000, 1000]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("230h55m59.5s", 831359.5), ("12.5s", 12.5), ("3m0s", 180.0), ("", None), ("soon", None), (None, None)],
)
def test_durations_are_read_as_go_writes_them(text, seconds):
    assert span(text) == seconds


def test_year_one_is_no_moment():
    assert moment("0001-01-01T00:00:00Z") is None
    assert moment("2026-11-21T02:44:27.098762035-08:00") == pytest.approx(1795257867.098762)
    assert moment("yesterday") is None
