"""What the gateway has to bear and clients have to wait while it is slow, hangs or is down.

Clients are coroutines with a connection per request; they add a millisecond or two. Steady ones
send when it is due, however long the answer before takes, and count from then. A crowd that comes at once
is made of bare sockets, because two hundred coroutines would take longer than the server.
"""

from __future__ import annotations

import asyncio
import re
import selectors
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from bench.machine import answer
from bench.targets import Bench, Target
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway

METERS, SOE, NETWORKS = "/api/meters/aggregates", "/api/system_status/soe", "/api/networks"
_EIGHT = ("/aggregates", "/soe", "/csv", "/freq", "/pod", "/strings", "/temps/pw", "/alerts/pw")
_OUTAGES = {
    "refused": Fault(action="refuse"),
    "reset": Fault(action="reset"),
    "hang": Fault(action="hang"),
    "503": Fault(status=503),
    "429, Retry-After 30": Fault(status=429, headers={"Retry-After": "30"}),
}
_AGE = re.compile(rb"\r\nAge: (\d+)\r\n")


@dataclass
class Log:
    """What clients saw: when each answer was due, how long it took (ms), its status, its age (s)."""

    rows: list[tuple[float, float, int, int]] = field(default_factory=list)

    async def request(self, port: int, path: str, due: float | None = None) -> None:
        due = time.monotonic() if due is None else due
        try:
            got = await answer(port, path)
        except (OSError, TimeoutError):
            got = b""
        self.note(due, got)

    def note(self, due: float, got: bytes) -> None:
        status = int(got[9:12]) if got else 0
        age = _AGE.search(got)
        self.rows.append((due, (time.monotonic() - due) * 1e3, status, int(age[1]) if age else -1))

    def since(self, moment: float) -> Log:
        return Log([row for row in self.rows if row[0] >= moment])

    def figures(self) -> dict[str, float]:
        """Summarise: percentiles in ms, answers that were not 200, the oldest reading in s."""
        waits = sorted(row[1] for row in self.rows)
        return {
            "p50_ms": round(waits[len(waits) // 2], 2),
            "p99_ms": round(waits[int(len(waits) * 0.99)], 2),
            "max_ms": round(waits[-1], 2),
            "not 200": sum(row[2] != 200 for row in self.rows),
            "oldest_s": max(row[3] for row in self.rows),
        }


async def steadily(log: Log, port: int, paths: Sequence[str], rate: float, seconds: float) -> None:
    """Request the paths in turn at a steady rate, never waiting for an answer before the next request."""
    started, tasks = time.monotonic(), []
    for number in range(int(rate * seconds)):
        due = started + number / rate
        await asyncio.sleep(max(due - time.monotonic(), 0))
        tasks.append(asyncio.create_task(log.request(port, paths[number % len(paths)], due)))
    await asyncio.gather(*tasks)


def at_once(port: int, path: str, clients: int) -> dict[str, float]:
    """Send a request from each client, and count from the moment at which the first one connects."""
    began, log = time.monotonic(), Log()
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    with selectors.DefaultSelector() as waiting:
        for _ in range(clients):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(head)
            waiting.register(client, selectors.EVENT_READ, bytearray())
        while waiting.get_map():
            for key, _ in waiting.select():
                client = cast("socket.socket", key.fileobj)
                key.data.extend(part := client.recv(65536))
                if not part:
                    waiting.unregister(client)
                    client.close()
                    log.note(began, key.data)
    return log.figures()


async def stampede(bench: Bench, target: Target) -> dict[str, Any]:
    """Count what 200 clients at once cost the gateway, which takes 500 ms, and how long they wait."""
    sim, figures = bench.sim, {}
    slow = sim.faults.add(Fault(delay_s=0.5))
    for name, path, source in (("expired", "/aggregates", METERS), ("cold", NETWORKS, NETWORKS)):
        await answer(target.port, "/aggregates")
        await asyncio.sleep(bench.ttl_s * 2.2)
        before = sim.requests_for(source)
        figures[name] = await asyncio.to_thread(at_once, target.port, path, 200)
        await asyncio.sleep(0.6)
        figures[name]["upstream"] = sim.requests_for(source) - before
    slow.remove()
    return figures


async def expiry_tail(bench: Bench, target: Target) -> dict[str, Any]:
    """Send 50 requests a second while the gateway takes 500 ms; the first seconds do not count."""
    slow = bench.sim.faults.add(Fault(delay_s=0.5))
    log = Log()
    before = bench.sim.requests_for(METERS)
    await steadily(log, target.port, ("/aggregates", "/soe"), 50, 25)
    slow.remove()
    warm = log.since(log.rows[0][0] + 5 + bench.ttl_s).figures()
    return {**warm, "upstream": bench.sim.requests_for(METERS) - before}


async def scrapers(bench: Bench, target: Target) -> dict[str, Any]:
    """Let 20 clients request 8 routes each second for 15 s, the gateway taking 100 ms."""
    slow = bench.sim.faults.add(Fault(delay_s=0.1))
    logins, log = bench.sim.logins, Log()
    before = {path: bench.sim.requests_for(path) for path in {r.path for r in bench.sim.requests}}

    async def client() -> None:
        for _ in range(15):
            started = time.monotonic()
            for path in _EIGHT:
                await log.request(target.port, path)
            await asyncio.sleep(max(1 - time.monotonic() + started, 0))

    await asyncio.gather(*(client() for _ in range(20)))
    slow.remove()
    most = max(bench.sim.requests_for(path) - count for path, count in before.items())
    return {
        **log.figures(),
        "upstream per source and ttl, at most": round(most / (15 / bench.ttl_s), 2),
        "logins": bench.sim.logins - logins,
        "connections": bench.sim.max_connections,
    }


async def one_hangs(bench: Bench, target: Target) -> dict[str, Any]:
    """Compare other routes before and while /api/operation hangs."""
    figures: dict[str, Any] = {}
    for name, fault in (("before", None), ("while", Fault("/api/operation", action="hang"))):
        hanging = bench.sim.faults.add(fault) if fault else None
        log, other = Log(), Log()
        await asyncio.gather(
            steadily(log, target.port, ("/aggregates", "/soe"), 40, 15),
            steadily(other, target.port, ("/api/operation",), 1, 15),
        )
        figures[name] = log.figures()
        if hanging:
            hanging.remove()
    return figures


async def outage(bench: Bench, name: str, fault: Fault, seconds: float = 60.0) -> dict[str, Any]:
    """Send 4 requests a second through an outage: what is served, how often the gateway is tried, when it is back."""
    async with SimulatedGateway("fw21_44") as sim:
        target = replace(bench, sim=sim).daemon(f"outage-{name[:5]}")
        await target.start()
        try:
            log, paths = Log(), ("/aggregates", "/soe")
            await steadily(Log(), target.port, paths, 4, 5)
            sim.faults.add(fault)
            started, before = time.monotonic(), len(sim.requests)
            clients_at_work = asyncio.create_task(steadily(log, target.port, paths, 4, seconds + 45))
            await asyncio.sleep(seconds / 2)
            half = len(sim.requests)
            await asyncio.sleep(seconds / 2)
            attempts = len(sim.requests)
            sim.clear_faults()
            healed = time.monotonic()
            await clients_at_work
        finally:
            target.process.stop()
    fresh = [row[0] for row in log.rows if row[0] > healed and row[2] == 200 and row[3] <= row[0] - healed]
    first = Log([row for row in log.rows if row[0] < started + 25])
    open_now = Log([row for row in log.rows if started + 10 < row[0] < healed]).figures()
    return {
        "max_ms once open": open_now["max_ms"],
        "not 200 within 25 s": first.figures()["not 200"],
        "attempts in the first half": half - before,
        "attempts a minute after it": round((attempts - half) * 120 / seconds, 1),
        "recovery_s": round(min(fresh) - healed, 2) if fresh else None,
    }


Scenario = Callable[[Bench, Target], Awaitable[dict[str, Any]]]
# Name, scenario, ttl in seconds.
SCENARIOS: tuple[tuple[str, Scenario, float], ...] = (
    ("stampede of 200", stampede, 5.0),
    ("expiry tail, ttl 1 s", expiry_tail, 1.0),
    ("expiry tail, ttl 5 s", expiry_tail, 5.0),
    ("20 clients x 8 routes", scrapers, 5.0),
    ("one path hangs", one_hangs, 5.0),
)


async def run(bench: Bench) -> dict[str, Any]:
    """Run all scenarios one after another, the outages side by side."""
    results: dict[str, Any] = {}
    for name, scenario, ttl_s in SCENARIOS:
        async with SimulatedGateway("fw21_44") as sim:
            own = replace(bench, sim=sim, ttl_s=ttl_s)
            target = own.daemon(name)
            await target.start()
            try:
                results[name] = await scenario(own, target)
            finally:
                target.process.stop()
        print(f"\n{name}: {results[name]}", flush=True)
    outages = await asyncio.gather(*(outage(bench, name, fault) for name, fault in _OUTAGES.items()))
    results["outages"] = dict(zip(_OUTAGES, outages, strict=True))
    for name, figures in results["outages"].items():
        print(f"\noutage, {name}: {figures}", flush=True)
    return results
