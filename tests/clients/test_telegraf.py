"""Powerwall-Dashboard: telegraf stores every field that its queries read, and spares the gateway."""

from __future__ import annotations

import asyncio

import pytest

from proxy.sim.server import SimulatedGateway
from tests.clients import telegraf

METERS = [
    f"{meter}_{value}"
    for meter in ("site", "load", "solar", "battery")
    for value in ("instant_power", "instant_total_current", "instant_average_voltage")
]
TOTALS = [
    "percentage",
    "grid_status",
    "backup_reserve_percent",
    "nominal_full_pack_energy",
    "nominal_energy_remaining",
]
BLOCK = ["v_out", "f_out", "i_out", "p_out", "q_out", "POD_nom_energy_remaining", "POD_nom_full_pack_energy"]
VITALS = ["temp", "PINV_Fout", "PINV_VSplit1", "PINV_VSplit2"]
ISLAND = [f"ISLAND_FreqL{n}_{side}" for n in (1, 2, 3) for side in ("Load", "Main")] + [
    f"ISLAND_VL{n}N_{side}" for n in (1, 2, 3) for side in ("Load", "Main")
]
STRINGS = [f"{letter}_{signal}" for letter in "ABCD" for signal in ("Current", "Power", "Voltage")]


def of_packs(count, fields):
    return [f"PW{number}_{name}" for number in range(1, count + 1) for name in fields]


async def test_every_field_of_the_dashboard_is_stored(start, clock):
    """A Powerwall+ and a Powerwall 2 on firmware with vitals: numbers, each from one URL or alike from two."""
    async with SimulatedGateway("fw21_44", clock=clock.clock, packs=2) as sim:
        reported = await telegraf.gather(await start(sim))

    expected = [*METERS, *TOTALS, *ISLAND, *STRINGS, *of_packs(2, BLOCK + VITALS)]
    assert reported.errors == {}
    assert [name for name in expected if name not in reported.fields()] == []
    assert [name for name in ("METER_X_VL1N", "METER_X_VL2N") if name not in reported.fields()] == []
    assert reported.clashes() == {}
    assert reported.fields()["grid_status"] == 1
    assert reported.fields("alerts")["SystemConnectedToGrid"] == 1


async def test_without_vitals_the_rest_is_stored(start, clock):
    async with SimulatedGateway("fw23_44", clock=clock.clock, packs=2) as sim:
        reported = await telegraf.gather(await start(sim))

    assert reported.errors == {}
    assert [name for name in (*METERS, *TOTALS, *of_packs(2, BLOCK)) if name not in reported.fields()] == []
    assert reported.clashes() == {}


@pytest.mark.parametrize("persona", ["fw21_44", "fw23_44"])
async def test_a_round_costs_the_gateway_six_requests_for_any_number_of_clients(start, clock, persona):
    async with SimulatedGateway(persona, clock=clock.clock) as sim:
        # A lifetime that a slow test machine does not use up in the middle of a round.
        proxy = await start(sim, cache_expire=60, cache_ttl=120)
        await telegraf.gather(proxy)  # finds out what this firmware offers
        before = len(sim.requests)

        clock.advance(60)
        await asyncio.gather(*(telegraf.gather(proxy) for _ in range(20)))

        assert len(sim.requests) - before <= 6


async def test_an_outage_leaves_a_gap_and_no_zeros(proxy, sim, clock):
    await telegraf.gather(proxy)

    sim.answers(status=503)
    clock.advance(60)
    reported = await telegraf.gather(proxy)

    assert reported.points == {}
    assert set(reported.errors.values()) == {"received status code 503"}
