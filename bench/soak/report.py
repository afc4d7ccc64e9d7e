"""The table of the soak in docs/measurements.md, from ``bench/soak/results.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
# The figures that must not grow to the end, and by how much they may differ.
_FLAT = {"memory_mb": 4.0, "files": 40, "tasks": 40}
_MOST_STATE_MB, _MOST_LOG_MB_A_DAY = 16.0, 0.1
# A reading of an outage's middle is fetched again when the pause after the last attempt is over, or when its ttl is.
_MOST_S = 75.0
# Kinds that take longer by design: the gateway said when to come back; the pause after a refused certificate is five minutes.
_LONGER_S = {"429": 130.0, "new certificate": 310.0}


def problems(results: dict[str, Any]) -> list[str]:
    """List what did not hold, in sentences."""
    first, last = _ends(results)
    found = [f"{name}: {results[name]}" for name in ("wrong values", "counters that fell") if results[name]]
    found += [
        f"{name} grew from {first[name]} to {last[name]}"
        for name, most in _FLAT.items()
        if last[name] - first[name] > most
    ]
    if last["log_mb"] > _MOST_LOG_MB_A_DAY * results["days"]:
        found.append(f"the log has {last['log_mb']} MB")
    if max(each["state_mb"] for each in results["gauges"]) > _MOST_STATE_MB:
        found.append("the state folder is too large")
    found += [
        f"{kind}: {max(took)} s" for kind, took in results["recoveries"].items() if max(took) > _bound(kind)
    ]
    return found


def _ends(results: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the gauges of the second night, where there is one, and of the end.

    In the first night the simulated gateway does not remember its thousand requests yet, the judge not its eight hours,
    and most kinds of trouble have not come.
    """
    gauges = results["gauges"]
    return gauges[1 if len(gauges) > 2 else 0], gauges[-1]


def _bound(kind: str) -> float:
    return next((most for start, most in _LONGER_S.items() if kind.startswith(start)), _MOST_S)


def table() -> str:
    """Write what the last soak saw."""
    if not RESULTS.exists():
        return "No soak has been run in this working copy yet."
    results = json.loads(RESULTS.read_text("utf-8"))
    first, last = _ends(results)
    responses = ", ".join(f"{count:,} of {status}" for status, count in results["responses"].items())
    rows = {
        "Simulated time; CPU time": f"{results['days']} days; {results['cpu_minutes']} minutes ({results['machine']})",
        "Clients": "50 of 7 kinds",
        "Responses; messages of streams": f"{responses}; {results['messages of streams']:,}",
        "Values compared; wrong": f"{results['values compared']:,}; {results['wrong values']}",
        "Counters followed; that fell": f"{results['counters']:,}; {results['counters that fell']}",
        "Connections that broke in a request": f"{results['lost connections']:,}",
        "Resident memory, second night; end (gateway and clients included)": _pair(
            first, last, "memory_mb", " MB"
        ),
        "Open files, second night; end": _pair(first, last, "files"),
        "Tasks, second night; end": _pair(first, last, "tasks"),
        "Log at the end": f"{last['log_mb']:.2f} MB",
        "State folder, largest; end": f"{max(each['state_mb'] for each in results['gauges']):.1f} MB; "
        f"{last['state_mb']:.1f} MB",
    }
    lines = ["| Soak | Seen |", "| --- | --- |", *(f"| {name} | {text} |" for name, text in rows.items())]
    lines += ["", "| Trouble | Times | Longest time from its end to a fresh reading |", "| --- | --- | --- |"]
    lines += [f"| {kind} | {len(took)} | {max(took):.0f} s |" for kind, took in results["recoveries"].items()]
    return "\n".join(lines)


def _pair(first: dict[str, Any], last: dict[str, Any], name: str, unit: str = "") -> str:
    return f"{first[name]}{unit}; {last[name]}{unit}"
