import asyncio, json
import pytest
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from proxy.drivers.local import SOURCES
from tests.clock import pass_time, until

LOGIN = "/api/login/Basic"


async def test_open_reads_survive_one_closed_path_without_password(start, clock):
    async with SimulatedGateway("fw1_15", clock=clock.clock) as sim:
        proxy = await start(sim, host=f"http://{sim.address}", password="")
        assert (await proxy.get("/soe")).status == 200
        sim.answers(status=403, path="/api/installer")
        print((await proxy.get("/api/installer")).text)
        await pass_time(clock, proxy, 6)
        a = await proxy.get("/soe")
        assert a.status == 200 and a.headers["Age"] == "0", a.headers


async def test_fw1_15_with_password_closed_path_never_logs_in(start, clock):
    async with SimulatedGateway("fw1_15", clock=clock.clock) as sim:
        proxy = await start(sim, host=f"http://{sim.address}", password=sim.password)
        for s in SOURCES:
            print(s, (await proxy.get(s)).status)
        sim.answers(status=403, path="/api/installer")
        await pass_time(clock, proxy, 700)
        await proxy.get("/api/installer")
        assert sim.logins == 0


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100000,
        b'{"token": "a\\nb"}',
        b"<html>",
        b"[]",
        b'{"token": "\\ud800"}',
        b'{"token":"' + b"x" * 9000 + b'"}',
        b"",
    ],
)
@pytest.mark.parametrize("mode", ["cookie", "token"])
async def test_garbage_login(sim, start, clock, body, mode):
    proxy = await start(sim, auth_mode=mode)
    sim.answers(status=200, body=body, path=LOGIN)
    sts = set()
    for _ in range(40):
        for p in (
            "/soe",
            "/aggregates",
            "/api/operation",
            "/api/status",
            "/api/powerwalls",
            "/api/solars",
            "/api/networks",
            "/api/meters",
        ):
            a = await proxy.get(p)
            sts.add((a.status, a.text[:200]))
        await pass_time(clock, proxy, 1)
    print(sim.logins, sts)
    sim.heals()
    await pass_time(clock, proxy, 31)
    assert (await proxy.get("/soe")).status == 200
    assert sim.logins <= 8


async def test_login_500(sim, proxy, clock):
    sim.answers(status=500, path=LOGIN)
    for _ in range(40):
        for p in ("/soe", "/aggregates", "/api/operation", "/api/status", "/api/powerwalls"):
            a = await proxy.get(p)
        await pass_time(clock, proxy, 1)
    print(sim.logins, a.text)
    assert sim.logins <= 8


async def test_csv_partially_stale_says_so(sim, start, clock):
    proxy = await start(sim)
    await proxy.get("/csv/v2")
    clock.advance(12)
    sim.answers(status=503, path="/api/system_status/soe")
    a = await proxy.get("/csv/v2")
    print(a.headers)
    assert a.headers["Age"] == "12" and "ttl=-" in a.headers["Cache-Status"]


@pytest.mark.parametrize(
    "doc",
    [
        b'{"site":{"instant_power":' + b"9" * 400 + b'},"battery":{},"load":{},"solar":{"instant_power":1}}',
        b'{"site":{"instant_power":1e308},"battery":{"instant_power":1e308},"load":{"instant_power":-1e308},"solar":{"instant_power":1e308}}',
        b'{"site":{"instant_power":1,"last_communication_time":"\\ud800"},"battery":{"instant_power":2},"load":{"instant_power":3},"solar":{"instant_power":4}}',
    ],
)
async def test_odd_numbers(sim, proxy, doc):
    from proxy.server.routes import ROUTES

    sim.answers(status=200, body=doc, path="/api/meters/aggregates")
    bad = []
    for r in ROUTES:
        if "GET" in r.methods and r.path not in ("/events", "/api/events") and "event" not in r.path:
            a = await proxy.get(r.path)
            if a.status == 500:
                bad.append(r.path)
    assert not bad


