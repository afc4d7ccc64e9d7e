"""The flows of the house, in lines, numbers and words."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.reading import shown

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Pins of the house, then what must be seen: values, edges, a part of the sentence.
VECTORS = {
    "all from the sun": (
        {"solar": 6500, "site": -2100, "battery": -3500},
        {"solar": "6.5 kW", "grid": "2.1 kW", "home": "900 W", "battery": "3.5 kW"},
        ["s2b", "s2g", "s2h"],
        "Solar 6.5 kW: 3.5 kW to battery, 2.1 kW to grid, 900 W to home.",
    ),
    "sun charges, grid helps the house": (
        {"solar": 3000, "site": 1000, "battery": -2000},
        {"solar": "3.0 kW", "grid": "1.0 kW", "home": "2.0 kW", "battery": "2.0 kW"},
        ["g2h", "s2b", "s2h"],
        "Grid 1.0 kW, buying: 1.0 kW to home.",
    ),
    "charging from the grid at night": (
        {"solar": 0, "site": 5000, "battery": -4000},
        {"solar": "0 W", "grid": "5.0 kW", "home": "1.0 kW", "battery": "4.0 kW"},
        ["g2b", "g2h"],
        "Grid 5.0 kW, buying: 4.0 kW to battery, 1.0 kW to home.",
    ),
    "sun only charges": (
        {"solar": 65, "site": 354, "battery": -65},
        {"solar": "65 W", "grid": "354 W", "home": "354 W", "battery": "65 W"},
        ["g2h", "s2b"],
        "Solar 65 W: 65 W to battery.",
    ),
    "battery and sun export": (
        {"solar": 1000, "site": -2000, "battery": 3000},
        {"solar": "1.0 kW", "grid": "2.0 kW", "home": "2.0 kW", "battery": "3.0 kW"},
        ["b2g", "b2h", "s2g"],
        "Battery 3.0 kW, discharging: 2.0 kW to home, 1.0 kW to grid.",
    ),
    "battery feeds house and exports": (
        {"solar": 0, "site": -2500, "battery": 3400},
        {"solar": "0 W", "grid": "2.5 kW", "home": "900 W", "battery": "3.4 kW"},
        ["b2g", "b2h"],
        "Battery 3.4 kW, discharging: 2.5 kW to grid, 900 W to home.",
    ),
    "outage with sun": (
        {"solar": 4300, "site": 0, "battery": -3100, "islanded": True},
        {"solar": "4.3 kW", "grid": "0 W", "home": "1.2 kW", "battery": "3.1 kW"},
        ["s2b", "s2h"],
        "Solar 4.3 kW: 3.1 kW to battery, 1.2 kW to home.",
    ),
    "outage, meter still says 40 W": (
        {"solar": 600, "site": 40, "battery": 800, "islanded": True},
        {"solar": "600 W", "grid": "0 W", "battery": "800 W"},
        ["b2h", "s2h"],
        "Battery 800 W, discharging: 800 W to home.",
    ),
    "outage on generator": (
        {"solar": 0, "site": 0, "battery": -1500, "load": 2500, "generator": 4000, "islanded": True},
        {"generator": "4.0 kW", "home": "2.5 kW", "battery": "1.5 kW", "grid": "0 W", "solar": "0 W"},
        ["n2b", "n2h"],
        "Generator 4.0 kW: 2.5 kW to home, 1.5 kW to battery.",
    ),
    "inverter's own use at night": (
        {"solar": -12, "site": 500, "battery": 0},
        {"solar": "−12 W", "grid": "500 W", "home": "488 W", "battery": "0 W"},
        ["g2h"],
        "Grid 500 W, buying: 500 W to home.",
    ),
    "recorded gateway": (
        {"solar": 1144, "site": 72, "battery": -60, "load": 1154},
        {"solar": "1.1 kW", "grid": "72 W", "home": "1.2 kW", "battery": "60 W"},
        ["g2h", "s2b", "s2h"],
        "Solar 1.1 kW: 1.1 kW to home, 60 W to battery.",
    ),
    "impossible readings": (
        {"solar": 500, "site": -3000, "battery": -1000, "load": 0},
        {"solar": "500 W", "grid": "3.0 kW", "home": "0 W", "battery": "1.0 kW"},
        ["s2b"],
        "Solar 500 W: 500 W to battery.",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
async def test_lines_numbers_and_words_describe_the_flows(house, watch, name):
    """Each case of the flow algorithm is seen as lines, read as numbers and said as a sentence."""
    pins, values, edges, sentence = VECTORS[name]
    house.pin(**pins)

    page = await watch.open(house.url)
    await expect(page.locator("html")).to_have_attribute("data-state", "fresh")
    seen = await shown(page)

    assert {node: seen["values"][node] for node in values} == values
    assert seen["edges"] == edges
    assert sentence in seen["sentence"]
    counted = {edge: watts for edge, watts in (await metrics(page)).items() if watts >= 50}
    assert set(counted) == set(edges)
    for edge, watts in counted.items():
        assert f"{power(watts)} to {SINKS[edge[2]]}" in seen["sentence"]
    differ = "readings differ by 3.5 kW" if name == "impossible readings" else ""
    assert seen["title"] == f"Power flow{' – ' if differ else ''}{differ}"


SINKS = {"h": "home", "b": "battery", "g": "grid"}


def power(watts: float) -> str:
    """Write watts as the page does."""
    return f"{watts:.0f} W" if watts < 999.5 else f"{watts / 1000:.1f} kW"


async def metrics(page) -> dict[str, float]:
    """Watts by edge, as /metrics has them at this moment."""
    text = await page.evaluate("async () => (await fetch('metrics')).text()")
    found = re.findall(r'^powerwall_flow_watts\{.*sink="(\w+)",source="(\w+)"\} (\S+)', text, re.MULTILINE)
    letters = {"solar": "s", "grid": "g", "battery": "b", "generator": "n", "home": "h"}
    return {f"{letters[source]}2{letters[sink]}": float(watts) for sink, source, watts in found}
