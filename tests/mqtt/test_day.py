"""A day on which everything goes wrong: no number is published that the gateway did not report then."""

from __future__ import annotations

import json
from random import Random

from proxy.core.sources import METERS, OPERATION, SOE, SYSTEM_STATUS
from proxy.mqtt.entities import ENTITIES
from proxy.mqtt.entity import COUNTED
from proxy.sim.faults import Fault
from tests.clock import pass_time
from tests.mqtt.conftest import ROOT, calm, happens

DAY_S = 86_400
PAUSES_S = (5, 20, 60, 1200, 3600)
TOGETHER_S = 0.2
SERVABLE_S = 30  # PW_CACHE_TTL: how old the meters may be
FAULTS = (
    *({"status": status} for status in (404, 429, 500, 503)),
    *({"action": spoil} for spoil in ("html", "empty", "null", "nan", "overflow", "truncate")),
    {"action": "reset"},
    {"action": "refuse"},
)
PATHS = ("*", METERS, SOE, SYSTEM_STATUS, OPERATION)
COUNTERS = [row.suffix for row in ENTITIES if row.state_class == COUNTED]
POWERS = ("solar", "grid", "home", "powerwall")
NEVER_ZERO = (*POWERS, "battery", "battery_raw", "reserve", "total_capacity", "current_charge", *COUNTERS)


class House:
    """Powers that were never there before, so that each shows when it was measured."""

    def __init__(self, sim, clock) -> None:
        self.measured: dict[str, dict[float, float]] = {name: {} for name in POWERS}  # value, until when
        self._sim, self._clock, self._number = sim, clock, 0
        self._now: dict[str, float] = {}

    def change(self) -> None:
        self._number += 1
        number = self._number
        solar, home, powerwall = 1000.0 + 20 * number, 30_000.0 + 50 * number, -100.0 - 11 * number
        self._keep()
        self._now = {"solar": solar, "home": home, "powerwall": powerwall, "grid": home - solar - powerwall}
        self._sim.pin(solar=solar, load=home, battery=powerwall)

    def _keep(self) -> None:
        for name, value in self._now.items():
            self.measured[name][value] = self._clock.clock.monotonic()

    def said(self, client) -> bool:
        """Whether every power that the broker has was measured in the last seconds."""
        self._keep()
        oldest = self._clock.clock.monotonic() - SERVABLE_S
        status = client.status()
        return all(
            self.measured[name].get(value, float("-inf")) >= oldest
            for name in POWERS
            for value in (status[name], client.latest.get(f"{ROOT}/{name}") or None)
            if value is not None
            for value in (float(value),)
        )


def agrees(client) -> bool:
    """Whether document, availability and single values know and do not know the same."""
    status = client.status()
    is_online = client.latest[f"{ROOT}/availability"] == "online"
    return status["online"] is is_online and all(
        (status[name] is None) == (client.latest.get(f"{ROOT}/{name}", "") == "") for name in POWERS
    )


async def test_in_a_day_of_random_faults_nothing_is_invented_and_nothing_old_is_kept(
    publishing, sim, broker, client, clock
):
    """What the broker retains is of the last 30 s, or empty; no 0 stands for what is not known; no counter falls."""
    random, house = Random(19), House(sim, clock)
    house.change()
    proxy = await publishing(sim, broker)
    await client.hears(f"{ROOT}/status")
    began, seen = clock.clock.monotonic(), {"online": 0, "offline": 0}

    while clock.clock.monotonic() - began < DAY_S:
        if random.random() < 0.4:
            sim.clear_faults()
        else:
            sim.faults.add(Fault(**{"path": random.choice(PATHS), **random.choice(FAULTS)}))
        house.change()
        pause_s = random.choice(PAUSES_S)
        await pass_time(clock, proxy, pause_s)
        for _ in range(2):
            await pass_time(clock, proxy, TOGETHER_S)
            await calm(proxy)

        await happens(lambda: agrees(client) and house.said(client))
        seen[client.latest[f"{ROOT}/availability"]] += 1

    published = {}
    for topic, text in client.heard:
        published.setdefault(topic.removeprefix(f"{ROOT}/"), []).append(text)
    for name in NEVER_ZERO:
        assert 0 not in [float(text) for text in published[name] if text], name
    for name in COUNTERS:
        values = [float(text) for text in published[name] if text]
        assert values == sorted(values), name
    assert all(float(text) in house.measured[name] for name in POWERS for text in published[name] if text)
    assert all(json.loads(text) for text in published["status"])
    assert min(seen.values()) > 5
