"""What the measurements are held against: a table of bounds, and whether the figures of one run keep them.

Most bounds are ratios of two figures of one run. Where only a time makes sense, its bound is for a
machine on which a bare aiohttp handler spends ``_REFERENCE_US`` on a response, and grows with what
that handler costs in the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bench import fleet, hot, mqtt, pages, past, replicas, start
from bench.goal import Goal, Results, figure_of

OURS, NGINX, PEER = "this proxy", "nginx proxy_cache", "pypowerwall-server"
RAW, BARE = "raw asyncio protocol", "bare aiohttp handler"
_HITS = [cell.name for cell in hot.CELLS[:4]]
_AT_64 = [cell.name for cell in hot.CELLS[2:4]]
_BROWSER, _CLOSE, _TLS, _TLS_CLOSE = (cell.name for cell in hot.CELLS[4:])
_TTL_S = {"expiry tail, ttl 1 s": 1, "expiry tail, ttl 5 s": 5, "one path hangs": 5}


# Microseconds of CPU of a bare aiohttp handler on the machine for which times are given.
_REFERENCE_US = 33.0


def slowness(results: Results) -> float:
    """Compare the machine of a run with the reference: 2 is half as fast. 1 where it is faster or unknown."""
    cell = results.get("hot", {}).get(_HITS[0], {})
    return max(cell[BARE]["cpu_us"] / _REFERENCE_US, 1.0) if BARE in cell else 1.0


def _ratios(cells: Iterable[str], other: str, kind: str) -> Callable[[Results], list[float]]:
    """Take ours to theirs, a figure for each cell."""
    return lambda results: [
        figures[kind] for cell in cells if (figures := results["hot"][cell].get(other)) is not None
    ]


def _most(figures: Callable[[Results], Iterable[float]]) -> Callable[[Results], float]:
    return lambda results: max(figures(results))


def _least(figures: Callable[[Results], Iterable[float]]) -> Callable[[Results], float]:
    return lambda results: min(figures(results))


def _outages(kind: str, *, polite: bool = True) -> Callable[[Results], list[float]]:
    """Take a figure of every outage; without ``polite`` not of those that forbid to come back early."""
    return lambda results: [
        seen[kind] if seen[kind] is not None else float("inf")
        for name, seen in results["load"]["outages"].items()
        if polite or "Retry-After" not in name
    ]


def _recovery(results: Results, outage: str) -> float:
    seconds = results["load"]["outages"][outage]["recovery_s"]
    return float("inf") if seconds is None else seconds


def _stampede(when: str, kind: str) -> Callable[[Results], float]:
    return lambda results: results["load"]["stampede of 200"][when][kind]


def _tails(results: Results) -> list[Mapping[str, float]]:
    return [results["load"][name] for name in _TTL_S if name.startswith("expiry")]


def _too_old(results: Results) -> list[float]:
    """Seconds by which the oldest reading was older than its ttl."""
    load = results["load"]
    seen = {name: load[name].get("while", load[name]) for name in _TTL_S}
    return [seen[name]["oldest_s"] - ttl_s for name, ttl_s in _TTL_S.items()]


def _memory(results: Results) -> list[float]:
    return [value for name, value in results["memory"].items() if name != "requests"]


def _through_aiohttp(results: Results) -> float:
    cell = results["hot"][_HITS[0]]
    return float(cell[f"{OURS}, PW_FAST_PATH=no"]["cpu_us"] / cell[BARE]["cpu_us"])


GOALS = (
    Goal("CPU per hit : nginx", _most(_ratios(_HITS, NGINX, "cpu_ratio")), 0.8),
    Goal("CPU per hit : raw asyncio protocol", _most(_ratios(_HITS, RAW, "cpu_ratio")), 1.3),
    Goal("throughput : nginx", _least(_ratios(_HITS, NGINX, "rate_ratio")), 1.2, at_least=True),
    Goal("throughput : pypowerwall-server", _least(_ratios(_HITS, PEER, "rate_ratio")), 20, at_least=True),
    Goal(
        "throughput with a browser's headers : nginx",
        _least(_ratios([_BROWSER], NGINX, "rate_ratio")),
        1.0,
        at_least=True,
    ),
    Goal("p99 at 64 connections : nginx", _most(_ratios(_AT_64, NGINX, "p99_ratio")), 1.0),
    Goal(
        "CPU of a connection per request : bare aiohttp handler",
        _most(_ratios([_CLOSE], BARE, "cpu_ratio")),
        0.7,
    ),
    Goal("CPU of a connection per request : nginx", _most(_ratios([_CLOSE], NGINX, "cpu_ratio")), 1.0),
    Goal("CPU per hit over TLS : raw asyncio protocol", _most(_ratios([_TLS], RAW, "cpu_ratio")), 1.2),
    Goal(
        "CPU of a connection per request over TLS : raw asyncio protocol",
        _most(_ratios([_TLS_CLOSE], RAW, "cpu_ratio")),
        1.2,
    ),
    Goal("TLS: sessions resumed of those that were offered", figure_of("tls", "resumed"), 1.0, at_least=True),
    Goal("CPU per hit through aiohttp : bare aiohttp handler", _through_aiohttp, 1.5),
    Goal(
        "a hit with metrics : without",
        figure_of("metrics", "without metrics", "cpu_ratio"),
        1.05,
    ),
    *start.GOALS,
    Goal(
        "200 clients, reading expired: slowest response",
        _stampede("expired", "max_ms"),
        100,
        "ms",
        per_machine=True,
    ),
    Goal("200 clients, reading expired: gateway requests", _stampede("expired", "upstream"), 1, ""),
    Goal(
        "200 clients, empty cache: slowest response, without the gateway's 500 ms",
        lambda r: _stampede("cold", "max_ms")(r) - 500,
        100,
        "ms",
        per_machine=True,
    ),
    Goal("200 clients, empty cache: gateway requests", _stampede("cold", "upstream"), 1, ""),
    Goal(
        "50 requests/s, gateway takes 500 ms: p99",
        lambda r: max(seen["p99_ms"] for seen in _tails(r)),
        10,
        "ms",
    ),
    Goal(
        "the same, and one path that hangs: age of the oldest reading beyond its ttl", _most(_too_old), 1, "s"
    ),
    Goal(
        "one path hangs: p99 of other routes : before",
        lambda r: (
            r["load"]["one path hangs"]["while"]["p99_ms"] / r["load"]["one path hangs"]["before"]["p99_ms"]
        ),
        1.5,
    ),
    Goal(
        "20 clients x 8 routes a second: gateway requests per source and ttl",
        figure_of("load", "20 clients x 8 routes", "upstream per source and ttl, at most"),
        1,
        "",
    ),
    Goal(
        "the same: connections to the gateway",
        figure_of("load", "20 clients x 8 routes", "connections"),
        2,
        "",
    ),
    Goal(
        "gateway down: slowest response after the first failure",
        _most(_outages("max_ms once open")),
        100,
        "ms",
    ),
    Goal("gateway down: attempts a minute", _most(_outages("attempts a minute after it")), 6, ""),
    Goal(
        "gateway accepts connections again: time to fresh readings",
        lambda r: _recovery(r, "refused"),
        3,
        "s",
    ),
    Goal("gateway back: time to fresh readings", _most(_outages("recovery_s", polite=False)), 10, "s"),
    Goal("resident memory under load", _most(_memory), 50, "MB"),
    Goal(
        "three Powerwall 3, every route and page requested once: resident memory",
        figure_of("everything_mb"),
        60,
        "MB",
    ),
    Goal(
        "growth of memory over 900,000 requests and 10,000 URLs",
        lambda r: max(_memory(r)) - r["memory"]["after a tenth"],
        1,
        "MB",
    ),
    Goal("5,000 idle connections: connections lost", figure_of("crowd", "lost"), 0, ""),
    Goal("200 event streams: streams lost", figure_of("readers", "lost"), 0, ""),
    Goal(
        "200 event streams: delay between the first and the last",
        figure_of("readers", "spread_ms"),
        100,
        "ms",
        per_machine=True,
    ),
    Goal("1,000 WebSockets: clients or messages lost", figure_of("sockets", "lost"), 0, ""),
    Goal("CPU of one scrape of /metrics, largest site", figure_of("scrape_ms"), 5, "ms", per_machine=True),
    *fleet.GOALS,
    *mqtt.GOALS,
    *replicas.GOALS,
    *past.GOALS,
    *pages.GOALS,
)


def seen(results: Results) -> list[tuple[Goal, float | None]]:
    """Pair every goal with what was seen, None where that part was not measured."""
    figures: list[tuple[Goal, float | None]] = []
    for goal in GOALS:
        try:
            figures.append((goal, goal.worst(results)))
        except (KeyError, ValueError):  # a part, or a server, that was not there
            figures.append((goal, None))
    return figures


def noise(results: Results) -> float:
    """Say which part of a core other programs took while the busiest cell was measured."""
    return max(float(figures["noise"]) for cell in results["hot"].values() for figures in cell.values())


def verdict(results: Results) -> str:
    """Write one line for each goal."""
    slow = slowness(results)
    lines = ["goals:"]
    if "hot" in results and noise(results) > hot.NOISE:
        lines.append(f"  beware: other programs took up to {noise(results):.0%} of a core meanwhile")
    for goal, figure in seen(results):
        if figure is None:
            lines.append(f"  not measured  {goal.measure}")
        else:
            word = "kept" if goal.holds(figure, slow) else "MISSED"
            lines.append(f"  {word:<13} {goal.measure}: {goal.written(figure)} ({goal.written_bound(slow)})")
    return "\n".join(lines)
