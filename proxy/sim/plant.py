"""The house: sun, load, battery and grid, stepped through time.

Pure: no clock and no I/O; the caller says how many seconds pass. Powers are
watts with the signs of ``core.model``, energies watt-hours, percent on the raw
scale. Every document of the simulated gateway is rendered from one ``Reading``,
so that all dialects agree, and site + battery + solar = load in each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from proxy.sim.curves import Chance, Weather
from proxy.sim.dispatch import EFFICIENCY, Battery, Mode, charge_room_w, dispatch, off_grid
from proxy.sim.island import CONNECTED, Contactor

DAY_S = 86400.0
LONG_GAP_S = 3600.0
COARSE_STEP_S = 10.0


@dataclass(frozen=True, slots=True)
class Counters:
    """Energy since commissioning in Wh; none of them ever falls."""

    imported: float = 752045.9551097859
    exported: float = 348463.5610710742
    charged: float = 642500.0
    discharged: float = 567740.0
    produced: float = 1269175.54256601
    consumed: float = 1595342.4463185878
    generated: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The house at one instant, as the gateway would print it: whole watts that balance."""

    solar_w: float
    site_w: float
    battery_w: float
    load_w: float
    generator_w: float
    energy_wh: int
    full_wh: int
    frequency_hz: float
    grid_status: str
    alerts: tuple[str, ...]
    counters: Counters

    @property
    def percentage(self) -> float:
        """Charge in percent of the whole pack (raw scale)."""
        return 100 * self.energy_wh / self.full_wh if self.full_wh else 0.0


@dataclass(frozen=True, slots=True)
class Flows:
    """Powers of one step before rounding, and the island fault that they would cause."""

    solar: float
    battery: float
    load: float
    generator: float
    site: float
    frequency: float
    fault: str | None = None


