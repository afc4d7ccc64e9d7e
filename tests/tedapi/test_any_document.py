"""Whatever a gateway leaves out, nulls or mistypes, translating it ends in documents or in nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.drivers.tedapi.translate import FROM_CONFIG, FROM_CONTROLLER, FROM_UNITS, translate
from tests.tedapi.sites import facts, recorded


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


EVERYTHING = {**FROM_CONFIG, **FROM_CONTROLLER, **FROM_UNITS}
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
JUNK = st.sampled_from([None, 0, -1, 1e308, "", "x", True, [], {}, [None], [[]], {"isMIA": True}])


@pytest.mark.parametrize("name", SITES)
@given(data=st.data())
def test_one_broken_place_breaks_nothing_else(name, data):
    site = facts(name, {data.draw(st.sampled_from(PLACES[name])): data.draw(JUNK)})

    for source, document in translate(EVERYTHING, site).items():
        assert document is not None, source
        json.dumps(document, allow_nan=False)


@pytest.mark.parametrize("name", SITES)
def test_nothing_told_is_nothing_known(name):
    nothing = facts(name, {"controller": {}, "config": {}, "components": {}})

    assert set(translate(EVERYTHING, nothing)) == {"/api/status"}  # the firmware has a source of its own
