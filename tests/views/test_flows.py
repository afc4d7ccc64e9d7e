"""Which source feeds which sink: known cases and properties (docs/protocol.md, "Power flows")."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.views.flows import Readings, flows

EDGES = ("s2h", "s2b", "s2g", "g2h", "g2b", "b2h", "b2g", "n2h", "n2b")

VECTORS = {
    "all from the sun": ((6500, -2100, -3500, 0, False), (900, 3500, 2100, 0, 0, 0, 0, 0, 0), 900, 0),
    "sun charges, grid helps": ((3000, 1000, -2000, 0, False), (1000, 2000, 0, 1000, 0, 0, 0, 0, 0), 2000, 0),
    "charging at night": ((0, 5000, -4000, 0, False), (0, 0, 0, 1000, 4000, 0, 0, 0, 0), 1000, 0),
    "sun only charges": ((65, 354, -65, 0, False), (0, 65, 0, 354, 0, 0, 0, 0, 0), 354, 0),
    "battery and sun export": ((1000, -2000, 3000, 0, False), (0, 0, 1000, 0, 0, 2000, 1000, 0, 0), 2000, 0),
    "battery exports": ((0, -2500, 3400, 0, False), (0, 0, 0, 0, 0, 900, 2500, 0, 0), 900, 0),
    "outage with sun": ((4300, 0, -3100, 0, True), (1200, 3100, 0, 0, 0, 0, 0, 0, 0), 1200, 0),
    "outage, noisy meter": ((600, 40, 800, 0, True), (600, 0, 0, 0, 0, 800, 0, 0, 0), 1400, 0),
    "outage on generator": ((0, 0, -1500, 4000, True), (0, 0, 0, 0, 0, 0, 0, 2500, 1500), 2500, 0),
    "inverter at night": ((-12, 500, 0, 0, False), (0, 0, 0, 500, 0, 0, 0, 0, 0), 500, 0),
    "recorded gateway": ((1144, 72, -60, 0, False), (1084, 60, 0, 72, 0, 0, 0, 0, 0), 1156, 0),
    "impossible readings": ((500, -3000, -1000, 0, False), (0, 500, 0, 0, 0, 0, 0, 0, 0), 0, 3500),
}

watts = st.integers(-20_000, 20_000)
sites = st.builds(
    Readings,
    solar=watts,
    site=watts,
    battery=watts,
    load=watts,
    generator=st.just(0) | watts,
    ev=st.lists(watts, max_size=3),
    islanded=st.booleans(),
)


def edges(reported):
    return {name: getattr(reported, name) for name in EDGES}


@pytest.mark.parametrize(("inputs", "expected", "home", "unserved"), VECTORS.values(), ids=VECTORS)
def test_flows_of_known_sites_are_those_of_the_table(inputs, expected, home, unserved):
    solar, site, battery, generator, islanded = inputs

    reported = flows(Readings(solar, site, battery, 1154, generator=generator, islanded=islanded))

    assert edges(reported) == dict(zip(EDGES, expected, strict=True))
    assert (reported.home, reported.unserved) == (home, unserved)


@given(sites)
def test_every_source_is_used_and_every_sink_served(site):
    reported = flows(site)
    assume(reported.unserved == 0)
    grid = 0 if site.islanded else site.site

    approx = lambda value: pytest.approx(value, abs=1e-6)
    assert min(edges(reported).values()) >= -1e-6
    assert reported.s2h + reported.s2b + reported.s2g == approx(max(site.solar, 0))
    assert reported.b2h + reported.b2g == approx(max(site.battery, 0))
    assert reported.s2b + reported.g2b + reported.n2b == approx(max(-site.battery, 0))
    assert reported.s2g + reported.b2g == approx(max(-grid, 0))
    assert reported.s2h + reported.b2h + reported.g2h + reported.n2h == approx(reported.home)


@given(watts, watts, watts)
def test_balanced_readings_need_at_most_three_flows(solar, site, battery):
    reported = flows(Readings(max(solar, 0), site, battery, max(solar, 0) + site + battery))

    assert sum(value > 0 for value in edges(reported).values()) <= 3
    assert reported.g2b * reported.b2g == 0


@given(sites, st.integers(2, 9))
def test_flows_scale_and_do_not_depend_on_the_load(site, factor):
    scaled = Readings(
        site.solar * factor,
        site.site * factor,
        site.battery * factor,
        17,
        generator=site.generator * factor,
        islanded=site.islanded,
    )

    expected = {name: pytest.approx(value * factor, abs=1e-6) for name, value in edges(flows(site)).items()}
    assert edges(flows(scaled)) == expected


@given(sites.filter(lambda site: not site.islanded), st.sampled_from(["solar", "site", "battery", "load"]))
def test_one_missing_reading_follows_from_the_others(site, missing):
    site = replace(site, load=site.site + site.battery + site.solar + site.generator)

    reported = flows(replace(site, **{missing: None}))

    assert reported == replace(flows(site), derived=missing)


def test_two_missing_readings_are_too_many():
    assert flows(Readings(None, 1, None, 2)) is None


def test_disagreement_of_the_meters_is_reported():
    """The recorded gateway: 1144 + 72 W come in, the load meter says 1154 and the battery takes 60."""
    assert flows(Readings(1144, 72, -60, 1154)).unbalanced == 2


def test_vehicles_take_at_most_what_reaches_the_home():
    assert flows(Readings(0, 5000, 0, 5000, ev=(3000, -10, 1000))).h2e == 4000
    assert flows(Readings(0, 5000, 0, 5000, ev=(3000, 7000))).h2e == 5000
