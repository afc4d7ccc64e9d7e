"""Which format a client gets for what it says in Accept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.metrics.formats import OPENMETRICS, TEXT, chosen

OM = "application/openmetrics-text"
# What Prometheus 2.42 and 3.5 and telegraf 1.35 send.
PROMETHEUS_2 = f"{OM};version=1.0.0,{OM};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PROMETHEUS_3 = (
    f"{OM};version=1.0.0;escaping=allow-utf-8;q=0.5,{OM};version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
TELEGRAF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
    "text/plain;version=0.0.4;q=0.3"
)


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS_2,
        PROMETHEUS_3,
        OM,
        f"{OM}; version=1.0.0; charset=utf-8",
        f'{OM};version="1.0.0"',
        f"text/plain,{OM}",
        f"{OM};q=0.5, */*;q=0.1",
        f"{OM};q=0.5, text/plain;q=0.2, */*",
    ],
)
def test_openmetrics_is_for_who_takes_it_as_gladly(accept):
    assert chosen(accept) is OPENMETRICS


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/html,application/xhtml+xml,*/*;q=0.8",
        TELEGRAF,
        f"{OM};q=0",
        f"{OM};q=0, text/plain",
        f"text/plain, {OM};q=0.1",
        f"{OM};version=0.0.1",
        f"{OM};version=2.0.0",
        f"{OM};version=abc",
        f"{OM};q=much",
        "text/plain;version=x",
    ],
)
def test_everybody_else_gets_the_text(accept):
    """Also who names a version that is not spoken here, or none at all."""
    assert chosen(accept) is TEXT


@given(
    st.text() | st.from_regex(r"(application/openmetrics-text|text/plain)(;(q|version)=.*)*", fullmatch=True)
)
def test_any_accept_field_is_answered(accept):
    assert chosen(accept) in {OPENMETRICS, TEXT}


async def test_no_accept_field_is_an_error(proxy):
    """Neither a version nor an escaping of the client's comes back."""
    for accept in (f"{OM};version=abc", f"{OM};version=9.9", f"{OM};escaping=values", "text/plain;version=x"):
        answer = await proxy.get("/metrics", headers={"Accept": accept})

        assert answer.status == 200
        assert answer.headers["Content-Type"] in {OPENMETRICS.media_type, TEXT.media_type}
