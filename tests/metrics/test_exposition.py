"""The format of /metrics: clean in the eyes of Prometheus' own tools, whatever the gateway does."""

import gzip

import pytest

from proxy.publish.energy import ENERGY
from proxy.publish.facts import Facts
from proxy.publish.families import Ratchet
from proxy.publish.metrics import Metrics
from proxy.publish.running import Running
from proxy.sim.faults import Fault
from proxy.sim.personas import PERSONAS
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, until
from tests.metrics.reading import (
    OPENMETRICS,
    as_text,
    counters,
    parse_openmetrics,
    promtool_remarks,
    read,
    scrape,
    settled,
)


async def clean(proxy):
    """Assert that both formats are in order and tell the same series.

    promtool reads the older text format only, also what is OpenMetrics. There a counter ``c_total`` is a
    family of that name, while OpenMetrics 1.0 declares it as ``c`` and forbids a family ``c_total`` beside it
    ("MUST NOT result in a potential clash for sample metric names"). So no OpenMetrics body with a typed
    counter passes without "c_total no help text" (see the next two tests): exactly this about each counter
    is let pass, and nothing at all once the counters are declared as that format wants it.
    """
    text = await proxy.get("/metrics", headers={"Accept": "text/plain"})
    openmetrics = await proxy.get("/metrics", headers={"Accept": OPENMETRICS})

    assert promtool_remarks(text.text) == []
    assert promtool_remarks(as_text(openmetrics.text)) == []
    inevitable = {f"{name}_total no help text" for name in counters(openmetrics.text)}
    assert set(promtool_remarks(openmetrics.text)) == inevitable
    assert openmetrics.headers["Content-Type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")
    assert read(openmetrics.text, openmetrics=True).keys() >= read(text.text).keys()
    assert "_created" not in openmetrics.text


COUNTER = "# HELP c Help\n# TYPE c counter\nc_total 1.0\n# EOF\n"


@pytest.mark.parametrize(
    "silent",
    [
        f"# HELP c_total Help\n{COUNTER}",
        COUNTER.replace("# TYPE", "# HELP c_total Help\n# TYPE"),
        COUNTER.replace("# HELP c ", "# HELP c_total "),
        COUNTER.replace(" c ", " c_total "),
        COUNTER.replace("# TYPE", "#\tHELP c_total Help\n# TYPE"),
    ],
)
def test_what_would_silence_promtool_is_no_openmetrics(silent):
    """Neither a second declaration, nor one by the other name, nor a comment: a strict reader refuses them all."""
    assert promtool_remarks(COUNTER) == ["c_total no help text"]
    assert promtool_remarks(silent) == []
    assert read(COUNTER, openmetrics=True)
    with pytest.raises(ValueError, match=r"Clashing name: c|Invalid line"):
        read(silent, openmetrics=True)


def test_openmetrics_could_be_silent_without_types_only():
    """A family ``c_total`` of no type is allowed, but no reader would know any more that it is a counter, nor its unit."""
    untyped = COUNTER.replace("# TYPE c counter\n", "").replace(" c ", " c_total ")
    [family] = parse_openmetrics(untyped)

    assert promtool_remarks(untyped) == []
    assert (family.name, family.type) == ("c_total", "unknown")


@pytest.mark.parametrize("persona", PERSONAS)
async def test_promtool_and_both_parsers_have_no_remark(persona, start, clock):
    """On every generation of firmware, over every way that leads to it, and when it is gone."""
    async with SimulatedGateway(persona, clock=clock.clock) as sim:
        address = sim.address if sim.gateway.persona.tls else f"http://{sim.address}"
        gw_pwd = sim.gw_pwd if sim.gateway.persona.tedapi else ""
        proxy = await start(sim, host=address, password=sim.password, gw_pwd=gw_pwd, metrics_refresh="all")
        assert {row.name for row in ENERGY} & (await settled(proxy)).names
        await clean(proxy)

        await until(lambda: not proxy.context.gateway.is_asking)
        sim.faults.add(Fault(action="reset"))
        await pass_time(clock, proxy, 60)
        assert {row.name for row in ENERGY} & (await settled(proxy)).names == set()
        await clean(proxy)