@dataclass(slots=True)
class Plant:
    """A house that tests and the demo can set; ``step`` lets time pass."""

    battery: Battery = field(default_factory=Battery)
    chance: Weather = field(default_factory=lambda: Chance(seed=1))
    hour: float = 12.0  # local hour at second 0
    solar_peak_w: float = 6000.0
    generator_w: float = 0.0  # what a generator gives while the house is off grid
    nominal_hz: float = 60.0
    mode: str = Mode.SELF_CONSUMPTION
    reserve: float = 24.0
    grid_charging: bool = False
    export: bool = True
    backup_until: float = 0.0  # second at which a manual full backup ends
    order_w: float = 0.0  # what the battery is commanded to do until second ``order_until``
    order_until: float = 0.0
    outage_hours: tuple[float, float] | None = None  # the grid is away between these, every day
    running: bool = True  # the site master; stopped, nothing flows through the battery
    pins: dict[str, float] = field(default_factory=dict)
    contactor: Contactor = field(default_factory=Contactor)
    counters: Counters = field(default_factory=Counters)
    seconds: float = 0.0

    def hour_now(self) -> float:
        """Local hour, 0 to 24."""
        return (self.hour + self.seconds / 3600) % 24

    def set_charge(self, percent: float) -> None:
        """Fill or empty the pack to this percentage (raw scale)."""
        self.battery.energy_wh = self.battery.full_wh * percent / 100

    def order(self, watts: float, seconds: float) -> None:
        """Let the battery give (or take, if negative) these watts for some time, whatever the reserve."""
        self.order_w, self.order_until = watts, self.seconds + seconds

    def pin(self, values: Mapping[str, float | None]) -> None:
        """Hold meters (solar, site, battery, load, generator) at values, whether they balance or not.

        A meter that is not held follows: the battery by dispatch, then the site,
        then the load, from the balance. None lets one go again.
        """
        for meter, watts in values.items():
            if watts is None:
                self.pins.pop(meter, None)
            else:
                self.pins[meter] = watts

    def advance(self, seconds: float) -> None:
        """Let time pass in steps of one second, or of ten when much of it has passed."""
        step = COARSE_STEP_S if seconds > LONG_GAP_S else 1.0
        for _ in range(int(seconds // step)):
            self.step(step)

    def step(self, dt: float) -> None:
        """Let ``dt`` seconds pass at the powers of their beginning."""
        self.contactor.update(self.seconds)
        if self.outage_hours:
            self._follow_timetable(*self.outage_hours)
        self.chance.step(dt, self.hour_now())
        flows = self._flows(dt)
        if flows.fault:
            self.contactor.fault = flows.fault
        if self.running:
            self._integrate(flows, dt)
        self.seconds += dt

    def _follow_timetable(self, begins: float, ends: float) -> None:
        away = begins <= self.hour_now() < ends
        if away and self.contactor.grid_present:
            self.contactor.lose_grid(self.seconds)
        elif not away and not self.contactor.grid_present:
            self.contactor.return_grid(self.seconds)

    def read(self) -> Reading:
        """Take the powers of this instant, rounded so that the whole watts balance too."""
        self.contactor.update(self.seconds)
        flows = self._flows(1.0)
        status = flows.fault or self.contactor.status(self.seconds)
        solar, load, generator = round(flows.solar), round(flows.load), round(flows.generator)
        # Off grid the battery takes what rounding leaves, so that the site stays at 0.
        battery = round(flows.battery) if status == CONNECTED else load - solar - generator
        pins = self.pins
        battery_w = pins.get("battery", battery)
        solar_w, generator_w = pins.get("solar", solar), pins.get("generator", generator)
        if "site" in pins:
            site_w = pins["site"]
            load_w = pins.get("load", site_w + battery_w + solar_w + generator_w)
        else:
            load_w = pins.get("load", load)
            site_w = load_w - battery_w - solar_w - generator_w
        return Reading(
            solar_w=solar_w,
            site_w=site_w,
            battery_w=battery_w,
            load_w=load_w,
            generator_w=generator_w,
            energy_wh=round(self.battery.energy_wh),
            full_wh=round(self.battery.full_wh),
            frequency_hz=flows.frequency,
            grid_status=status,
            alerts=self.contactor.alerts(self.seconds),
            counters=self.counters,
        )

    def _flows(self, dt: float) -> Flows:
        pins, hour = self.pins, self.hour_now()
        sun = pins.get("solar", self.chance.solar_w(hour, self.solar_peak_w))
        load = pins.get("load", self.chance.load_w(hour))
        if "load" not in pins and "site" in pins and "battery" in pins:
            load = sun + pins["site"] + pins["battery"] + pins.get("generator", 0.0)
        if self.contactor.status(self.seconds) != CONNECTED:
            return self._off_grid(sun, load, dt)
        generator = pins.get("generator", 0.0)
        want = load - sun - generator
        battery = 0.0
        if "battery" in pins:
            battery = pins["battery"]
        elif "site" in pins and "load" in pins:
            battery = want - pins["site"]
        elif self.seconds < self.order_until:
            room = charge_room_w(self.battery, dt)
            battery = min(max(self.order_w, -room), self.battery.discharge_w)
        elif self.running:
            battery = dispatch(self, sun, want, dt)
        if not self.export and "solar" not in pins:
            sun = min(sun, max(load - generator - battery, 0.0))
        return Flows(sun, battery, load, generator, load - sun - battery - generator, self.nominal_hz)

    def _off_grid(self, sun: float, load: float, dt: float) -> Flows:
        generator = self.pins.get("generator", self.generator_w)
        if self.contactor.fault:
            return Flows(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, self.contactor.fault)
        if "battery" in self.pins:
            battery = self.pins["battery"]
            return Flows(sun, battery, load, generator, 0.0, self.nominal_hz)
        fault = off_grid(self.battery, load - sun - generator)
        if fault:
            return Flows(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, fault)
        surplus = max(sun + generator - load, 0.0)
        taken = min(surplus, charge_room_w(self.battery, dt))
        curtailed = surplus - taken
        # A grid-forming inverter sheds solar by raising the frequency, up to 2 Hz.
        frequency = self.nominal_hz + (2.0 * curtailed / surplus if surplus else 0.0)
        sun_used = max(sun - curtailed, 0.0)
        generator = min(generator, max(load + taken - sun_used, 0.0))
        return Flows(sun_used, load - sun_used - generator, load, generator, 0.0, frequency)

    def _integrate(self, flows: Flows, dt: float) -> None:
        hours = dt / 3600
        c = self.counters
        discharged, charged = max(flows.battery, 0.0) * hours, max(-flows.battery, 0.0) * hours
        self.counters = Counters(
            imported=c.imported + max(flows.site, 0.0) * hours,
            exported=c.exported + max(-flows.site, 0.0) * hours,
            charged=c.charged + charged,
            discharged=c.discharged + discharged,
            produced=c.produced + max(flows.solar, 0.0) * hours,
            consumed=c.consumed + max(flows.load, 0.0) * hours,
            generated=c.generated + max(flows.generator, 0.0) * hours,
        )
        energy = self.battery.energy_wh + charged * EFFICIENCY - discharged / EFFICIENCY
        self.battery.energy_wh = min(max(energy, 0.0), self.battery.full_wh)
