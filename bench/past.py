"""What the past costs: requests to the gateway and memory beside one telegraf, and ten years of history."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.goal import Goal, figure_of
from bench.load import Log, steadily
from bench.machine import answer
from bench.targets import Bench, Target
from proxy.history.columns import PARTS
from proxy.history.database import FILE
from proxy.history.energies import FLOWS, NAMES, DayTotals
from proxy.history.schema import LEVELS, SIGNAL_LEVELS, Level, migrate
from proxy.history.writing import put_day
from proxy.sim.server import SimulatedGateway

# What telegraf of Powerwall-Dashboard requests every five seconds.
_TELEGRAF = ("/aggregates", "/soe", "/strings", "/temps/pw", "/freq", "/pod", "/alerts/pw")
_EVERY_S, _SECONDS = 5, 60
_YEARS = 10
_DAY_S = 86_400
_DEVICES = [
    (f"PW{n}", metric) for n in range(3) for metric in ("temperature", "energy_capacity", "energy_remaining")
]
_DEVICES += [(f"string {n}", "string_power") for n in range(6)]
_QUERIES = 20


GOALS = (
    Goal(
        "history and alarms beside a telegraf: gateway requests more, by path",
        figure_of("history", "beside telegraf", "requests more"),
        1,
        "",
    ),
    Goal("the same: memory more", figure_of("history", "beside telegraf", "MB more"), 8, "MB"),
    Goal("a history of ten years: size of the file", figure_of("history", "ten years", "MB"), 30, "MB"),
    Goal(
        "the same, all its days in one response: CPU",
        figure_of("history", "ten years", "CPU ms"),
        200,
        "ms",
        per_machine=True,
    ),
    Goal(
        "the same: p99 of other responses meanwhile",
        figure_of("history", "ten years", "hit, p99 ms"),
        50,
        "ms",
        per_machine=True,
    ),
)


async def run(bench: Bench) -> dict[str, Any]:
    """Measure both."""
    results = {"beside telegraf": await beside_telegraf(bench), "ten years": await ten_years(bench)}
    for name, figures in results.items():
        print(f"\nhistory, {name}: {figures}", flush=True)
    return results


async def beside_telegraf(bench: Bench) -> dict[str, float]:
    """Compare two proxies from their start: what more the gateway sees, by path at most, with history and alarms on."""
    async with SimulatedGateway("fw21_44") as alone, SimulatedGateway("fw21_44") as watched:
        plain = replace(bench, sim=alone).daemon("telegraf alone", PW_HISTORY="no")
        whole = replace(bench, sim=watched).daemon("telegraf", PW_NOTIFY_WEBHOOK="http://127.0.0.1:9/")
        for target in (plain, whole):
            await target.start()
        log = Log()
        polls = [
            steadily(
                log, target.port, _TELEGRAF * (_SECONDS // _EVERY_S), len(_TELEGRAF) / _EVERY_S, _SECONDS
            )
            for target in (plain, whole)
        ]
        await asyncio.gather(*polls)
        requests = [Counter(request.path for request in sim.requests) for sim in (watched, alone)]
        print("\nmore requests:", dict(requests[0] - requests[1]), flush=True)
        figures = {
            "requests": requests[0].total(),
            "requests more": max((requests[0] - requests[1]).values(), default=0),
            "resident MB": round(whole.process.resident_mb, 1),
            "MB more": round(whole.process.resident_mb - plain.process.resident_mb, 1),
        }
        for target in (plain, whole):
            target.process.stop()
    return figures


async def ten_years(bench: Bench) -> dict[str, float]:
    """Query all days of ten years one after another; ``hit`` is what clients of a reading wait before and meanwhile."""
    target = bench.daemon("ten years")
    path = bench.folder / "ten-years" / FILE
    write_years(path, int(time.time()))
    await target.start()
    await answer(target.port, "/history.json")  # has opened the file
    before = await _hits(target.port, asyncio.sleep(5))
    spent, queries = target.process.cpu_s, Log()
    await _query(queries, target)
    spent = target.process.cpu_s - spent
    meanwhile = await _hits(target.port, _query(queries, target))
    figures = {
        "MB": round(path.stat().st_size / 1e6, 1),
        "kB": round(len(await answer(target.port, _years(0))) / 1e3),
        "CPU ms": round(1000 * spent / _QUERIES),
        "slowest ms": queries.figures()["max_ms"],
        "not 200": queries.figures()["not 200"],
        "hit before, p99 ms": before["p99_ms"],
        "hit, p99 ms": meanwhile["p99_ms"],
        "hit, slowest ms": meanwhile["max_ms"],
        "resident MB": round(target.process.resident_mb, 1),
    }
    target.process.stop()
    return figures


async def _hits(port: int, work: Any) -> dict[str, float]:
    """Request a reading 100 times a second while something else goes on."""
    log = Log()
    hits = asyncio.create_task(steadily(log, port, ("/soe",), 100, 3600))
    await work
    hits.cancel()
    await asyncio.gather(hits, return_exceptions=True)
    return log.figures()


async def _query(log: Log, target: Target) -> None:
    for number in range(_QUERIES):
        await log.request(target.port, _years(number))


def _years(number: int) -> str:
    """Make a query that is like no other one."""
    first = datetime.now(UTC).date() - timedelta(days=_YEARS * 365 - number)
    return f"/history.json?from={first}&step=day"


def write_years(path: Path, now: int) -> None:
    """Write a history that has everything for as long as it is kept, and days for ten years."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db)
        db.execute("BEGIN")
        for level in LEVELS:
            marks = ", ".join("?" for _ in range(len(PARTS) + 2))
            rows = (
                (at, 1, *(at // level.span_s * 7 % 12_000 + place for place in range(len(PARTS))))
                for at in _times(level, now)
            )
            db.executemany(f"INSERT INTO {level.table} (at, n, {', '.join(PARTS)}) VALUES ({marks})", rows)
        for number, device in enumerate(_DEVICES):
            db.execute("INSERT INTO series VALUES (?, ?, ?)", (number, *device))
            for level in SIGNAL_LEVELS:
                values = ((number, at, 12, at % 300, at % 290, at % 310) for at in _times(level, now))
                db.executemany(f"INSERT INTO {level.table} VALUES (?, ?, ?, ?, ?, ?)", values)
        today = datetime.fromtimestamp(now, UTC).date()
        for ago in range(_YEARS * 365):
            totals = dict.fromkeys(NAMES, 10_000.5 + ago)
            put_day(
                db, DayTotals(today - timedelta(days=ago), totals, {}, dict.fromkeys(FLOWS, 5_000.25 + ago))
            )
        db.execute("COMMIT")


def _times(level: Level, now: int) -> range:
    kept_s = level.kept_s or _YEARS * 365 * _DAY_S
    return range((now - kept_s) // level.span_s * level.span_s, now - level.span_s, level.span_s)
