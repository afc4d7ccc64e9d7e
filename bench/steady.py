"""What does not depend on the load: memory, the price of metrics."""

from __future__ import annotations

import asyncio
import resource
import time
from dataclasses import replace
from typing import Any

from bench import hot
from bench.machine import LOAD_CORE, answer
from bench.targets import Bench, Target
from proxy.server.routes import ROUTES
from proxy.sim.server import SimulatedGateway

_URLS = 10_000
_SETTLED_S = 10.0


async def everything(bench: Bench) -> float:
    """Resident megabytes of the default features when every route and page was requested once."""
    async with SimulatedGateway("pw3", followers=2) as sim:
        target = replace(bench, sim=sim).daemon("everything", PW_GW_PWD=sim.gw_pwd)
        await target.start()
        streams = {"text/event-stream"}
        for route in ROUTES:
            if "GET" in route.methods and route.media_type not in streams:
                await answer(target.port, route.for_gateway("default"))
        await asyncio.sleep(_SETTLED_S)
        resident = target.process.resident_mb
        target.process.stop()
    print(f"\nevery route and page: {resident:.1f} MB", flush=True)
    return resident


async def memory(bench: Bench, requests: int) -> dict[str, float]:
    """Resident megabytes: when started, after a tenth of the requests, after all, after many URLs and heads.

    The tenth has URLs, too: the first one that the gateway is to have keeps 0.8 MB, once.
    """
    target = bench.daemon()
    await target.start()
    figures = {"started": target.process.resident_mb}
    await _request_urls(target, range(-_URLS // 10, 0))
    figures["after a tenth"] = await _after(target, requests // 10)
    figures["after all"] = await _after(target, requests - requests // 10)
    await _request_urls(target, range(_URLS))
    figures[f"after {_URLS} URLs"] = target.process.resident_mb
    figures["requests"] = requests
    target.process.stop()
    print("\nmemory:", {name: round(value, 1) for name, value in figures.items()}, flush=True)
    return figures


async def _request_urls(target: Target, numbers: range) -> None:
    for number in numbers:
        await answer(target.port, f"/soe?{number}" if number % 2 else f"/nothing/{number}")


async def _after(target: Target, requests: int) -> float:
    done = 0
    while done < requests:
        url = f"http://127.0.0.1:{target.port}/aggregates"
        argv = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", "-c16", "-d5", url]
        wrk = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
        output = (await wrk.communicate())[0].decode()
        done += next(int(line.split()[0]) for line in output.splitlines() if " requests in " in line)
    return target.process.resident_mb


async def metrics_on_and_off(bench: Bench, rounds: int) -> dict[str, Any]:
    """Compare a hit with metrics scraped meanwhile to a hit without metrics."""
    targets = [bench.daemon("with metrics"), bench.daemon("without metrics", PW_METRICS="no")]
    for target in targets:
        await target.start()
    scraping = asyncio.create_task(_scrape(targets[0]))
    figures: dict[str, Any] = (await hot.run(targets, rounds, hot.CELLS[:1]))[hot.CELLS[0].name]
    scraping.cancel()
    for target in targets:
        target.process.stop()
    return figures


async def _scrape(target: Target) -> None:
    while True:
        await answer(target.port, "/metrics")
        await asyncio.sleep(5)


async def scrapes(bench: Bench, times: int = 200) -> float:
    """Milliseconds of CPU that one scrape of /metrics costs, every source of the largest site in use."""
    async with SimulatedGateway(packs=10, inverters=6, phases=3, neurio=True, backup_switch=True) as sim:
        target = replace(bench, sim=sim).daemon(PW_METRICS_REFRESH="all")
        await target.start()
        for path in (*["/metrics"] * 10, "/vitals", "/strings", "/pod", "/freq", "/api/powerwalls"):
            await answer(target.port, path)
        before = target.process.cpu_s
        for _ in range(times):
            await answer(target.port, "/metrics")
        spent = target.process.cpu_s - before
        target.process.stop()
    return round(1000 * spent / times, 2)


async def crowd(bench: Bench, idle: int = 5000, busy: int = 1000) -> dict[str, float]:
    """Hold idle connections while others send requests: what one costs in memory, whether any is lost, how long others wait."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    target = bench.daemon()
    await target.start()
    before = target.process.resident_mb
    request = b"GET /soe HTTP/1.1\r\nHost: localhost\r\n\r\n"

    async def join() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(request)
        await reader.readuntil(b"\r\n\r\n")
        return reader, writer

    started = time.perf_counter()
    joined = await asyncio.gather(*(join() for _ in range(idle)), return_exceptions=True)
    took = time.perf_counter() - started
    sleeping = [pair for pair in joined if not isinstance(pair, BaseException)]
    resident = target.process.resident_mb
    figures = (await hot.run([target], 3, (hot.Cell("/soe", busy),)))[f"/soe, {busy} connections"][
        target.name
    ]
    for _, writer in sleeping:
        writer.close()
    target.process.stop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return {
        "idle": idle,
        "lost": idle - len(sleeping),
        "joined_s": round(took, 2),
        "kB each": round((resident - before) * 1000 / idle, 2),
        "busy": busy,
        "busy p50_ms": round(figures["p50_ms"], 2),
        "busy p99_ms": round(figures["p99_ms"], 2),
    }
