"""What /metrics reports of the proxy itself."""

import asyncio

from proxy.metrics.proxy_metrics import PROXY_METRICS
from proxy.sim.faults import Fault
from tests.clock import pass_time, until
from tests.metrics.reading import scrape, settled

SECRET = "open sesame"


async def test_every_request_is_counted_by_its_row(proxy):
    for path in ("/soe", "/soe", "/aggregates", "/no-such-page"):
        await proxy.get(path)
    series = await scrape(proxy)

    assert series["powerwall_proxy_requests_total", "route=/soe", "method=GET", "status=200"] == 2
    assert series["powerwall_proxy_request_seconds_count", "route=/aggregates", "cache=miss"] == 1
    assert series["powerwall_proxy_requests_in_flight",] == 1  # this one
    assert sum(series.named("powerwall_proxy_requests_total").values()) == 4


async def test_how_sources_were_served_is_counted(sim, proxy, clock):
    await proxy.get("/soe")
    await proxy.get("/soe")
    sim.answers(status=500)
    await pass_time(clock, proxy, 8)
    await proxy.get("/soe")
    series = await scrape(proxy)
    source = "source=/api/system_status/soe"

    assert series["powerwall_proxy_cache_total", source, "result=miss"] == 1
    assert series["powerwall_proxy_cache_total", source, "result=fresh"] == 1
    assert series["powerwall_proxy_cache_total", source, "result=stale"] == 1
    assert series["powerwall_proxy_exchanges_total", "outcome=source_unavailable"] >= 1


async def test_a_gateway_in_cooldown_shows_since_when_and_why(sim, proxy, clock):
    await settled(proxy)
    sim.answers(status=429, headers={"Retry-After": "120"})
    await pass_time(clock, proxy, 8)
    series = await settled(proxy)

    assert series["powerwall_proxy_link_state", "state=open"] == 1
    assert 100 < series["powerwall_proxy_cooldown_seconds",] <= 132
    assert series["powerwall_proxy_cooldowns_total", "reason=rate_limited"] == 1
    assert series["powerwall_proxy_failures_in_row",] >= 1
    assert series["powerwall_proxy_last_success_timestamp_seconds",] < clock.clock.wall() - 7


async def test_a_source_in_cooldown_shows_for_how_long(sim, start):
    sim.answers(status=404, path="/api/operation")
    proxy = await start(sim, metrics_refresh="all")
    await settled(proxy)
    series = await scrape(proxy)

    assert series["powerwall_proxy_source_rest_seconds", "source=/api/operation"] > 500


async def test_logins_and_bytes_are_counted(proxy):
    series = await settled(proxy)

    assert series["powerwall_proxy_logins_total", "outcome=ok"] == 1
    assert series["powerwall_proxy_upstream_bytes_total", "direction=received"] > 1000
    assert series["powerwall_proxy_upstream_bytes_total", "direction=sent"] > 50
    assert series["powerwall_proxy_session_start_timestamp_seconds",] > 0


async def test_waiting_together_is_counted(sim, proxy, clock):
    """Fifty cold readers of one source share one exchange."""
    await proxy.get("/version")
    sim.faults.add(Fault(path="/api/system_status/soe", delay_s=3))
    readers = [asyncio.ensure_future(proxy.get("/soe")) for _ in range(50)]
    gateway = proxy.context.gateway.cache
    await until(lambda: gateway.waiting == 50)
    waiting = await scrape(proxy)
    clock.advance(3.5)
    await asyncio.gather(*readers)

    assert waiting["powerwall_proxy_coalesced_waiters",] == 50
    assert (await scrape(proxy))["powerwall_proxy_coalesced_total",] >= 49


async def test_commands_are_counted_by_what_became_of_them(sim, start):
    """Also those that were refused admission."""
    proxy = await start(sim, control_secret=SECRET)
    for value, token in (("30", SECRET), ("130", SECRET), ("30", "guess")):
        await proxy.post("/control/reserve", data={"value": value, "token": token})
    closed = await start(sim)
    await closed.post("/control/reserve", data={"value": "30", "token": "x"})

    counted = (await scrape(proxy)).named("powerwall_proxy_commands_total")
    outcomes = {
        label.removeprefix("outcome=") for labels in counted for label in labels if "outcome=" in label
    }
    assert outcomes == {"ok", "invalid", "unauthorized"}
    assert (await scrape(closed))["powerwall_proxy_commands_total", "outcome=disabled"] == 1


async def test_wrong_tokens_are_counted_by_door_from_zero_on(sim, start):
    """So that the first one is an increase already; a realm without a secret has none."""
    proxy = await start(sim, control_secret=SECRET)
    before = (await scrape(proxy)).named("powerwall_proxy_tokens_refused_total")
    for token in (SECRET, "guess"):
        await proxy.post("/control/reserve", data={"token": token})
    after = await scrape(proxy)

    assert before == {("realm=control", "reason=wrong"): 0, ("realm=control", "reason=wait"): 0}
    assert after["powerwall_proxy_tokens_refused_total", "reason=wrong"] == 1

    other = await start(sim, openc2_key=SECRET, openc2_insecure=True)
    await other.post("/.well-known/openc2", data=b"{}", headers={"Authorization": "Bearer guess"})
    assert (await scrape(other))["powerwall_proxy_tokens_refused_total", "realm=openc2", "reason=wrong"] == 1


async def test_connections_are_counted_and_those_that_were_turned_away(sim, start):
    """The scrape is one of those that are open."""
    proxy = await start(sim, max_connections=1)
    before = await scrape(proxy)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    said = await reader.read()
    writer.close()
    after = await scrape(proxy)

    assert said.startswith(b"HTTP/1.1 503 ")
    assert before["powerwall_proxy_connections",] == 1
    assert before["powerwall_proxy_connections_refused_total",] == 0
    assert after["powerwall_proxy_connections_refused_total",] == 1


async def test_every_family_of_the_table_is_seen_in_some_life(sim, start, clock):
    """A proxy that had requests, cooldowns and commands shows nearly all of its metrics."""
    proxy = await start(sim, control_secret=SECRET, openc2_key=SECRET, metrics_refresh="all")
    await proxy.get("/soe")
    await proxy.post("/control/reserve", data={"value": "30", "token": SECRET})
    sim.answers(status=429)
    await pass_time(clock, proxy, 12)
    series = await settled(proxy)

    seen = {name.removesuffix("_bucket") for name in series.names}
    unseen = {row.name for row in PROXY_METRICS} - seen
    assert unseen <= {
        "powerwall_proxy_assets_total",
        "powerwall_proxy_log_records_total",  # no handler in this test
        *(row.name for row in PROXY_METRICS if "_month_" in row.name),  # no cloud
        "powerwall_proxy_mqtt_connected",  # no broker
        "powerwall_proxy_mqtt_messages_total",
        "powerwall_proxy_notify_messages_total",  # no receiver
        "powerwall_proxy_notify_waiting",
        "powerwall_proxy_openc2_commands_total",
        *(row.name for row in PROXY_METRICS if "_replica_" in row.name),  # no other replicas
        "powerwall_proxy_source_rest_seconds",
    }
