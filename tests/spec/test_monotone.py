"""No counter that was exported ever falls: through every driver, at every output, however a process ends."""

from __future__ import annotations

import random
import re
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import pytest

from proxy.core.clock import Clock
from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.personas import PERSONAS
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, until
from tests.cloud.conftest import TOKEN
from tests.conftest import Proxy
from tests.drivers.houses import FULL, HYBRID, POLYGLOT, knows

# The house, and how it is read.
DRIVERS = {
    "local": (PERSONAS["fw21_44"], {}),
    "hybrid": (POLYGLOT, HYBRID),
    "tedapi": (PERSONAS["pw3"], FULL),
    "v1r": (PERSONAS["pw3"], None),
    "cloud": (PERSONAS["fw23_44"], {"cloud_mode": "static", "cloud_token": TOKEN}),
    "cloud without history": (PERSONAS["fw23_44"], {"cloud_mode": "static", "cloud_token": TOKEN}),
}
STEPS = 25
# A counter of the house in a scrape: name, labels, value.
COUNTER = re.compile(r"^(powerwall_(?!proxy_)\w+_total)(\{[^}]*\})? (\S+)$", re.MULTILINE)
# What passes at once (s). The cloud is read once a minute, and its history every quarter of an hour.
SPANS = [1, 5, 15, 60]
CLOUD_SPANS = {"cloud": [61, 301, 1001, 4001], "cloud without history": [61, 61, 121, 301]}
# These have no counters of their own: what their meters show is counted by the proxy, or by the cloud's history.
INTEGRATED = {"tedapi", "v1r"} | CLOUD_SPANS.keys()


@dataclass
class House:
    """A gateway, the proxies that read it, and the highest value that each counter was exported with."""

    sim: SimulatedGateway
    start: object
    clock: object
    key: object
    driver: str
    chance: random.Random
    folders: object
    cloud: SimulatedCloud | None = None
    wall_offset_s: float = 0.0
    proxies: list[Proxy] = field(default_factory=list)
    exported: list[dict] = field(default_factory=list)

    async def begin(self, folder, before=None) -> None:
        """Start a process on a folder; what was exported from it (or ``before``) is the least it may export."""
        _, settings = DRIVERS[self.driver]
        settings = self.key.settings() if settings is None else settings
        floor: dict = {}
        for number in self.on(before or folder):
            earlier = self.exported[number]
            floor = {key: max(earlier.get(key, 0), floor.get(key, 0)) for key in earlier | floor}
        settings = {**settings, **self.place(), "state_path": str(folder), "metrics_refresh": "all"}
        self.proxies.append(await self.start(None if self.cloud else self.sim, **settings))
        self.exported.append(floor)

    def place(self) -> dict:
        """Say where the house is read, in one of several spellings."""
        host = self.chance.choice(["127.0.0.1", "localhost"])
        if self.cloud is not None:
            return {"cloud_url": f"http://{host}:{self.cloud.url.rpartition(':')[2]}"}
        return {"host": f"{host}:{self.sim.address.rpartition(':')[2]}"}

    async def kill(self) -> None:
        """Go on with the state folder as it is on the disk at this moment; what ran on it counts no more."""
        folder = self.folders / f"{len(self.proxies)}"
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns(".*.json.*"))
        for number in self.on(self.folder):
            self.proxies[number].context.gateway.cache.cancel_pending()
        await self.begin(folder, self.folder)

    @property
    def folder(self) -> str:
        """The present state folder."""
        return self.proxies[-1].context.settings.state_path

    def on(self, folder) -> list[int]:
        """The processes that were started on a folder."""
        return [n for n, proxy in enumerate(self.proxies) if proxy.context.settings.state_path == str(folder)]

    async def look(self) -> None:
        """Read every counter of every process that runs, and compare."""
        for number in self.on(self.folder):
            for key, value in (await counters(self.proxies[number], self.driver)).items():
                highest = self.exported[number].get(key, 0.0)
                assert value >= highest, f"{key} fell from {highest} to {value}"
                self.exported[number][key] = value

    async def step(self) -> None:
        sim, chance = self.sim, self.chance
        match chance.choice(["kill", "join", "correct", "clock", *["power"] * 3, *["time"] * 5]):
            case "kill":
                await self.kill()
            case "join" if len(self.on(self.folder)) == 1:
                await self.begin(self.folder)
            case "correct":
                counted = sim.plant.counters
                sim.plant.counters = replace(
                    counted, imported=counted.imported - 5, consumed=counted.consumed - 3
                )
            case "clock":
                self.wall_offset_s += chance.choice([-86400.0, -40.0, 40.0, 86400.0])
            case "power":
                load = chance.choice([300.0, 700.0, 5000.0, 11000.0])
                sim.pin(load=load, solar=chance.choice([0.0, 900.0, 6000.0]))
            case _:
                for proxy in self.proxies:
                    await pass_time(self.clock, proxy, chance.choice(CLOUD_SPANS.get(self.driver, SPANS)))
                await until(lambda: all(not p.context.gateway.cache.is_fetching for p in self.proxies))


async def counters(proxy: Proxy, driver: str) -> dict:
    """Every counter that a proxy exports, by where it stands."""
    await proxy.get("/metrics")
    await until(lambda: not proxy.context.gateway.cache.is_fetching)
    series = COUNTER.findall((await proxy.get("/metrics")).text)
    found = {(name, labels): float(value) for name, labels, value in series}
    assert len(found) == len(series)
    if driver in INTEGRATED:
        answer = await proxy.get("/aggregates")
        for meter, reported in (answer.json() if answer.status == 200 else {}).items():
            for name in ("energy_imported", "energy_exported"):
                if reported[name] is not None:
                    found["/aggregates", meter, name] = reported[name]
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("driver", DRIVERS)
async def test_no_counter_ever_falls(driver, seed, start, clock, key, tmp_path):
    """
    Processes are killed and started again with what was on the disk, at another spelling of the
    address, beside another on the same folder, while clocks step and meters correct themselves.
    """
    persona, _ = DRIVERS[driver]
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(SimulatedGateway(persona, clock=clock.clock))
        cloud = None
        if driver in CLOUD_SPANS:
            cloud = await stack.enter_async_context(SimulatedCloud(sim, clock=clock.clock, tls=False))
            cloud.sign_in.give_static(TOKEN)
        if driver == "cloud without history":
            cloud.trouble("not-found", path=f"/api/1/energy_sites/{cloud.site.site_id}/calendar_history")
        chance = random.Random(f"{driver} {seed}")
        house = House(sim, start, clock, key, driver, chance, tmp_path, cloud)
        steady = clock.clock
        clock.clock = Clock(steady.monotonic, lambda: steady.wall() + house.wall_offset_s)
        if driver == "v1r":
            knows(sim, key)
        await house.begin(tmp_path / "state")

        for _ in range(STEPS):
            await house.step()
            await house.look()

        seen = set().union(*house.exported)
        assert {name for name, *_ in seen} >= {"powerwall_energy_joules_total"}
        assert any(max(exported.get(key, 0) for exported in house.exported) > 0 for key in seen)