async def test_promtool_has_no_remark_during_an_outage(sim, start, clock):
    """Fresh, stale, expired, and without any gateway."""
    proxy = await start(sim, metrics_refresh="all")
    await settled(proxy)
    sim.answers(status=500)
    for seconds in (7, 60):
        await pass_time(clock, proxy, seconds)
        await clean(proxy)

    await clean(await start())


async def test_a_scrape_does_not_wait_for_a_gateway_that_hangs(sim, start):
    """No time passes for it but its own: the clock of this test stands still for everybody who waits."""
    proxy = await start(sim, metrics_refresh="all")
    sim.faults.add(Fault(action="hang"))
    scrapes = [await scrape(proxy) for _ in range(3)]
    await until(lambda: sim.requests)

    assert proxy.context.gateway.is_asking
    assert scrapes[-1]["powerwall_proxy_requests_total", "route=/metrics", "status=200"] == 2


async def test_two_gateways_are_told_apart_by_their_label(sim, start):
    """Every series of a gateway has the label, so two of them never collide."""
    first, second = await start(sim), await start(sim)
    for proxy in (first, second):
        await settled(proxy)
    second.context.gateway.name = "cabin"
    running = Running(
        gateways=(first.context.gateway, second.context.gateway),
        traffic=first.context.traffic,
        clock=first.context.clock,
        started_at=0.0,
    )
    options = first.context.readings.options
    body, _ = Metrics(running, lambda gateway: Facts(gateway, options, 0.0), Ratchet()).scrape("")

    assert promtool_remarks(body.decode()) == []
    charge = read(body.decode()).named("powerwall_charge_ratio")
    assert charge.keys() == {("gateway=default",), ("gateway=cabin",)}


async def test_the_answer_is_compressed_if_the_client_takes_that(proxy):
    await settled(proxy)
    plain = await proxy.get("/metrics", headers={"Accept-Encoding": "identity"})
    packed = await proxy.get("/metrics", headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert b"powerwall_charge_ratio" in gzip.decompress(packed.body)
    assert len(packed.body) < len(plain.body) / 4


async def test_metrics_can_be_switched_off(sim, start):
    proxy = await start(sim, metrics=False)

    assert (await proxy.get("/metrics")).status == 404


async def test_what_clients_and_gateways_send_makes_no_series(sim, start):
    """A thousand URLs, a hundred hostile alerts and site names: labels come from tables."""
    proxy = await start(sim, metrics_refresh="all", ui="own")
    await settled(proxy)
    await proxy.get("/no-such-page")
    before = (await scrape(proxy)).keys()
    for number in range(1000):
        await proxy.get(f"/page-{number}?q={number}", headers={"Host": f"h{number}.example"})

    assert (await scrape(proxy)).keys() - before == set()


async def test_odd_alerts_are_counted_but_not_named(sim, start):
    """At most a hundred names, made of letters, digits and underscores."""
    names = [f"PVAC_a{n:03}_x" for n in range(150)] + ['a"b\\c\nd', "x" * 65, ""]
    vitals = {"pvac_alerts": dict.fromkeys(names, True)}
    sim.answers(status=404, path="/api/devices/vitals")
    sim.answers(body=vitals, status=200, path="/api/solar_powerwall")
    proxy = await start(sim, metrics_refresh="all")
    series = await settled(proxy)

    assert len(series.named("powerwall_alert_active")) == 100
    assert series["powerwall_alerts",] > 150
    await clean(proxy)


async def test_nothing_personal_is_told(sim, start):
    """No password, address, e-mail or serial number; the latter only if the owner wants them."""
    proxy = await start(sim, email="owner@example.org", metrics_refresh="all")
    await settled(proxy)
    body = (await proxy.get("/metrics")).text
    serials = [pack.serial for pack in sim.gateway.hardware.packs]

    for secret in ("password", "owner@example.org", "127.0.0.1", str(sim.port), *serials):
        assert secret not in body, secret

    willing = await start(sim, metrics_refresh="all", metrics_serials=True)
    info = (await settled(willing)).named("powerwall_battery_info")
    assert {f"serial={serial}" for serial in serials} <= {label for labels in info for label in labels}
