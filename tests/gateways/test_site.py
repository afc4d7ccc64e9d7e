"""What a total says about where its energies come from."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.cache.source_cache import SourceCache
from proxy.config.gateway_settings import GatewaySettings
from proxy.core.clock import Clock
from proxy.core.freshness import Policy
from proxy.core.model import ENERGY_COUNTERS, Document
from proxy.core.sources import METERS
from proxy.gateways.gateway import Gateway
from proxy.gateways.site import SiteDriver
from proxy.state.store import StateStore
from proxy.views.options import Options

STOPPED = Clock(lambda: 100.0, lambda: 1_760_000_000.0)
# Who counted the energies of a member: its gateway itself, the cloud, or this proxy, which integrates powers.
ORIGINS = st.sampled_from([None, "cloud", "integrated"])


def member(id_, energy, origin):
    """A gateway that holds a reading of its meters."""
    cache = SourceCache((), STOPPED, policy=Policy(5.0), deadline_s=1.0, name=id_)
    meter = {
        "last_communication_time": "2026-07-01T12:00:00Z",
        "instant_power": 1.0,
        "energy_imported": energy,
        "energy_exported": 0.0,
    }
    notes = {ENERGY_COUNTERS: origin} if origin else {}
    value = {"site": meter, "load": meter}
    cache.store.put(METERS, Document(value, b"{}", 100.0, 100.0, notes=notes), Policy(5.0))
    return Gateway(GatewaySettings(id=id_), cache, STOPPED, StateStore(""), Options())


def total_of(origins):
    members = [member(f"g{number}", 1000.0 * number, origin) for number, origin in enumerate(origins)]
    driver = SiteDriver(members, STOPPED, name="Home", grid="")
    return asyncio.run(driver.fetch(METERS))[METERS]


@settings(max_examples=40, deadline=None)
@given(st.lists(ORIGINS, min_size=1, max_size=4))
def test_a_total_names_the_origin_of_every_energy_in_it_that_no_gateway_counted(origins):
    """Rule (e): one member whose energies are integrated makes the total integrated; none leaves it unmarked."""
    total = total_of(origins)

    named = total.notes.get(ENERGY_COUNTERS, "")
    assert set(filter(None, named.split(", "))) == {origin for origin in origins if origin}
    assert (ENERGY_COUNTERS in total.notes) == any(origins)
    assert total.value["load"]["energy_imported"] == sum(1000.0 * number for number in range(len(origins)))
