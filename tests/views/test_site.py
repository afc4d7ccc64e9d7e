"""Firmware, grid, mode and reserve."""

from __future__ import annotations

import pytest

from proxy.core.sources import GRID_STATUS, OPERATION, PROBLEMS, STATUS
from proxy.views import site
from proxy.views.options import Options

OPTIONS = Options()


@pytest.mark.parametrize(
    ("version", "number"),
    [
        ("23.44.0 9064fc6a", 234400),
        ("1.2", 10200),
        ("v25.10.1", 251001),
        ("23.4.10.2", 23041002),
        ("1.15.0\n", 11500),
        ("22.26.1-foxtrot", 222601),
        ("1..2", 10002),
        ("nightly", None),
        ("...", None),
        ("9" * 5000, None),
    ],
)
def test_a_version_is_also_a_number(version, number):
    assert site.version({STATUS: {"version": version}}, OPTIONS) == {"version": version, "vint": number}


def test_a_version_that_is_not_reported_is_not_solar_only():
    assert site.version({STATUS: {}}, OPTIONS) == {"version": None, "vint": None}


@pytest.mark.parametrize(
    ("state", "reported"),
    [
        ("SystemGridConnected", 1),
        ("SystemIslandedActive", 0),
        ("SystemMicroGridFaulted", 0),
        ("SystemTransitionToGrid", -1),
        ("SystemIslandedReady", -1),
        ("SystemGridFuture", None),
        (None, None),
        (7, None),
    ],
)
def test_the_grid_is_up_down_in_transition_or_unknown(state, reported):
    assert site.grid_number({GRID_STATUS: {"grid_status": state}}) == reported


@pytest.mark.parametrize(
    ("raw", "app"), [(24, 20.0), (100, 100.0), (5, 0), (0, 0), (None, None), ("24", None)]
)
def test_the_reserve_is_on_the_scale_of_the_app(raw, app):
    assert site.reserve({OPERATION: {"backup_reserve_percent": raw}}, OPTIONS) == {"reserve": app}


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        ({"real_mode": "autonomous"}, "autonomous"),
        ({"mode": "backup"}, "backup"),  # firmware 1.x
        ({"real_mode": ""}, None),
        ({}, None),
    ],
)
def test_the_mode_is_found_under_its_old_and_new_name(operation, mode):
    assert site.mode({OPERATION: operation}, OPTIONS) == {"mode": mode}


def test_a_connection_is_a_status_that_can_be_had():
    assert site.is_connected({STATUS: {}}, OPTIONS) == {"is_connected": True}
    assert site.is_connected({}, OPTIONS) == {"is_connected": False}


def test_firmware_without_a_list_of_problems_has_none():
    assert site.problems({}, OPTIONS) == {"problems": []}
    assert site.problems({PROBLEMS: {"problems": ["x"]}}, OPTIONS) == {"problems": ["x"]}
