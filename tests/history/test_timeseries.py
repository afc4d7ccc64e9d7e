"""/api/timeseries/*: the forms of pypowerwall-server, as it answered with the same house."""

import json

import pytest

from tests.history.conftest import history
from tests.shared import SHARED

RECORDED = json.loads((SHARED / "compat" / "server-local-pw2.json").read_text())
ANSWERS = {
    each["path"]: each["json"] for each in RECORDED["varying"] if each["path"].startswith("/api/timeseries/")
}
REFUSALS = {each["path"]: each for each in RECORDED["others"] if each["path"].startswith("/api/timeseries/")}
# Ours has these too: what a day is based on, and for how long nothing was read.
ADDED = {"gap_seconds", "source"}
# Temperatures are the only series that are kept.
CATALOGUES = {"metrics", "groups"}


def shape(value, key=""):
    """The keys and the types of a document; a number is a number, and one item stands for all of a list."""
    if isinstance(value, dict):
        return (
            {}
            if key in CATALOGUES
            else {name: shape(item, name) for name, item in value.items() if name not in ADDED}
        )
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    )


@pytest.fixture
async def proxy(recording, sim, live):
    sim.pin(solar=6500, site=-2100, battery=-3500)
    proxy = await recording(sim)
    await live(3)
    return proxy


async def test_every_answer_has_the_form_of_the_server(proxy):
    """Keys and types, of all requests that were recorded."""
    assert len(ANSWERS) >= 9
    for path, answer in ANSWERS.items():
        ours = shape(await history(proxy, path=path))
        theirs = shape(answer)
        for key in ("days", "gateways", "points", "samples", "series"):
            if key == "gateways" and isinstance(theirs.get(key), dict):
                ours[key], theirs[key] = list(ours[key].values())[:1], list(theirs[key].values())[:1]
        assert ours == theirs, path


@pytest.mark.parametrize("path", REFUSALS)
async def test_what_it_refuses_is_refused_in_its_words(recording, sim, path):
    proxy = await recording(sim)
    answer = await proxy.get(path)

    assert answer.status == 422
    assert answer.json() == REFUSALS[path]["json"]


async def test_the_values_are_those_of_the_house(proxy):
    """The sun gives 6.5 kW, the battery takes 3.5 and the grid 2.1; powers are split into halves that are never negative."""
    trend = await history(proxy, path="/api/timeseries/trend")
    samples = await history(proxy, path="/api/timeseries/samples")
    today = (await history(proxy, path="/api/timeseries/today"))["gateways"]["default"]

    point = trend["points"][-1]
    assert (point["solar_kw"], point["home_kw"], point["battery_kw"], point["grid_kw"]) == (
        6.5,
        0.9,
        -3.5,
        -2.1,
    )
    sample = samples["samples"][0]
    assert (sample["battery_charge_w"], sample["battery_discharge_w"]) == (3500, 0)
    assert (sample["grid_import_w"], sample["grid_export_w"]) == (0, 2100)
    assert [each["ts"] for each in samples["samples"]] == sorted(each["ts"] for each in samples["samples"])
    assert today["source"] == "counters"
    assert today["grid_export_kwh"] == pytest.approx(today["solar_kwh"] * 2100 / 6500, rel=0.02)
    assert today["gap_seconds"] == 0


async def test_a_gateway_that_is_not_there_has_no_rows(proxy):
    assert (await history(proxy, path="/api/timeseries/daily?gateway=cabin"))["days"] == []
    assert (await history(proxy, path="/api/timeseries/trend?gateway=cabin"))["points"] == []


async def test_days_between_two_dates(proxy):
    daily = "/api/timeseries/daily?start=2025-10-01&end="

    assert len((await history(proxy, path=f"{daily}2025-10-09"))["days"]) == 1
    assert (await history(proxy, path=f"{daily}2025-10-08"))["days"] == []
