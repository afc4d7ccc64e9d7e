"""Which format a client gets for what it says in Accept, and how it is written."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric

from proxy.core.histogram import Histogram
from proxy.metrics.families import HISTOGRAM, Family, counter, gauge
from proxy.metrics.formats import OPENMETRICS, TEXT, chosen, lines

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
def test_other_clients_get_the_text(accept):
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


HISTOGRAM_OF_SECONDS = Family(
    "powerwall_x_seconds", HISTOGRAM, ("gateway", "driver"), "Duration", lambda made: made
)
FAMILIES = [
    gauge("x_watts", "meter b", 'Power of a "meter"\n, and \\ so on', lambda made: made),
    counter("x_joules_total", "meter direction", "Energy", lambda made: made),
    gauge("x", "", "Without labels", lambda made: made),
]


@settings(max_examples=50)
@given(
    st.sampled_from(FAMILIES),
    st.lists(
        st.tuples(
            st.tuples(st.text(max_size=5), st.text(max_size=5)) | st.tuples(st.text(max_size=5)),
            st.none() | st.floats() | st.integers(-(10**18), 10**18) | st.booleans(),
        ),
        max_size=4,
    ),
    st.none() | st.sampled_from(["house", 'g"\\\n']),
)
def test_lines_are_those_of_prometheus_client(family, samples, gateway):
    """It is the reference of both formats."""
    known = Metric(family.base, family.help, family.kind.value, unit=family.unit)
    for values, value in samples:
        if value is not None and math.isfinite(value):
            labels = dict(zip(family.labels, values, strict=False))
            known.add_sample(family.name, labels | ({"gateway": gateway} if gateway else {}), value)

    assert_same([known] if known.samples else [], family, samples, gateway)


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1e9), max_size=5))
def test_histograms_are_those_of_prometheus_client(observed):
    histogram, below = Histogram((0.1, 1.0, 2.5e6)), 0
    for seconds in observed:
        histogram.add(seconds)
    known = HistogramMetricFamily(
        "powerwall_x_seconds", "Duration", labels=["gateway", "driver"], unit="seconds"
    )
    buckets = []
    for bound, count in zip(("0.1", "1.0", "2500000.0", "+Inf"), histogram.counts, strict=True):
        buckets.append((bound, below := below + count))
    known.add_metric(("house", "local"), buckets, histogram.total)

    assert_same([known], HISTOGRAM_OF_SECONDS, [(("house", "local"), histogram)], None)


def assert_same(known, family, samples, gateway):
    reference = SimpleNamespace(collect=lambda: known)
    for wanted in (TEXT, OPENMETRICS):
        ours = "".join(wanted.family(family, lines(family, samples, gateway))).encode()
        assert ours + wanted.write(CollectorRegistry()) == wanted.write(reference)
