"""Situations of a house by name: what the meters are held at, charge and grid."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.sim.plant import Plant


@dataclass(frozen=True, slots=True)
class Preset:
    """Watts that the meters are held at, percent of charge (raw scale), grid present or lost."""

    solar: float
    load: float
    battery: float
    charge: float = 60.0
    grid: bool = True


PRESETS: dict[str, Preset] = {
    "battery-exporting": Preset(solar=0, load=800, battery=4800, charge=90),
    "solar-exporting": Preset(solar=5600, load=900, battery=0, charge=100),
    "solar-powered": Preset(solar=1500, load=1500, battery=0),
    "grid-powered": Preset(solar=0, load=1800, battery=0, charge=24),
    "self-powered": Preset(solar=900, load=2100, battery=1200),
    "battery-powered": Preset(solar=0, load=1300, battery=1300),
    "grid-charging": Preset(solar=0, load=700, battery=-3300, charge=30),
    "solar-charging": Preset(solar=4200, load=1000, battery=-3200),
    "sunny-day-outage": Preset(solar=3800, load=1200, battery=-2600, grid=False),
    "cloudy-day-outage": Preset(solar=600, load=1500, battery=900, grid=False),
    "nighttime-outage": Preset(solar=0, load=700, battery=700, charge=45, grid=False),
}


def arrange(plant: Plant, name: str) -> None:
    """Put the house into a situation at once. Raises KeyError for an unknown name."""
    preset = PRESETS[name]
    plant.pins.clear()
    plant.pin({"solar": preset.solar, "load": preset.load, "battery": preset.battery})
    plant.set_charge(preset.charge)
    if preset.grid:
        plant.contactor.return_grid(plant.seconds, at_once=True)
    else:
        plant.contactor.lose_grid(plant.seconds, at_once=True)
