"""The library of Home Assistant's own Powerwall integration, unchanged, with the proxy as its gateway."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from tesla_powerwall import AccessDeniedError, GridStatus, Powerwall

from proxy.sim.server import SimulatedGateway
from tests.fleet.conftest import gateway


@pytest.fixture
async def home_assistant(start, sim):
    """Home Assistant in front of a proxy that serves TLS: it takes any certificate, and cookies."""
    async with AsyncExitStack() as stack:

        async def connect(login="whatever", gateway=sim, **settings):
            proxy = connect.proxy = await start(gateway, https="yes", **settings)
            library = await stack.enter_async_context(Powerwall(f"127.0.0.1:{proxy.port}"))
            await library.login(login, email="owner@example.com")
            return library

        yield connect


async def poll(library: Powerwall) -> dict:
    """What the integration requests every 30 seconds, one request after another."""
    return {
        "reserve": await library.get_backup_reserve_percentage(),
        "charge": await library.get_charge(),
        "sitemaster": await library.get_sitemaster(),
        "meters": await library.get_meters(),
        "services": await library.is_grid_services_active(),
        "grid": await library.get_grid_status(),
        "batteries": await library.get_batteries(),
    }


@pytest.mark.each_loop
async def test_home_assistant_sets_it_up(home_assistant, sim):
    """What the config flow and the set-up read, in their order."""
    library = await home_assistant()

    site = await library.get_site_info()
    din = await library.get_gateway_din()
    serials = await library.get_serial_numbers()
    status = await library.get_status()

    assert site.site_name
    assert din == sim.din
    assert len(serials) == len(await library.get_batteries())
    assert status.version.startswith("21.44")
    assert status.start_time.tzinfo is not None
    assert sim.logins == 1


async def test_a_poll_has_every_reading_of_the_gateway(home_assistant):
    """Powers, and the charge in percent of the whole pack: Home Assistant converts it itself."""
    library = await home_assistant()

    reported = await poll(library)
    raw = (await home_assistant.proxy.get("/soe")).json()["percentage"]

    meters = reported["meters"]
    assert (
        meters.site.instant_power + meters.battery.instant_power + meters.solar.instant_power
        == pytest.approx(meters.load.instant_power)
    )
    assert reported["charge"] == raw
    assert reported["grid"] is GridStatus.CONNECTED
    assert reported["services"] is False
    assert reported["sitemaster"].is_running


async def test_a_powerwall_3_over_tedapi_is_a_gateway_too(home_assistant, clock):
    """It has no such API of its own; energies are those that the proxy counts from power."""
    async with SimulatedGateway("pw3", clock=clock.clock, followers=1, expansions=1) as powerwall3:
        powerwall3.pin(solar=0, battery=0, load=3600)
        library = await home_assistant(gateway=powerwall3, password="", gw_pwd=powerwall3.gw_pwd)

        assert await library.get_gateway_din() == powerwall3.din
        assert len(await library.get_serial_numbers()) == 2
        assert (await library.get_status()).version == "25.42.2 1c3bd2f7"
        assert (await library.get_site_info()).nominal_system_energy > 0
        first = (await poll(library))["meters"].load.get_energy_imported(precision=6)
        for _ in range(10):
            clock.advance(30)
            reported = await poll(library)

        assert reported["meters"].load.get_energy_imported(precision=6) - first == pytest.approx(
            0.3, rel=0.02
        )
        assert reported["meters"].load.get_power() == 3.6
        assert len(reported["batteries"]) == 3
        assert reported["grid"] is GridStatus.CONNECTED
        assert reported["sitemaster"].is_running


def rounded(meters) -> list:
    """What the integration makes of each meter; it ends at a value that is no number."""
    return [
        round(value, 1)
        for meter in meters.meters.values()
        for value in (
            *(meter.get_power(), meter.get_energy_exported(), meter.get_energy_imported(), meter.frequency),
            *(meter.get_instant_total_current(), meter.instant_average_voltage),
        )
    ]


@pytest.mark.parametrize(("persona", "meters"), [("fw23_44", 4), ("pw3", 4), ("solar_only", 3)])
@pytest.mark.parametrize("state", ["day", "night", "outage"])
async def test_every_value_that_it_rounds_is_a_number_over_tedapi(
    home_assistant, clock, persona, meters, state
):
    """Also of inverters that sleep, and of a grid that is away."""
    async with SimulatedGateway(persona, clock=clock.clock, hour=2 if state == "night" else 12) as gateway:
        if state == "outage":
            gateway.plant.contactor.open(gateway.plant.seconds)
            clock.advance(60)
        library = await home_assistant(gateway=gateway, password="", gw_pwd=gateway.gw_pwd)

        readings = await library.get_meters()
        grid = await library.get_grid_status()

    assert len(rounded(readings)) == meters * 6
    assert grid is (GridStatus.ISLANDED if state == "outage" else GridStatus.CONNECTED)


async def test_it_logs_in_again_when_its_session_is_over(home_assistant, clock):
    """Home Assistant gets a lost session as 401 and logs in again."""
    library = await home_assistant()
    await poll(library)

    clock.advance(25 * 3600)

    with pytest.raises(AccessDeniedError):
        await poll(library)
    await library.login("whatever")
    assert (await poll(library))["grid"] is GridStatus.CONNECTED


async def test_the_gateway_never_hears_of_its_logout(home_assistant, sim):
    """A logout ends the proxy's own session; another program's goes on."""
    first = await home_assistant()
    await first.get_charge()

    await first.logout()

    assert not first.is_authenticated()
    assert sim.requests_for("/api/logout") == 0


async def test_a_password_of_the_house_is_required_where_it_is_set(home_assistant):
    """PW_LAN_PASSWORD."""
    with pytest.raises(AccessDeniedError):
        await home_assistant("wrong", lan_password="späti")

    library = await home_assistant("späti", lan_password="späti")
    assert await library.get_charge()


async def test_an_outage_is_an_error_and_not_a_reading(home_assistant, sim, clock):
    """Home Assistant shows "unavailable" and tries again; null would stop its updates permanently."""
    library = await home_assistant()
    await poll(library)

    sim.answers(status=503)
    clock.advance(60)

    with pytest.raises(Exception, match="503"):
        await poll(library)
    sim.clear_faults()
    clock.advance(30)
    assert await poll(library)


async def test_the_second_of_two_gateways_is_read_at_its_own_port(serve, sims):
    """The library knows a host and a port, and no path."""
    listed = [gateway("house", sims["house"]), gateway("garage", sims["garage"], listen=0)]
    proxy = await serve(listed, https="yes")
    (port,) = proxy.context.ports

    async with Powerwall(f"127.0.0.1:{port}") as library:
        await library.login("whatever", email="owner@example.com")
        din, polled = await library.get_gateway_din(), await poll(library)

    assert din == sims["garage"].din
    assert len(polled["batteries"]) == 1
    assert not sims["house"].requests
