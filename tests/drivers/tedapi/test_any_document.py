"""Whatever a gateway leaves out, nulls or mistypes, translating it ends in documents or in nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.drivers.tedapi.translate.sources import (
    FROM_CONFIG,
    FROM_CONFIG_AND_UNITS,
    FROM_CONTROLLER,
    FROM_FIRMWARE,
    FROM_UNITS,
    translate,
)
from tests.drivers.tedapi.sites import facts, recorded


def places(document, path=()):
    """Every place in a document."""
    yield path
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in inner:
        yield from places(value, (*path, str(key)))


EVERYTHING = {**FROM_CONFIG, **FROM_CONTROLLER, **FROM_FIRMWARE, **FROM_UNITS, **FROM_CONFIG_AND_UNITS}
SITES = ("pw2", "pw3")
PLACES = {
    name: [
        ".".join((part, *path))
        for part in ("controller", "config", "components")
        for path in places(recorded(name)[part])
        if path and not any("." in key for key in path)
    ]
    for name in SITES
}
JUNK = st.sampled_from(
    [
        *(None, 0, -1, 1e14, 1e308, "", "x", True, [], {}, [None], [[]], {"isMIA": True}),
        *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9+00:00"),
    ]
)
TIMES = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2024-01-24T12:00:00+00:00", 1e14, -1e14)


@pytest.mark.parametrize("name", SITES)
@given(data=st.data())
def test_one_broken_place_breaks_nothing_else(name, data):
    site = facts(name, {data.draw(st.sampled_from(PLACES[name])): data.draw(JUNK)})

    for source, document in translate(EVERYTHING, site).items():
        assert document is not None, source
        json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("name", SITES)
def test_nothing_reported_is_nothing_known(name):
    nothing = facts(name, {"controller": {}, "config": {}, "components": {}})

    assert set(translate(EVERYTHING, nothing)) == {"/api/status"}  # the firmware has a source of its own


@pytest.mark.parametrize("seen_since", [None, 0.0, 1e12, -1e12])
@pytest.mark.parametrize("up_ms", [None, 1e14, -1e14])
@pytest.mark.parametrize("time", TIMES)
def test_a_time_that_no_calendar_has_is_no_time(time, up_ms, seen_since):
    site = facts("pw2", {"controller.system.time": time}, seen_since=seen_since)
    uptime = {"signals": [{"name": "SYNC_Uptime", "value": up_ms}]}
    site.controller["components"]["msa"].insert(0, uptime)

    assert translate(EVERYTHING, site)["/api/status"]["version"]
