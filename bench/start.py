"""From exec to the first good answer: this version, one of before, and a bare server, in turn."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from bench.goal import Goal, Results
from bench.machine import answer, wait_for
from bench.targets import ROOT, Bench, Target

# The last version without history, alarms, MQTT, replicas and lists of gateways.
_COMMIT: Final = "e3f7878dd2f97febe6ee3fbcbbf494099509b2d7"
_OURS, _KEPT, _BEFORE, _BARE = "this proxy", "with state", "version of before", "bare aiohttp handler"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[]\n"


def _ratio(one: str, other: str) -> Callable[[Results], float]:
    return lambda results: results["starts"][one]["cpu_s"] / results["starts"][other]["cpu_s"]


GOALS = (
    Goal(
        "CPU of a start with the state of an earlier run : of the version without history, alarms and MQTT",
        _ratio(_KEPT, _BEFORE),
        1.3,
    ),
    Goal("the same : with an empty folder", _ratio(_KEPT, _OURS), 1.3),
    Goal("CPU of a start with an empty folder : of a bare aiohttp server", _ratio(_OURS, _BARE), 1.5),
)


async def run(bench: Bench, rounds: int) -> dict[str, dict[str, float]]:
    """Return seconds, and those of a processor, by name: medians of turns."""
    kept = [bench.daemon(_KEPT), *_before(bench)]
    for target in kept:
        await _leave_state(target)
    seen: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for target in (_on_nothing(bench), *kept, bench.bare("aiohttp", {"/soe": _ANSWER})):
            started = time.perf_counter()
            target.process.start()
            await wait_for(target.port, "/soe")
            took = time.perf_counter() - started
            seen.setdefault(target.name, []).append((took, target.process.cpu_s))
            target.process.stop()
    medians = {
        name: dict(zip(("s", "cpu_s"), map(statistics.median, zip(*turns, strict=True)), strict=True))
        for name, turns in seen.items()
    }
    print("\nstart:", medians, flush=True)
    return medians


def _before(bench: Bench) -> list[Target]:
    """Take the version of before from the repository, unless this is a copy without it."""
    git, folder = shutil.which("git"), bench.folder / "before"
    if git is None:
        return []
    archive = subprocess.run(
        [git, "-C", ROOT, "archive", _COMMIT, "proxy", "web"], capture_output=True, check=False
    )
    if archive.returncode:
        return []
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return [replace(bench, root=folder).daemon(_BEFORE)]


async def _leave_state(target: Target) -> None:
    """Let a server leave its state behind."""
    await target.start()
    for path in ("/vitals", "/history.json"):
        await answer(target.port, path)
    target.process.stop()


def _on_nothing(bench: Bench) -> Target:
    """Make the proxy with a state folder that is new."""
    return bench.daemon(PW_STATE_PATH=tempfile.mkdtemp(dir=bench.folder))
