"""Cached answers: what one costs, and how many there are in a second.

wrk sends requests to each server for a second, all of them in turn and in a new order each round; figures are
medians, ratios are medians of ratios within a round. A slice in which other programs kept the
cores busy is repeated.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import statistics
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.machine import LOAD_CORE, answer, ended_cpu_s, machine_busy_s, suspended
from bench.targets import Target

BROWSER = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
    'sec-ch-ua: "Chromium";v="120", "Not A(Brand";v="24"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "Accept: application/json, text/plain, */*",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Dest: empty",
    "Referer: http://powerwall.local:8675/",
    "Cache-Control: no-cache",
    "Pragma: no-cache",
)
# wrk calls ``request`` for each request.
_IN_TURN = """
local paths, at = {{ {paths} }}, 0
request = function() at = at % #paths + 1; return wrk.format("GET", paths[at]) end
"""
_LATENCY = re.compile(r"(50|99)%\s+([\d.]+)(us|ms|s)")
_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
# What other programs may take of the measuring time, on both cores together, and how often that is tried.
NOISE, _TRIES = 0.25, 3
# What a server catches up with that was suspended.
_SETTLED_S = 0.3


@dataclass(frozen=True)
class Cell:
    """One kind of request; with ``others`` each connection requests these paths, too, in turn."""

    path: str
    connections: int
    headers: tuple[str, ...] = ()
    tls: bool = False
    others: tuple[str, ...] = ()
    times: int = 1  # in a round; more where a figure differs much from second to second
    alone: bool = False  # the other servers are suspended meanwhile

    @property
    def name(self) -> str:
        kind = {(): "", BROWSER: ", browser's headers", CLOSE: ", a connection per request"}[self.headers]
        others = f" and {len(self.others)} others in turn" if self.others else ""
        tls = ", TLS" if self.tls else ""
        return f"{self.path}{others}, {self.connections} connections{kind}{tls}"

    def url(self, target: Target) -> str:
        """Name what is requested of a server."""
        scheme, port = ("https", target.tls_port) if self.tls else ("http", target.port)
        return f"{scheme}://127.0.0.1:{port}{self.path}"


CLOSE = ("Connection: close",)
CELLS = (
    Cell("/aggregates", 16),
    Cell("/soe", 16),
    Cell("/aggregates", 64, times=2, alone=True),
    Cell("/soe", 64, times=2, alone=True),
    Cell("/aggregates", 16, BROWSER),
    Cell("/aggregates", 16, CLOSE),
    Cell("/aggregates", 16, tls=True),
    Cell("/aggregates", 16, CLOSE, tls=True, times=3),
)


async def slice_of(target: Target, cell: Cell, seconds: int = 1) -> dict[str, float]:
    """Load one server for a moment: requests per second, CPU microseconds each, milliseconds p50 and p99."""
    options = [part for header in cell.headers for part in ("-H", header)]
    paths = (cell.path, *cell.others)
    argv = [
        "taskset",
        "-c",
        str(LOAD_CORE),
        "wrk",
        "-t1",
        f"-c{cell.connections}",
        f"-d{seconds}",
        "--latency",
    ]
    for path in paths:
        await warm(target, path)
    busy, cpu, wrks = machine_busy_s(), target.process.cpu_s, ended_cpu_s()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if cell.others:
            script.write(_IN_TURN.format(paths=", ".join(map(json.dumps, paths))))
            script.flush()
            options += ["-s", script.name]
        wrk = await asyncio.create_subprocess_exec(
            *argv, *options, cell.url(target), stdout=asyncio.subprocess.PIPE
        )
        output = (await wrk.communicate())[0].decode()
    cpu, wrks = target.process.cpu_s - cpu, ended_cpu_s() - wrks
    others = machine_busy_s() - busy - cpu - wrks
    if "Non-2xx" in output or not (count := re.search(r"(\d+) requests in ([\d.]+)s", output)):
        raise RuntimeError(f"{target.name}: {output}")
    latency = {f"p{p}_ms": float(value) * _MS[unit] for p, value, unit in _LATENCY.findall(output)}
    requests = int(count[1])
    if not requests:  # it never got a turn
        return await slice_of(target, cell, seconds + 1)
    return {
        "rate": requests / float(count[2]),
        "cpu_us": cpu / requests * 1e6,
        "noise": max(others, 0.0) / float(count[2]),
        **latency,
    }


async def quiet_slice_of(target: Target, cell: Cell) -> dict[str, float]:
    """Load one server for a moment, again if other programs kept the cores busy meanwhile."""
    slices = [await slice_of(target, cell)]
    while slices[-1]["noise"] > NOISE and len(slices) < _TRIES:
        slices.append(await slice_of(target, cell))
    return min(slices, key=lambda figure: figure["noise"])


async def warm(target: Target, path: str) -> None:
    """Have a reading in every cache: between two slices others were measured, and this is about hits."""
    for _ in range(2):  # nginx answers the first with what it had, and fetches meanwhile
        await answer(target.port, path)
        await asyncio.sleep(0.1)


_RATIOS = {"cpu_ratio": "cpu_us", "rate_ratio": "rate", "p50_ratio": "p50_ms", "p99_ratio": "p99_ms"}


async def run(
    targets: list[Target], rounds: int, cells: tuple[Cell, ...] = CELLS, *, alone: bool = False
) -> dict[str, Any]:
    """Measure every cell; per cell and server the medians, and each median ratio to the first server.

    ``alone``: for all cells. What other proxies do by themselves to keep readings fresh takes a percent of the core that
    all share, and a p99 is the latency of one in a hundred responses.
    """
    results: dict[str, Any] = {}
    for cell in cells:
        is_alone = alone or cell.alone
        figures: dict[str, list[dict[str, float]]] = defaultdict(list)
        for _ in range(rounds * cell.times):
            able = [target for target in targets if target.tls_port or not cell.tls]
            for target in random.sample(able, len(able)):
                others = [other.process for other in targets if is_alone and other is not target]
                with suspended(others):
                    await asyncio.sleep(_SETTLED_S if is_alone else 0)
                    figures[target.name].append(await quiet_slice_of(target, cell))
        first = figures[targets[0].name]
        results[cell.name] = {
            name: {
                **{key: statistics.median(one[key] for one in mine) for key in mine[0]},
                **{
                    ratio: statistics.median(a[key] / b[key] for a, b in zip(first, mine, strict=True))
                    for ratio, key in _RATIOS.items()
                },
            }
            for name, mine in figures.items()
        }
        show(cell.name, results[cell.name])
    return results


def show(title: str, figures: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}")
    print(
        f"  {'':28} {'CPU us':>8} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'CPU ours/its':>13} {'rate ours/its':>14}"
    )
    for name, one in figures.items():
        print(
            f"  {name:28} {one['cpu_us']:8.2f} {one['rate']:9.0f} {one['p50_ms']:8.2f} {one['p99_ms']:8.2f}"
            f" {one['cpu_ratio']:13.2f} {one['rate_ratio']:14.2f}",
            flush=True,
        )


def peer_program(folder: Path) -> str:
    """Return the program of pypowerwall-server if it was installed into this folder's environment."""
    program = folder / "bin" / "pypowerwall-server"
    return str(program) if program.exists() else ""
