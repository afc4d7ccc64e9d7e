"""No site is too odd: every view renders every combination of documents as strict JSON."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.core.sources import METERS
from proxy.server.data.readings import encode
from proxy.server.route import Style
from proxy.views import batteries, devices, meters, site, strings
from proxy.views.options import Options
from proxy.views.state import site_state
from tests.views.strategies import documents

VIEWS = (
    batteries.battery_blocks,
    batteries.freq,
    batteries.pod,
    batteries.temp_numbers,
    devices.alert_flags,
    devices.alert_list,
    devices.alerts,
    devices.fan_numbers,
    devices.fans,
    devices.temps,
    devices.vitals,
    meters.csv,
    meters.csv_v2,
    meters.json,
    meters.level,
    meters.power,
    meters.soe_app,
    meters.time_remaining,
    site.din,
    site.version,
    site.is_connected,
    site.mode,
    site.problems,
    site.reserve,
    site.site_name,
    site.uptime,
    site.version,
    strings.strings,
    strings.verbose,
)

options = st.builds(
    Options,
    neg_solar=st.booleans(),
    site_zero_threshold=st.sampled_from([0.0, 50.0, 1e9]),
    headers=st.booleans(),
    pack_order=st.just(()) | st.just(("2012170-25-E--TG2", "3012170-05-B--TG1")),
)


def strict_json(rendered):
    """Encode as the server does, and read as a client that takes no NaN does."""
    body = encode(rendered, Style.PRETTY)
    return body if isinstance(rendered, str) else json.loads(body, parse_constant=pytest.fail)


# Documents this big are slow to draw on a busy machine; that says nothing about the views.
patient = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@patient
@given(documents=documents(), options=options)
def test_every_view_renders_every_site_and_changes_nothing(documents, options):
    """Nothing crashes, nothing is written into a snapshot, and what comes out is strict JSON."""
    before = copy.deepcopy(documents)

    for view in VIEWS:
        strict_json(view(documents, options))

    assert repr(documents) == repr(before)


@patient
@given(documents=documents(), options=options)
def test_every_meter_section_renders_every_site(documents, options):
    documents = {METERS: None, **documents}

    for view in (meters.aggregates, meters.meter("site"), meters.meter("load")):
        strict_json(view(documents, options))


@patient
@given(documents=documents(), options=options)
def test_flows_of_every_site_are_known_or_not_at_all(documents, options):
    reported = site_state(documents, options, {}).flows

    assert reported is None or min(reported.s2h, reported.g2h, reported.b2h, reported.n2h) >= -1e-6
