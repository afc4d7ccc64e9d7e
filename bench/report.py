"""The tables of docs/measurements.md, from ``bench/results.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.goals import BARE, NGINX, OURS, PEER, RAW, noise, seen, slowness

RESULTS = Path(__file__).parent / "results.json"
_SERVERS = (OURS, f"{OURS}, PW_FAST_PATH=no", NGINX, PEER, BARE, RAW)


def table() -> str:
    """Write what was measured last, with machine and date."""
    if not RESULTS.exists():
        return "Nothing has been measured in this working copy yet."
    results = json.loads(RESULTS.read_text("utf-8"))
    parts = [
        f"Measured on {results['date']}: {results['machine']}; one core for the server, one for everything else."
        f" Times are for a machine {slowness(results):.1f} times as slow as the reference (bench/goals.py)."
        + (
            f" Other programs took up to {noise(results):.0%} of a core meanwhile."
            if "hot" in results
            else ""
        ),
        _goals(results),
    ]
    parts += [_hot(results["hot"])] if "hot" in results else []
    parts += [_outages(results["load"]["outages"])] if "load" in results else []
    return "\n\n".join(parts)


def _goals(results: dict[str, Any]) -> str:
    slow = slowness(results)
    lines = ["| Measure | Goal | Measured |", "| --- | --- | --- |"]
    for goal, figure in seen(results):
        text = "not measured" if figure is None else goal.written(figure)
        missed = figure is not None and not goal.holds(figure, slow)
        lines.append(
            f"| {goal.measure} | {goal.written_bound(slow)} | {text}{' (missed)' if missed else ''} |"
        )
    return "\n".join(lines)


def _hot(cells: dict[str, Any]) -> str:
    servers = [name for name in _SERVERS if any(name in figures for figures in cells.values())]
    lines = [f"| CPU per cached answer, µs | {' | '.join(servers)} |", f"| --- |{' --- |' * len(servers)}"]
    for cell, figures in cells.items():
        times = (f"{figures[name]['cpu_us']:.1f}" if name in figures else "" for name in servers)
        lines.append(f"| `{cell.replace(',', '`,', 1)} | {' | '.join(times)} |")
    return "\n".join(lines)


def _outages(outages: dict[str, Any]) -> str:
    lines = ["| Gateway down for a minute | Measured |", "| --- | --- |"]
    for kind, figures in outages.items():
        text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
        lines.append(f"| {kind} | {text} |")
    return "\n".join(lines)
