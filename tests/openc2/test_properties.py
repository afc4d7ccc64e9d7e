"""Every property of the profile, from real documents and from any others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core import ijson
from proxy.openc2.properties import DRAFT, PROPERTIES, masked
from proxy.sim.server import SimulatedGateway
from proxy.views.options import Options
from proxy.views.state import site_state

KINDS = {
    "number": (int, float),
    "integer": int,
    "string": str,
    "boolean": bool,
    "object": dict,
    "array": list,
}
ALL = {"action": "query", "target": {"properties": list(PROPERTIES)}}
# What firmware 1.15 does not report yet, at least not through these sources.
OLD = {"alerts", "problems", "mode", "backup_reserve", "grid_services_active"}
OLD |= {"energy_capacity", "energy_remaining"}
LACKING = {"fw1_15": OLD, "fw21_44": set(), "fw23_44": set()}


@pytest.mark.parametrize("persona", LACKING)
async def test_every_property_has_its_type(serve, clock, persona):
    async with SimulatedGateway(persona=persona, clock=clock.clock) as gateway:
        host = gateway.address if gateway.persona.tls else f"http://{gateway.address}"
        producer = await serve(gateway, host=host, password=gateway.password)

        reported = (await producer.send_request(ALL))["results"]["x-powerwall"]

        for name, row in PROPERTIES.items():
            if name in reported:
                assert isinstance(reported[name], KINDS[row.kind]), name
        assert set(reported.get("unavailable", [])) == LACKING[persona]


async def test_values_are_those_of_other_routes(producer):
    reported = (await producer.send_request(ALL))["results"]["x-powerwall"]
    meters = (await producer.proxy.get("/aggregates")).json()
    system = (await producer.proxy.get("/api/system_status")).json()

    assert reported["energy"]["site"] == {
        "imported_wh": meters["site"]["energy_imported"],
        "exported_wh": meters["site"]["energy_exported"],
    }
    assert set(reported["flows"]) == {"s2h", "s2b", "s2g", "g2h", "g2b", "b2h", "b2g"}
    assert (
        reported["battery"]["capacity"] == reported["energy_capacity"] == system["nominal_full_pack_energy"]
    )
    assert reported["battery"]["power"] == reported["battery_power"] == meters["battery"]["instant_power"]
    assert reported["device_count"] == len(reported["powerwalls"]) == len(reported["battery"]["units"])
    assert reported["powerwalls"][0]["ready"] is True
    assert reported["powerwalls"][0]["serial"] == "masked"
    assert reported["grid_voltage_setting"] == 240
    assert reported["uptime"] >= 0
    assert reported["backup_reserve"] == pytest.approx(
        (await producer.proxy.get("/pw/get_reserve")).json()["reserve"]
    )


async def test_serial_numbers_are_reported_where_they_are_allowed(serve, sim):
    hidden, shown = await serve(sim), await serve(sim, openc2_serials=True)
    serial = (await shown.proxy.get("/api/powerwalls")).json()["powerwalls"][0]["PackageSerialNumber"]

    assert serial not in (await hidden.send(ALL)).text
    assert serial in (await shown.send(ALL)).text


KEYS = """
percentage site battery instant_power grid_status grid_code powerwalls PackagePartNumber PackageSerialNumber
battery_blocks disabled_reasons problems up_time_seconds uptime version last_communication_time energy_imported
"""
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
sources = sorted({source for row in (*PROPERTIES.values(), *DRAFT.values()) for source in row.sources})


@given(st.dictionaries(st.sampled_from(sources), values))
def test_any_document_gives_a_value_or_none(documents):
    """Firmware drops keys and changes types: what cannot be read is unknown, never an error or a lie of JSON."""
    for rows in (PROPERTIES, DRAFT):
        for row in rows.values():
            ijson.encode(masked(row.read(site_state(documents, Options(), {}), documents)))
