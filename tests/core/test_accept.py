"""What a client accepts, and how gladly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.accept import parse_accept


@pytest.mark.parametrize(
    ("field", "items"),
    [
        ("gzip", [("gzip", 1.0, [])]),
        ("GZIP;Q=0.5 , br ; q=1.000", [("gzip", 0.5, []), ("br", 1.0, [])]),
        ('text/plain; version="0.0.4"; q=0', [("text/plain", 0.0, ['version="0.0.4"'])]),
    ],
)
def test_every_item_has_its_weight_and_parameters(field, items):
    assert list(parse_accept(field)) == items


@pytest.mark.parametrize("weight", ["", "x", "-1", "1.5", "0,5", "1e9", "nan", "0.0001"])
def test_a_weight_that_cannot_be_read_is_none(weight):
    assert next(parse_accept(f"gzip;q={weight}"))[1] == 0.0


@given(st.text())
def test_whatever_comes_has_a_weight(field):
    assert all(0 <= weight <= 1 for _, weight, _ in parse_accept(field))
