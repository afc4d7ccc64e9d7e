"""The history of a site: read from those of its members, with gaps where one has one."""

import csv
import io
import json
import shutil
from datetime import date

import pytest

from proxy.config.gateway_settings import SUM, SiteSettings
from proxy.core.zones import zone_of
from tests.clock import EPOCH
from tests.fleet.conftest import gateway
from tests.history.pastmaker import make_days

ZONE = zone_of("Europe/Berlin")
DAYS = [date(2025, 10, 6), date(2025, 10, 7)]


async def past(proxy, query):
    answer = await proxy.get(f"/sites/home/history.json?{query}")
    assert answer.status == 200, answer.text
    return json.loads(answer.content)


@pytest.fixture
def grid():
    """The meters of both are added."""
    return SUM


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The folders of both: the house has two days behind it; the garage lacks two hours of the first, and all of the second."""
    folder = tmp_path_factory.mktemp("recorded")
    make_days(folder / "house" / "history.db", DAYS, ZONE, until=EPOCH)
    make_days(folder / "garage" / "history.db", DAYS[:1], ZONE, until=EPOCH, gap=(10, 12))
    return folder


@pytest.fixture
async def proxy(serve, sims, tmp_path, grid, recorded):
    shutil.copytree(recorded, tmp_path / "state" / "gateways")
    listed = [gateway(id_, sim, site="home", timezone="Europe/Berlin") for id_, sim in sims.items()]
    return await serve(listed, sites=[SiteSettings("home", "Home", grid)], history=True)


async def test_a_site_has_the_sums_of_its_members_where_all_have_readings(proxy):
    """A house used 1 kW all day, and so did the garage."""
    found = await past(proxy, "from=2025-10-06&to=2025-10-06&step=3600&series=load_power,solar_power,charge")

    hours = [(at - found["from"]) // 3600 for at in found["at"]]
    assert hours == [*range(10), *range(12, 24)]
    assert found["series"]["load_power"]["mean"] == [2000] * 22
    assert set(found["series"]["load_power"]["min"]) == {None}
    assert max(found["series"]["solar_power"]["mean"]) == 8000
    assert (found["gateway"], found["zone"], found["devices"]) == ("home", "Europe/Berlin", [])


async def test_a_day_that_one_member_lacks_has_no_energies(proxy):
    first, second = (await past(proxy, "from=2025-10-06&to=2025-10-07&step=day"))["energies"]

    assert (first["day"], second["day"]) == ("2025-10-06", "2025-10-07")
    assert first["home"] == pytest.approx(46_000, rel=0.01)
    assert first["gap_s"] == pytest.approx(7200, rel=0.02)
    assert (second["home"], second["gap_s"]) == (None, 86_400)
    table = await proxy.get("/sites/home/history.csv?from=2025-10-06&to=2025-10-07&step=day")
    assert [row["home (Wh)"] for row in csv.DictReader(io.StringIO(table.text))][1] == ""


async def test_incidents_of_a_site_name_their_gateway(proxy):
    (outage,) = (await past(proxy, "from=2025-10-06&to=2025-10-07"))["outages"]
    listed = (await proxy.get("/sites/home/alerts/history?from=2025-10-06")).json()

    assert outage["gateway"] == "garage"
    assert listed["outages"] == [outage]


async def test_a_site_has_the_page_and_a_gateway_its_own_past(proxy):
    assert (await proxy.get("/sites/home/history")).status == 200
    answer = await proxy.get("/gateways/house/history.json?from=2025-10-07&to=2025-10-07&step=day")
    assert json.loads(answer.content)["energies"][0]["home"] == pytest.approx(24_000, rel=0.01)


async def test_the_time_series_call_a_gateway_what_the_list_calls_it(proxy):
    """Both report the same name of a site, so the list adds the id."""
    listed = (await proxy.get("/gateways")).json()["gateways"]
    status = (await proxy.get("/api/timeseries/status")).json()

    assert status["gateway_names"] == {each["id"]: each["name"] for each in listed}


async def test_the_trend_of_all_gateways_has_a_charge_only_if_their_energies_are_known(proxy):
    """These histories have percentages alone: a mean of them would be the charge of no battery."""
    day = f"start={EPOCH - 4 * 86_400}&end={EPOCH - 2 * 86_400}"
    both = (await proxy.get(f"/api/timeseries/trend?{day}")).json()["points"]
    one = (await proxy.get(f"/api/timeseries/trend?{day}&gateway=house")).json()["points"]

    assert {point["battery_level"] for point in both} == {None}
    assert {point["home_kw"] for point in both} == {2.0}
    assert {round(point["battery_level"], 1) for point in one} == {36.8}


@pytest.mark.parametrize("grid", ["house"])
async def test_the_trend_has_the_meter_that_measures_the_whole_property_once(proxy):
    """As in the history of the site; the home is what is left of it."""
    day = f"{EPOCH - 4 * 86_400}", f"{EPOCH - 2 * 86_400}"
    both = (await proxy.get("/api/timeseries/trend?start={}&end={}".format(*day))).json()["points"]
    one = (await proxy.get("/api/timeseries/trend?start={}&end={}&gateway=house".format(*day))).json()
    grids = {point["ts"]: point["grid_kw"] for point in one["points"]}

    assert both
    assert {point["ts"]: point["grid_kw"] for point in both} == {
        point["ts"]: grids[point["ts"]] for point in both
    }
    assert all(
        point["home_kw"] == pytest.approx(point["grid_kw"] + point["solar_kw"] + point["battery_kw"])
        for point in both
    )
