"""What is a value of a setting, and what is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.commands import EXPORT_RULES, MODES, BadValue, parse
from proxy.core.model import Setting

anything = st.one_of(st.text(max_size=12), st.integers(), st.floats(), st.booleans())


@given(setting=st.sampled_from(Setting), raw=anything)
def test_whatever_comes_is_a_value_that_a_gateway_takes_or_nothing(setting, raw):
    """No text, number or flag gets through that the gateway would have to understand otherwise."""
    try:
        value = parse({setting: raw}).values[setting]
    except BadValue:
        return

    match setting:
        case Setting.RESERVE | Setting.OFF_GRID_VEHICLE_RESERVE:
            assert isinstance(value, int | float)
            assert math.isfinite(value)
            assert 0 <= value <= 100
        case Setting.MODE:
            assert value in MODES
        case Setting.GRID_EXPORT:
            assert value in EXPORT_RULES
        case Setting.MAX_BACKUP:
            assert isinstance(value, int)
            assert value == 0 or 60 <= value <= 30 * 86400
        case _:
            assert isinstance(value, bool)


@given(st.integers(0, 100))
def test_every_whole_percentage_is_a_reserve(percent):
    """As text of a form, and as a number of JSON."""
    assert parse({Setting.RESERVE: str(percent)}) == parse({Setting.RESERVE: percent})


@pytest.mark.parametrize(
    ("setting", "raw", "value"),
    [
        (Setting.RESERVE, "20.5", 20.5),
        (Setting.RESERVE, "020", 20),
        (Setting.MODE, "autonomous", "autonomous"),
        (Setting.GRID_CHARGING, "TRUE", True),
        (Setting.GRID_CHARGING, False, False),
        (Setting.GRID_EXPORT, "PV_Only", "pv_only"),
        (Setting.MAX_BACKUP, "10", 60),
        (Setting.MAX_BACKUP, "3600", 3600),
        (Setting.MAX_BACKUP, "Cancel", 0),
    ],
)
def test_these_are_values(setting, raw, value):
    """Words of rules and flags in any case, modes as they are; a backup lasts a minute at least."""
    assert parse({setting: raw}).values[setting] == value
