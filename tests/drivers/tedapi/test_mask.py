"""config.json leaves the proxy without people, places and credentials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.drivers.tedapi.translate.mask import MASKED, masked
from tests.drivers.tedapi.sites import recorded


def test_people_places_and_credentials_are_masked_and_the_rest_is_not():
    reported = masked(
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

    assert reported == {
        "vin": "1232100-00-E--TG1",
        "customer": {"name": MASKED, "registered": MASKED, "phones": [MASKED, MASKED], "fax": None},
        "installer": {"company": MASKED},
        "credentials": [{"user": MASKED, "digest": MASKED}],
        "site_info": {"site_name": "Home", "site_address": MASKED, "latitude": MASKED, "timezone": "UTC"},
        "client_protocols": {"mqtt": {"password": MASKED, "port": 1883}},
        "meters": [{"connection": {"device_serial": "V1", "https_conf": {"client_key": MASKED}}}],
    }


@pytest.mark.parametrize(
    "name",
    [
        "wifi_pwd",
        "apiKey",
        "encryptionKey",
        "server_ca_cert",
        "client_cert_pem",
        "pinCode",
        "sim_puk",
        "digest_salt",
        "Authorization",
        "oauth",
        "username",
        "user",
        "customer_id",
        "ownerName",
        "lastName",
        "phoneNumber",
        "contact",
        "zipCode",
        "gps",
        "mac",
        "iccid",
        "LFDI",
    ],
)
def test_it_is_masked_however_the_name_is_written(name):
    assert masked({"deep": [{name: "x"}]}) == {"deep": [{name: MASKED}]}


@pytest.mark.parametrize(
    "text", ["-----BEGIN PRIVATE KEY-----\nMII", "mqtts://u:p@broker:8883", "https://u@host/"]
)
def test_what_shows_by_itself_that_it_is_a_secret_is_masked_under_any_name(text):
    assert masked({"broker": [text], "url": "https://host/path?to=a@b"}) == {
        "broker": [MASKED],
        "url": "https://host/path?to=a@b",
    }


@pytest.mark.parametrize(
    "name",
    [
        "customer_preferred_export_rule",
        "disallow_charge_from_grid_with_solar_installed",
        "backup_reserve_percent",
        "nominal_system_energy_ac",
        "battery_expansions",
        "device_serial",
        "site_name",
        "timezone",
        "country",
        "state",
        "PINV_Pout",
        "SYNC_appGitHash",
        "contactorClosed",
    ],
)
def test_settings_and_readings_are_not(name):
    assert masked({name: "x"}) == {name: "x"}


def test_documents_without_anything_private_are_served_as_they_are():
    for name in ("pw2", "pw3"):
        for document in ("config", "status", "controller", "components"):
            assert masked(recorded(name)[document]) == recorded(name)[document]


@given(st.recursive(st.text(min_size=1), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_nothing_below_credentials_is_ever_shown(secret):
    assert set(excluded(masked({"credentials": secret}))) <= {MASKED}


def excluded(value):
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in excluded(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in excluded(item)]
    return [value]