async def test_surrogates(sim, proxy):
    from proxy.server.routes import ROUTES

    def ed(d):
        if isinstance(d, dict):
            return {k: ed(v) for k, v in d.items()}
        if isinstance(d, list):
            return [ed(v) for v in d]
        return "\ud800" if isinstance(d, str) else d

    sim.faults.add(Fault("/api/*", method="GET", edit=ed))
    bad = []
    for r in ROUTES:
        if "GET" in r.methods and "event" not in r.path:
            a = await proxy.get(r.path)
            if a.status == 500:
                bad.append(r.path)
    assert not bad


@pytest.mark.parametrize("pin", ["zz", "AA:BB", "", "a" * 62])
async def test_damaged_pin(sim, start, tmp_path, pin):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pins.json").write_text(json.dumps({sim.address: pin}))
    proxy = await start(sim)
    a = await proxy.get("/soe")
    print(a.status, a.text)
    assert a.status in (502, 503)


@pytest.mark.parametrize("ca", ["/nonexistent", "/etc/passwd"])
async def test_bad_ca(sim, start, ca):
    proxy = await start(sim, gw_tls="ca", gw_ca=ca)
    a = await proxy.get("/soe")
    print(a.status, a.text)
    assert a.status in (502, 503)


async def test_watched_source_is_read_anew_after_discard(sim, proxy, clock):
    g = proxy.context.gateway
    unwatch = g.watch(["/api/operation"])
    await until(lambda: g.peek("/api/operation"))
    sim.latency_s = 0.05
    await pass_time(clock, proxy, 4.9)
    clock.advance(0.1)
    await until(lambda: g.is_asking)
    g.discard(["/api/operation"])
    for _ in range(10):
        await pass_time(clock, proxy, 1)
    assert g.peek("/api/operation")
    unwatch()


@pytest.mark.parametrize("since", [1e12, "x", None])
@pytest.mark.parametrize("refused", [{"until": 1e13}, {"until": "x"}, {"failures": "x", "until": 0}, [1]])
async def test_session_file_from_the_future(sim, start, tmp_path, since, refused):
    (tmp_path / "state").mkdir()
    import hashlib

    if isinstance(refused, dict):
        refused |= {
            "salt": "aa",
            "password": hashlib.scrypt(b"password", salt=b"aa", n=1024, r=8, p=1, dklen=16).hex(),
        }
    (tmp_path / "state" / ".powerwall").write_text(
        json.dumps({"host": sim.address, "AuthCookie": "old", "since": since, "refused": refused})
    )
    proxy = await start(sim)
    assert (await proxy.get("/soe")).status == 200


async def test_hang_on_one_path_polled_alone_is_seen_in_health(sim, start, clock):
    proxy = await start(sim, timeout=0.2)
    for _ in range(10):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 1)
    sim.faults.add(Fault(action="hang"))
    for t in range(60):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 1)
    h = (await proxy.get("/health")).json()
    print(h["status"], h["message"])
    assert h["status"] == "degraded"


@pytest.mark.parametrize("pool", [0, 1])
async def test_pool_sizes(sim, start, pool):
    sim.latency_s = 0.3
    proxy = await start(sim, pool_maxsize=pool, timeout=2.0)
    paths = [s for s in SOURCES]
    await asyncio.gather(*(proxy.get(p) for p in paths))
    print(sim.max_connections, sim.max_in_flight, proxy.context.gateway.links[0].exchanges)
    assert not [k for k in proxy.context.gateway.links[0].exchanges if k[1] == "gateway_timeout"]


async def test_refusal_belongs_to_its_host(sim, start, clock):
    await (await start(sim, password="wrong")).get("/soe")
    async with SimulatedGateway(clock=clock.clock, seed=2, password="wrong") as other:
        assert (await (await start(other, password="wrong")).get("/soe")).status == 200


async def test_login_429_without_retry_after_becomes_rarer(sim, proxy, clock):
    sim.answers(status=429, path=LOGIN)
    for _ in range(120):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 30)
    print(sim.logins)
    assert sim.logins <= 9
