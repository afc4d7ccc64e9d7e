"""The answer of /metrics: from the store, of bounded size, and without anything personal."""

import gzip

from proxy.metrics.exposition import Metrics
from proxy.metrics.proxy_samples import Running
from proxy.metrics.scraped_site import scraped_site
from proxy.sim.faults import Fault
from tests.clock import until
from tests.metrics.reading import read, scrape, settled


async def test_a_scrape_does_not_wait_for_a_gateway_that_hangs(sim, start):
    """No time passes for it but its own: the clock of this test stands still for all that wait."""
    proxy = await start(sim, metrics_refresh="all")
    sim.faults.add(Fault(action="hang"))
    scrapes = [await scrape(proxy) for _ in range(3)]
    await until(lambda: sim.requests)

    assert proxy.context.gateway.cache.is_fetching
    assert scrapes[-1]["powerwall_proxy_requests_total", "route=/metrics", "status=200"] == 2


async def test_two_gateways_are_distinguished_by_their_label(sim, start):
    """Every series of a gateway has the label, so two of them never collide."""
    first, second = await start(sim), await start(sim)
    for proxy in (first, second):
        await settled(proxy)
    second.context.gateway.cache.name = "cabin"
    running = Running(
        gateways=(first.context.gateway.cache, second.context.gateway.cache),
        traffic=first.context.traffic,
        clock=first.context.clock,
        started_at=0.0,
    )
    state = first.context.gateway.site.current()
    body, _ = Metrics(
        running, lambda gateway: scraped_site(gateway, state, 0.0), lambda _, __, value: value
    ).scrape("")

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


async def test_nothing_personal_is_reported(sim, start):
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
