"""Run measurements: ``python -m bench [hot] [load] [memory] [start] [pages] [fleet] [mqtt] [replicas] [history] --json FILE``."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import gc
import json
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench import fleet, goals, hot, load, mqtt, pages, past, push, replicas, start, steady, tls
from bench.machine import LOAD_CORE, describe
from bench.targets import ROOT, Bench
from proxy.sim.server import SimulatedGateway

PARTS = ("hot", "load", "memory", "start", "pages", "fleet", "mqtt", "replicas", "history")


async def measure(args: argparse.Namespace, results: dict[str, Any]) -> None:
    """Add what is measured to the results, part by part."""
    results |= {"machine": describe(), "date": dt.datetime.now(dt.UTC).date().isoformat()}
    async with SimulatedGateway("fw21_44") as sim:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            bench = Bench(Path(folder), sim, hot.peer_program(Path(args.peer)))
            if "hot" in args.parts:
                targets = await bench.all()
                try:
                    results["hot"] = await hot.run(targets, args.rounds)
                    results["tls"] = await tls.handshakes(targets)
                    results["metrics"] = await steady.metrics_on_and_off(bench, args.rounds)
                finally:
                    for target in targets:
                        target.process.stop()
            if "start" in args.parts:
                results["starts"] = await start.run(bench, args.rounds)
                results["scrape_ms"] = await steady.scrapes(bench)
            if "memory" in args.parts:
                results["memory"] = await steady.memory(bench, args.requests)
                results["everything_mb"] = await steady.everything(bench)
                results["crowd"] = await steady.crowd(bench)
                print("\ncrowd:", results["crowd"], flush=True)
                results["readers"] = await push.event_streams(bench)
                results["sockets"] = await push.websockets(bench)
            for name, run in _single(args.rounds).items():
                if name in args.parts:
                    results[name] = await run(bench)


def _single(rounds: int) -> dict[str, Callable[[Bench], Awaitable[Any]]]:
    """Return the parts that are one measurement each."""
    return {
        "load": load.run,
        "pages": pages.run,
        "fleet": lambda bench: fleet.run(bench, rounds),
        "mqtt": lambda bench: mqtt.run(bench, rounds),
        "replicas": lambda bench: replicas.run(bench, rounds),
        "history": past.run,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=1_000_000, help="for the memory test")
    parser.add_argument(
        "--peer", default=str(ROOT / ".bench-peer"), help="environment with pypowerwall-server"
    )
    parser.add_argument("--json", default=str(ROOT / "bench" / "results.json"))
    args = parser.parse_args()
    # An installed program has compiled modules; without them a start measures the compiler.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.sched_setaffinity(0, {LOAD_CORE})
    gc.freeze()  # to look through all that is imported takes as long as a slow response
    path = Path(args.json)
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    try:
        asyncio.run(measure(args, results))
    finally:  # a part that fails takes nothing of the others
        path.write_text(json.dumps(results, indent=2) + "\n")
    print("\n" + goals.verdict(results))
    print(f"\nwritten to {path}; `make docs` puts the tables into docs/measurements.md")


if __name__ == "__main__":
    main()
