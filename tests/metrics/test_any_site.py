"""No site is too odd for /metrics: any documents make a body that Prometheus takes."""

import math
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.cache.source_cache import SourceCache
from proxy.core.clock import Clock
from proxy.core.freshness import Policy
from proxy.core.json_access import number
from proxy.core.model import Document
from proxy.core.sources import METERS
from proxy.gateways.site_model import SiteModel
from proxy.metrics.exposition import Metrics
from proxy.metrics.proxy_samples import Running
from proxy.metrics.scraped_site import scraped_site
from proxy.views.options import Options
from proxy.views.page import flow
from proxy.views.state import site_state
from tests.metrics.reading import OPENMETRICS, read
from tests.views.strategies import documents

STOPPED = Clock(lambda: 100.0, lambda: 1_760_000_000.0)
ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.lists(st.none(), max_size=2)
)


def scraped(reported):
    """Scrape a proxy that holds these documents."""
    gateway = SourceCache((), STOPPED, policy=Policy(5.0), deadline_s=1.0)
    for source, value in reported.items():
        gateway.store.put(source, Document(value, b"", 100.0, 100.0), Policy(5.0))
    traffic = SimpleNamespace(in_flight=0, requests=Counter(), seconds={}, bytes_sent=Counter())
    running = Running(gateways=(gateway,), traffic=traffic, clock=STOPPED, started_at=0.0)
    metrics = Metrics(
        running,
        lambda g: scraped_site(g, SiteModel(g, Options).current(), STOPPED.wall(), serials=True),
        lambda _, __, value: value,
    )
    text, openmetrics = (read_as(metrics, accept) for accept in ("", OPENMETRICS))
    assert openmetrics.keys() >= text.keys()
    counted = {
        key: value for key, value in text.items() if key[0].endswith(("_total", "_count", "_sum", "_bucket"))
    }
    assert all(math.isfinite(value) and value >= 0 for value in counted.values()), counted
    return text


def read_as(metrics, accept):
    body, media_type = metrics.scrape(accept)
    return read(body.decode(), openmetrics=media_type.startswith("application/openmetrics-text"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_any_documents_make_a_body_without_a_series_twice(reported):
    scraped(reported)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.dictionaries(st.text("abcdefg_", max_size=20), ODD, max_size=4))
def test_any_value_in_the_place_of_a_document_is_no_error(reported, odd):
    """A shape that no gateway has shown yet costs its series, never the scrape."""
    scraped(dict.fromkeys(reported, odd))


@pytest.mark.parametrize("impossible", [-1, -9817600.25, 1e306, -math.inf, math.nan, 10**400])
def test_a_counter_that_no_meter_can_have_is_left_out_and_counted(impossible):
    """After a meter was exchanged, lifetime energies below zero were seen; a scrape with one is unreadable."""
    reported = {"instant_power": 120, "energy_exported": impossible, "energy_imported": 5}
    series = scraped({METERS: {"site": reported, "solar": {"energy_exported": 8_000_000}}})

    assert set(series.named("powerwall_energy_joules_total").values()) == {18_000.0, 28_800_000_000.0}
    assert series["powerwall_instant_power_watts", "meter=site"] == 120
    left_out = series.named("powerwall_proxy_implausible_values_total").values()
    assert sum(left_out) == (1 if is_number(impossible) else 0)


def is_number(value):
    return number(value) is not None


def test_a_meter_that_the_gateway_never_heard_from_is_no_meter():
    """Firmware lists generator and busway of houses that have none, last heard of in year 1."""
    never = {"last_communication_time": "0001-01-01T00:00:00Z", "instant_power": 700, "energy_exported": 9}
    site = {"last_communication_time": "2026-11-20T12:00:00-08:00", "instant_power": 500}
    house = {"site": site, "load": {"instant_power": 1500}, "battery": {"instant_power": 1000}}
    reported = {METERS: {**house, "solar": never, "generator": never, "busway": never}}

    series = scraped(reported)

    assert not [key for key in series if {"meter=solar", "meter=generator", "meter=busway"} & set(key)]
    assert series["powerwall_flow_watts", "source=grid", "sink=home"] == 500
    assert series["powerwall_flow_watts", "source=battery", "sink=home"] == 1000
    assert series["powerwall_flow_unbalanced_watts",] == 0
    page = flow(site_state(reported, Options(), {}))
    assert (page["has"]["solar"], page["generator"], page["unbalanced"]) == (False, None, 0)


def test_phase_currents_are_reported_where_a_meter_measures_them():
    """Three zeros are a meter that does not."""
    site = {"instant_power": 500, "i_a_current": 1.5, "i_b_current": 0, "i_c_current": 0.5}
    load = {"instant_power": 500, "i_a_current": 0, "i_b_current": 0, "i_c_current": 0}
    series = scraped({METERS: {"site": site, "load": load}})

    assert set(series.named("powerwall_phase_current_amperes").values()) == {1.5, 0.0, 0.5}
    assert all("meter=site" in labels for labels in series.named("powerwall_phase_current_amperes"))


def test_fans_are_named_as_in_their_route():
    vitals = {"PVAC--1--X": {"PVAC_Fan_Speed_Actual_RPM": 1200, "PVAC_Fan_Speed_Target_RPM": 1300}}
    series = scraped({"/api/devices/vitals": vitals})

    assert series["powerwall_battery_fan_rpm", "block=FAN1", "kind=actual"] == 1200
    assert series["powerwall_battery_fan_rpm", "block=FAN1", "kind=target"] == 1300
