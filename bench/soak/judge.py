"""What is right: every reading against what the gateway showed at that time, every counter against itself."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

_SAMPLE: Final = re.compile(r"^([a-z_]+)(\{.*\})? (\S+)$", re.MULTILINE)
_TYPE: Final = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)
_PARTS: Final = ("_bucket", "_count", "_sum", "_total")
_POWERS: Final = frozenset({"/aggregates", "/api/meters/aggregates"})
_CHARGES: Final = frozenset({"/soe", "/api/system_status/soe"})
# An age is given in whole seconds, rounded down.
_ROUNDED_S: Final = 1.0
_MOST_KEPT: Final = 20
# Nothing is served that is older than a few minutes, after a sleep of the computer forty more.
_KEPT_S: Final = 4 * 3600.0


class Shown:
    """What one meter of the gateway showed in the last hours, and from when on (monotonic seconds)."""

    def __init__(self) -> None:
        self._since: list[float] = []
        self._values: list[float] = []

    def note(self, now: float, value: float) -> None:
        if self._since and now - self._since[0] > 2 * _KEPT_S:
            old = bisect_right(self._since, now - _KEPT_S)
            del self._since[:old], self._values[:old]
        self._since.append(now)
        self._values.append(value)

    def between(self, begin: float, end: float) -> list[float]:
        """Return every value that was shown at some time between two moments."""
        first = max(bisect_right(self._since, begin) - 1, 0)
        return self._values[first : bisect_right(self._since, end)]


class Judge:
    """Compares what clients get; ``wrong`` has a sentence for each contradiction, the first ones in full."""

    def __init__(self, now: Callable[[], float], usable_s: float) -> None:
        self.now, self.usable_s = now, usable_s
        self.solar, self.load, self.charge = Shown(), Shown(), Shown()
        self.responses: Counter[int] = Counter()
        self.values = 0
        self.messages = 0
        self.lost_connections = 0
        self.wrong_values = 0
        self.falling = 0
        self.wrong: list[str] = []
        self._energies: dict[str, float] = {}
        self._counters: dict[str, float] = {}

    def lost(self, _: BaseException) -> None:
        """Note a connection that broke, or a response that did not come within a minute."""
        self.lost_connections += 1

    def see(self, path: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Compare a response with its age."""
        self.responses[status] += 1
        if status != 200:
            return
        begin = self.now() - int(headers.get("age", "0")) - _ROUNDED_S
        if path in _POWERS:
            document = json.loads(body)
            self._compare(path, "solar", document["solar"]["instant_power"], self.solar, begin)
            self._compare(path, "load", document["load"]["instant_power"], self.load, begin)
            for meter in ("site", "battery", "load", "solar"):
                for direction in ("energy_imported", "energy_exported"):
                    self._grow(self._energies, f"{meter} {direction}", document[meter][direction])
        elif path in _CHARGES:
            self._compare_charge(path, json.loads(body)["percentage"], begin)
        elif path == "/csv":
            _, load, solar, _, charge = (float(value) for value in body.decode().split(","))
            self._compare(path, "solar", solar, self.solar, begin)
            self._compare(path, "load", load, self.load, begin)
            self._compare_charge(path, charge, begin)
        elif path == "/json":
            document = json.loads(body)
            self._compare(path, "solar", document["solar"], self.solar, begin)

    def see_state(self, state: Mapping[str, Any]) -> None:
        """Compare a message of the page's stream with its age."""
        self.messages += 1
        if state.get("age") is not None:
            begin = self.now() - state["age"] - _ROUNDED_S
            for name, meter in (("solar", self.solar), ("load", self.load)):
                if state.get(name) is not None:
                    self._compare("/events", name, state[name], meter, begin)

    def see_object(self, document: Mapping[str, Any]) -> None:
        """Compare a message of a WebSocket with what was shown; it has no age, but no reading is older than ``usable_s``."""
        self.messages += 1
        if document["num_online"] and document.get("total_solar_power") is not None:
            begin = self.now() - self.usable_s - _ROUNDED_S
            self._compare("/ws/aggregate", "solar", document["total_solar_power"], self.solar, begin)

    def see_metrics(self, status: int, body: bytes) -> None:
        """Compare each counter with what it was before."""
        self.responses[status] += 1
        if status != 200:
            return
        text = body.decode()
        kinds = dict(_TYPE.findall(text))
        for name, labels, value in _SAMPLE.findall(text):
            base = next((name.removesuffix(part) for part in _PARTS if name.endswith(part)), name)
            if "counter" in {kinds.get(name), kinds.get(base)} or kinds.get(base) == "histogram":
                self._grow(self._counters, name + labels, float(value))

    @property
    def counters(self) -> int:
        """How many counters were compared: of the metrics, and energies of the meters."""
        return len(self._counters) + len(self._energies)

    def _compare(self, path: str, what: str, value: float, meter: Shown, begin: float) -> None:
        self.values += 1
        shown = meter.between(begin, self.now())
        if not any(abs(value - one) < 1.0 for one in shown):
            self.wrong_values += 1
            self._keep(f"{path}: {what} {value}, but {shown[:5]} was shown since {begin - self.now():.1f} s")

    def _compare_charge(self, path: str, value: float, begin: float) -> None:
        self.values += 1
        shown = self.charge.between(begin - 10.0, self.now() + 10.0)
        if not min(shown) - 0.2 <= value <= max(shown) + 0.2:
            self.wrong_values += 1
            self._keep(f"{path}: charge {value}, but {min(shown)} to {max(shown)} was shown")

    def _grow(self, counters: dict[str, float], name: str, value: float | None) -> None:
        if value is None:
            return
        before = counters.get(name, value)
        if value < before:
            self.falling += 1
            self._keep(f"{name} fell from {before} to {value}")
        counters[name] = value

    def _keep(self, sentence: str) -> None:
        if len(self.wrong) < _MOST_KEPT:
            self.wrong.append(f"at {self.now():.1f} s: {sentence}")
