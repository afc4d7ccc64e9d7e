"""The README's table of measurements, from ``bench/results.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
_OURS, _NGINX, _PEER = "this proxy", "nginx proxy_cache", "pypowerwall-server"
_SERVERS = (_OURS, f"{_OURS}, PW_FAST_PATH=no", _NGINX, _PEER, "bare aiohttp handler", "raw asyncio protocol")


def table() -> str:
    """Write what was measured last, with machine and date."""
    if not RESULTS.exists():
        return "Nothing has been measured in this working copy yet."
    results = json.loads(RESULTS.read_text("utf-8"))
    parts = [
        f"Measured on {results['date']}: {results['machine']}, shared with other jobs; one core for the server."
    ]
    parts += [_hot(results["hot"])] if "hot" in results else []
    parts += [_load(results["load"])] if "load" in results else []
    parts += [_others(results)]
    return "\n\n".join(parts)


def _hot(cells: dict[str, Any]) -> str:
    servers = [name for name in _SERVERS if any(name in figures for figures in cells.values())]
    lines = [f"| CPU per cached answer, µs | {' | '.join(servers)} |", f"| --- |{' --- |' * len(servers)}"]
    for cell, figures in cells.items():
        told = (f"{figures[name]['cpu_us']:.1f}" if name in figures else "" for name in servers)
        lines.append(f"| `{cell.replace(',', '`,', 1)} | {' | '.join(told)} |")
    return "\n".join(lines)


def _load(load: dict[str, Any]) -> str:
    lines = ["| The gateway is slow or down | seen |", "| --- | --- |"]
    for name, figures in load.items():
        if name == "outages":
            lines += [f"| outage: {kind} | {_told(seen)} |" for kind, seen in figures.items()]
        elif all(isinstance(seen, dict) for seen in figures.values()):
            lines += [f"| {name}: {kind} | {_told(seen)} |" for kind, seen in figures.items()]
        else:
            lines.append(f"| {name} | {_told(figures)} |")
    return "\n".join(lines)


def _told(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())


def _others(results: dict[str, Any]) -> str:
    lines = ["| Besides | seen |", "| --- | --- |"]
    if memory := results.get("memory"):
        kinds = ", ".join(f"{name} {value:.0f}" for name, value in memory.items() if name != "requests")
        lines.append(f"| resident memory, MB, over {memory['requests']:,} requests | {kinds} |")
    if crowd := results.get("crowd"):
        lines.append(f"| a crowd of connections | {_told(crowd)} |")
    if start := results.get("start"):
        ours, bare = start[_OURS], start["bare aiohttp handler"]
        lines.append(
            f"| from exec to the first good answer | {ours:.2f} s, {ours / bare:.2f} x a bare aiohttp server |"
        )
    if scrape_ms := results.get("scrape_ms"):
        lines.append(f"| CPU of one scrape of /metrics | {scrape_ms} ms |")
    if metrics := results.get("metrics"):
        lines.append(
            f"| a hit with metrics : without | {metrics['with metrics']['cpu_us']:.1f} : {metrics['without metrics']['cpu_us']:.1f} µs |"
        )
    return "\n".join(lines)
