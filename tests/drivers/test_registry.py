"""Which drivers the settings select (docs/protocol.md, "Its mode")."""

from __future__ import annotations

import pytest

from proxy.config.settings import settings_of
from proxy.core.sources import METERS, VITALS
from proxy.drivers.registry import drivers_for, mode_of
from proxy.state.store import StateStore

HOST = {"host": "192.168.1.50"}
CASES = [
    ({}, "", []),
    (HOST, "off", ["local"]),
    ({**HOST, "password": "p"}, "off", ["local"]),
    ({**HOST, "gw_pwd": "g"}, "full", ["tedapi"]),
    # The peer ignores the gateway password here unless the address is 192.168.91.1.
    ({**HOST, "password": "p", "gw_pwd": "g"}, "hybrid", ["local", "tedapi"]),
    ({**HOST, "rsa_key_path": "k", "gw_pwd": "g"}, "v1r", ["v1r"]),
    # The local login has the energy counters, which v1r lacks.
    ({**HOST, "rsa_key_path": "k", "password": "p"}, "v1r", ["local", "v1r"]),
    ({**HOST, "rsa_key_path": "k", "gw_pwd": "g", "wifi_host": "192.168.91.1"}, "v1r", ["v1r", "tedapi"]),
    ({**HOST, "rsa_key_path": "k", "password": "p", "wifi_host": "192.168.91.1"}, "v1r", ["local", "v1r"]),
]


@pytest.mark.parametrize(("settings", "mode", "names"), CASES)
async def test_settings_choose_the_ways_and_their_order(settings, mode, names, clock):
    made = settings_of(**settings)

    assert mode_of(made.gateway) == mode
    assert [driver.name for driver in drivers_for(made.gateway, StateStore(""), clock.clock)] == names


async def test_hybrid_leaves_the_devices_to_tedapi(clock):
    local, tedapi = drivers_for(
        settings_of(**HOST, password="p", gw_pwd="g").gateway, StateStore(""), clock.clock
    )

    assert VITALS not in local.sources
    assert {VITALS, METERS} <= set(tedapi.sources)


async def test_hybrid_may_reach_tedapi_at_another_address(clock):
    settings = settings_of(**HOST, password="p", gw_pwd="g", wifi_host="192.168.91.1")

    local, tedapi = drivers_for(settings.gateway, StateStore(""), clock.clock)

    assert local.describe()["address"] == "192.168.1.50"
    assert tedapi.describe()["address"] == "192.168.91.1"
