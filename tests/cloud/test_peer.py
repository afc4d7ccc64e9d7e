"""The pypowerwall library reads a site of the Fleet API, and so do we: what Tesla reports is the same, what it does not is unknown here."""

from __future__ import annotations

import asyncio
import json

import pypowerwall
import pytest

# What the cloud reports of a meter; the library invents the rest: zeros, a time-out, a time in the year 1.
OF_METERS = {"last_communication_time", "instant_power", "num_meters_aggregated"}
# What the cloud reports of /api/system_status; the rest are constants of the library.
OF_SYSTEM = {
    *("nominal_full_pack_energy", "nominal_energy_remaining", "grid_services_power", "system_island_state"),
    *("max_charge_power", "max_discharge_power", "max_apparent_power"),
    *("available_blocks", "blocks_controlled", "battery_blocks"),
}
ALIKE = (
    "/api/system_status/grid_status",
    "/api/site_info",
    "/api/site_info/site_name",
    "/api/tesla/tariff_rate",
)


@pytest.fixture
async def both_read(connect, cloud, tmp_path):
    """Read through our proxy and through the library, which use the same file; ``both_read(path)``."""
    proxy = await connect(cloud)
    file = tmp_path / "auth" / ".pypowerwall.fleetapi"
    document = json.loads(file.read_text()) | {"AUDIENCE": cloud.url, "site_id": cloud.site.site_id}
    file.write_text(json.dumps(document))

    def library() -> pypowerwall.Powerwall:
        return pypowerwall.Powerwall(
            host="", cloudmode=True, fleetapi=True, authpath=str(file.parent), email="owner@example.com"
        )

    peer = await asyncio.to_thread(library)

    async def both_read(path: str):
        theirs = await asyncio.to_thread(peer.poll, path)
        ours = (await proxy.get(path)).json()
        return json.loads(theirs) if isinstance(theirs, str) else theirs, ours

    both_read.peer, both_read.proxy = peer, proxy
    yield both_read
    peer.client.close_session()


async def test_documents_that_the_cloud_reports_whole_are_alike(both_read):
    for path in ALIKE:
        theirs, ours = await both_read(path)
        assert ours == theirs, path


async def test_meters_have_the_same_powers_and_nothing_invented(both_read):
    theirs, ours = await both_read("/api/meters/aggregates")

    assert ours == {
        name: {key: value if key in OF_METERS else None for key, value in meter.items()}
        for name, meter in theirs.items()
    }


async def test_the_system_status_has_what_the_cloud_reports(both_read):
    theirs, ours = await both_read("/api/system_status")

    assert ours == {key: value for key, value in theirs.items() if key in OF_SYSTEM}


async def test_the_status_has_no_constants(both_read):
    """The commit stands in the version."""
    theirs, ours = await both_read("/api/status")
    known = {"din", "version", "device_type"}

    assert ours == {
        **{key: theirs[key] if key in known else None for key in ours},
        "git_hash": theirs["version"].split()[1],
    }


async def test_functions_give_the_same_values(both_read):
    """Charge is that of the whole pack, the reserve the app's."""
    peer, proxy = both_read.peer, both_read.proxy
    functions = {
        "level": peer.level,
        "power": peer.power,
        "get_reserve": peer.get_reserve,
        "get_mode": peer.get_mode,
        "version": peer.version,
        "din": peer.din,
        "site_name": peer.site_name,
        "alerts": peer.alerts,
        "get_time_remaining": peer.get_time_remaining,
    }

    for name, function in functions.items():
        theirs = await asyncio.to_thread(function)
        ours = (await proxy.get(f"/pw/{name}")).json()
        assert (ours if name == "power" else next(iter(ours.values()))) == theirs, name


async def test_the_controller_is_the_same_device(both_read):
    """Without a maker, a kind and a time that the cloud does not report."""
    theirs = await asyncio.to_thread(both_read.peer.vitals)
    ours = (await both_read.proxy.get("/vitals")).json()

    assert ours.keys() == theirs.keys()
    [(name, device)] = ours.items()
    for key in ("alerts", "firmwareVersion", "partNumber", "serialNumber"):
        assert device[key] == theirs[name][key]
