"""config.json leaves the proxy without people, places and credentials."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.drivers.tedapi.mask import MASKED, masked
from tests.tedapi.sites import recorded


def test_people_places_and_credentials_are_masked_and_the_rest_is_not():
    told = masked(
        {
            "vin": "1232100-00-E--TG1",
            "customer": {"name": "A. Person", "registered": True, "phones": ["1", "2"], "fax": None},
            "installer": {"company": "Solar & Sons"},
            "credentials": [{"user": "u", "digest": "d"}],
            "site_info": {
                "site_name": "Home",
                "site_address": "1 Street",
                "latitude": 1.5,
                "timezone": "UTC",
            },
            "client_protocols": {"mqtt": {"password": "p", "port": 1883}},
            "meters": [{"connection": {"device_serial": "V1", "https_conf": {"client_key": "k"}}}],
        }
    )

    assert told == {
        "vin": "1232100-00-E--TG1",
        "customer": {"name": MASKED, "registered": MASKED, "phones": [MASKED, MASKED], "fax": None},
        "installer": {"company": MASKED},
        "credentials": [{"user": MASKED, "digest": MASKED}],
        "site_info": {"site_name": "Home", "site_address": MASKED, "latitude": MASKED, "timezone": "UTC"},
        "client_protocols": {"mqtt": {"password": MASKED, "port": 1883}},
        "meters": [{"connection": {"device_serial": "V1", "https_conf": {"client_key": MASKED}}}],
    }


def test_a_configuration_without_anything_private_is_served_as_it_is():
    for name in ("pw2", "pw3"):
        assert masked(recorded(name)["config"]) == recorded(name)["config"]


@given(st.recursive(st.text(min_size=1), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_nothing_below_credentials_is_ever_shown(secret):
    assert set(leaves(masked({"credentials": secret}))) <= {MASKED}


def leaves(value):
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]
