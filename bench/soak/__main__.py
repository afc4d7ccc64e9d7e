"""Run the week, write ``bench/soak/results.json`` and say what did not hold: ``python -m bench.soak --days 7``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import ssl
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bench.machine import describe, free_port
from bench.soak import clients
from bench.soak.gauges import Gauges
from bench.soak.judge import Judge
from bench.soak.report import RESULTS, problems
from bench.soak.week import DAY_S, HOUR_S, Time, Week
from proxy.app import build_app, listening
from proxy.config.load import load
from proxy.logs import format as logs
from proxy.server.memory import shrink_tls_buffers
from proxy.sim.server import SimulatedGateway
from proxy.state.certificates import serving_context
from tests.clock import JumpingLoop

_SHOWN_EVERY_S = 10.0
_LOG_EVERY_S = 10.0
# After a night's reboot, before the day's troubles.
_CALM_HOUR = 4.5


def show(sim: SimulatedGateway, judge: Judge, numbers: Iterator[int]) -> None:
    """Let the meters show another value, none of them twice in half a day."""
    number = next(numbers)
    sim.pin(solar=1000.0 + number % 4001, load=500.0 + number % 3989)
    reading = sim.plant.read()
    now = judge.now()
    judge.solar.note(now, reading.solar_w)
    judge.load.note(now, reading.load_w)
    judge.charge.note(now, reading.percentage)


async def keep_showing(shows: Callable[[], None]) -> None:
    while True:
        shows()
        await asyncio.sleep(_SHOWN_EVERY_S)


async def write_log() -> None:
    while True:
        logs.write_due()
        await asyncio.sleep(_LOG_EVERY_S)


async def soak(days: int, folder: Path, log: Path) -> dict[str, Any]:
    """Live through so many days; return what was seen."""
    times = Time(asyncio.get_running_loop())
    async with SimulatedGateway("fw21_44", clock=times.of_house, hour=0.0) as sim:
        sim.traffic.keep = 1000
        os.environ |= {
            "PW_HOST": sim.address,
            "PW_PASSWORD": sim.password,
            "PW_PORT": str(free_port()),
            "PW_HTTPS": "yes",
            "PW_HTTPS_PORT": str(free_port()),
            "PW_BIND_ADDRESS": "127.0.0.1",
            "PW_STATE_PATH": str(folder),
            # Longer than usual, because most of the time goes into requests to the gateway.
            "PW_CACHE_EXPIRE": "60",
            "PW_CACHE_TTL": "180",
        }
        loaded = load(os.environ)
        settings = loaded.settings
        logs.set_up(settings, now=times.now)
        judge = Judge(times.now, settings.gateway.cache_ttl)
        tls = serving_context(settings)
        app = build_app(settings, times.of_computer, loaded)
        shows = partial(show, sim, judge, itertools.count(1))
        shown = asyncio.create_task(keep_showing(shows), name="meters")
        async with listening(app, settings, tls) as (_, port):
            trusting = ssl.create_default_context()
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            door = clients.Door(port, settings.https_port, trusting, judge)
            week = Week(sim, times, port, shows)
            timetable = week.begin(days)
            others = [shown, asyncio.create_task(write_log(), name="log"), *clients.started(door)]
            gauges = await _watched(days, times, folder, log, [*timetable, *others])
            results = {
                "days": days,
                "gauges": [asdict(one) for one in gauges],
                "responses": dict(sorted(judge.responses.items())),
                "messages of streams": judge.messages,
                "values compared": judge.values,
                "wrong values": judge.wrong_values,
                "counters": judge.counters,
                "counters that fell": judge.falling,
                "lost connections": judge.lost_connections,
                "recoveries": week.recoveries,
                "contradictions": judge.wrong,
            }
            for task in (*timetable, *others):
                task.cancel()
            await asyncio.gather(*timetable, *others, return_exceptions=True)
    return results


async def _watched(
    days: int, times: Time, folder: Path, log: Path, tasks: list[asyncio.Task[None]]
) -> list[Gauges]:
    """Look at the process every night, and let nothing fail unseen."""
    gauges = []
    for day in range(days + 1):
        moment = day * DAY_S + _CALM_HOUR * HOUR_S if day < days else days * DAY_S
        while times.now() < moment - 1.0:
            await times.until(min(times.now() + HOUR_S, moment))
            for task in tasks:
                if task.done() and task.exception() is not None:
                    raise RuntimeError(f"{task.get_name()} failed") from task.exception()
        gauges.append(Gauges.taken(folder, log))
        names = Counter(task.get_name().split(" ")[0] for task in asyncio.all_tasks())
        print(f"day {day}: {gauges[-1]} {dict(names.most_common(8))}", flush=True)
    return gauges


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--log", default="", help="keep the log in this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        shrink_tls_buffers()  # this loop is asyncio's own, and has three times as many connections as the proxy
        log = Path(args.log or f"{folder}/log")
        state = Path(folder) / "state"
        with (
            log.open("w", buffering=1) as stream,
            contextlib.redirect_stderr(stream),
            asyncio.Runner(loop_factory=JumpingLoop) as runner,
        ):
            results = runner.run(soak(args.days, state, log))
    results = {"machine": describe(), "cpu_minutes": round(time.process_time() / 60, 1), **results}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))
    found = problems(results)
    print("\n".join(found) or "everything held")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
