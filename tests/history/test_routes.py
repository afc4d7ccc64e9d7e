"""/history.json, /history.csv and /alerts/history: what they answer, and what they refuse."""

import csv
import io
import json
import sqlite3
from datetime import date

import pytest

from proxy.core.zones import zone_of
from proxy.history.answers import written
from proxy.history.columns import BY_NAME
from proxy.history.days import start_of
from proxy.history.importing.past import Importer, PastSignal
from proxy.history.query import BadQuery, parse
from proxy.history.reading import Span, devices
from proxy.history.schema import migrate
from tests.clock import EPOCH
from tests.history.conftest import history

BERLIN = zone_of("Europe/Berlin")


@pytest.fixture
async def proxy(recording, sim, live):
    sim.pin(solar=3000, site=-1000, battery=-500)
    proxy = await recording(sim)
    await live(4)
    return proxy


async def test_series_have_units_and_times(proxy):
    """Unix seconds once, then the values of each quantity; the answer says which zone its days are of."""
    reported = await history(proxy, "series=solar_power,charge,solar_exported&step=60")

    assert reported["zone"] == "Europe/Berlin"
    assert reported["step"] == 60
    assert set(reported["series"]) == {"solar_power", "charge", "solar_exported"}
    assert set(reported["series"]["solar_power"]) == {"unit", "mean", "min", "max"}
    assert set(reported["series"]["solar_exported"]) == {"unit", "mean"}
    assert reported["series"]["solar_exported"]["unit"] == "Wh"
    assert reported["series"]["solar_power"]["mean"] == [3000] * len(reported["at"])
    assert all(at % 60 == 0 for at in reported["at"])
    assert reported["first"] == reported["at"][0]
    assert not reported["simulated"]


async def test_days_have_energies_from_the_counters_and_where_they_went(proxy):
    """3 kW of sun for four minutes: 1.5 kW to the house, half a kW to the battery, one to the grid."""
    reported = await history(proxy, "step=day&range=day")

    (day,) = reported["energies"]
    assert day["basis"] == "counters"
    span_h = day["solar"] / 3000
    assert 3.5 / 60 < span_h < 4.5 / 60
    assert day["grid_out"] == pytest.approx(1000 * span_h, rel=0.02)
    assert day["battery_in"] == pytest.approx(500 * span_h, rel=0.02)
    assert day["home"] == pytest.approx(1500 * span_h, rel=0.02)
    assert day["flows"]["s2h"] == pytest.approx(1500 * span_h, rel=0.02)
    assert day["self_powered"] == 100
    assert day["grid_in"] == 0


async def test_months_add_days_up(proxy):
    day = (await history(proxy, "step=day&range=year"))["energies"][0]
    month = (await history(proxy, "step=month&range=year"))["energies"][0]

    assert month == {**day, "day": "2025-10"}


async def test_a_table_has_its_units_in_the_head(proxy):
    """RFC 4180: lines end with CRLF; times are ISO 8601 with the offset of the site."""
    answer = await proxy.get("/history.csv?series=solar_power&step=60")
    head, first, *_ = csv.reader(io.StringIO(answer.text))

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="history-2025-10-09.csv"'
    assert answer.content.count(b"\r\n") == answer.content.count(b"\n") >= 4
    assert head == ["time", "solar_power (W)", "solar_power_min (W)", "solar_power_max (W)"]
    assert first == ["2025-10-09T10:53:00+02:00", "3000", "3000", "3000"]


async def test_days_as_a_table(proxy):
    answer = await proxy.get("/history.csv?step=day")
    (day,) = csv.DictReader(io.StringIO(answer.text))

    assert day["day"] == "2025-10-09"
    assert float(day["solar (Wh)"]) > 0
    assert day["generator (Wh)"] == ""
    assert day["basis"] == "counters"


async def test_a_client_that_has_the_answer_gets_none(proxy):
    """With If-None-Match it is 304 without a body. The tag is weak: within a minute the time in the answer changes."""
    plain = await proxy.get("/history.json")
    names = ",".join(name for name in BY_NAME if not name.startswith("generator"))
    packed = await proxy.get(f"/history.json?step=60&series={names}", headers={"Accept-Encoding": "gzip"})
    again = await proxy.get("/history.json", headers={"If-None-Match": plain.headers["ETag"]})

    assert again.status == 304
    assert again.body == b""
    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(packed.content)["step"] == 60
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert {answer.headers["ETag"][:3] for answer in (plain, packed, again)} == {'W/"'}


async def test_alerts_and_outages_are_kept(recording, sim, live):
    """An outage of a minute with its charge; the alert that came with it has ended when the vitals say so."""
    sim.pin(solar=0, battery=None)
    proxy = await recording(sim)
    await live(1)
    sim.plant.contactor.lose_grid(sim.plant.seconds, at_once=True)
    await live(6)
    sim.plant.contactor.return_grid(sim.plant.seconds, at_once=True)
    await live(6)

    reported = await history(proxy, path="/alerts/history")

    (outage,) = reported["outages"]
    assert outage["kind"] == "outage"
    assert 5.5 * 60 < outage["duration_s"] < 7 * 60
    assert outage["charge_min"] <= outage["charge_start"]
    assert outage["load_max"] > 0
    ended = [alert for alert in reported["alerts"] if alert["end"] is not None]
    assert ended
    assert all(alert["start"] < alert["end"] for alert in ended)


async def test_packs_and_strings_are_kept(recording, sim, live):
    proxy = await recording(sim)
    await live(2)

    reported = await history(proxy, "series=none&devices=temperature,energy_capacity,string_power&range=day")

    found = {(each["device"], each["metric"]): each for each in reported["devices"]}
    assert found["PW1", "temperature"]["unit"] == "°C"
    assert 10 < found["PW1", "temperature"]["mean"][0] < 40
    assert 5000 < found["PW1", "energy_capacity"]["mean"][0] < 20000
    assert any(metric == "string_power" for _, metric in found)
    assert reported["series"] == {}


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("series=secret", "series are of"),
        ("devices=toaster", "devices are of"),
        ("from=2026-02-30", "from is a day"),
        ("from=nan", "outside of the years"),
        ("from=1e300", "outside of the years"),
        ("to=0001-01-01", "outside of the years"),
        ("from=2025-10-09&to=2025-10-08", "before"),
        ("step=7", "step is"),
        ("step=1e3", "step is"),
        ("step=60&from=2025-01-01&to=2025-12-31", "a step of at least 15660 s, or day fits this span"),
        ("step=day&from=2001-01-01&to=2098-01-01", "a step of month fits this span"),
        ("step=3600&from=2001-01-01&to=2011-01-01", "a step of day fits this span"),
        ("range=decade", "range is"),
        ("series=%27%3BDROP%20TABLE%20minute", "series are of"),
    ],
)
async def test_what_means_nothing_is_refused_with_what_would_be_right(recording, sim, query, part):
    proxy = await recording(sim)

    answer = await proxy.get(f"/history.json?{query}")

    assert answer.status == 400
    assert part in answer.json()["detail"]


@pytest.mark.parametrize(
    ("texts", "step"),
    [
        ({"range": "day", "from": "2026-10-25"}, 300),
        ({"range": "week"}, 900),
        ({"range": "month"}, 3600),
        ({"range": "year"}, 86400),
    ],
)
def test_a_range_has_a_step_that_fits(texts, step):
    assert parse(texts, BERLIN, EPOCH).span.step_s == step


def test_a_day_of_25_hours_is_read_as_a_whole():
    span = parse({"range": "day", "from": "2026-10-25"}, BERLIN, EPOCH).span

    assert span.end - span.begin == 25 * 3600


def test_a_time_of_day_is_that_of_the_site_unless_it_has_an_offset():
    local = parse({"from": "2026-06-01T12:00", "to": "2026-06-01T13:00:00Z"}, BERLIN, EPOCH).span

    assert local.end - local.begin == 3 * 3600


def test_unix_seconds_and_words_mix():
    query = parse({"from": "1760000000.5", "to": "2025-10-09", "step": "600"}, BERLIN, EPOCH)

    assert query.span.begin == 1759999980
    assert query.span.end == 1760047200


def test_imported_series_of_devices_are_read_as_finely_as_they_are_there():
    """Elsewhere they are kept by the hour: a day that was imported has hours, also where five minutes are requested."""
    day, hour = start_of(date(2025, 10, 8), BERLIN), 3600
    db = sqlite3.connect(":memory:", isolation_level=None)
    migrate(db)
    importer = Importer(db, BERLIN)
    importer.add_signals(PastSignal(day + turn * hour, "PW1", "temperature", 250 + turn) for turn in (1, 2))
    importer.finish()

    [found] = devices(db, ["temperature"], Span(day, day + 24 * hour, 300), day + 30 * hour)

    assert (found.device, found.at, found.mean) == ("PW1", [day + hour, day + 2 * hour], [25.1, 25.2])


def test_a_long_answer_is_written_in_pieces_and_is_whole():
    """JSON of thousands of numbers, in pieces so that other threads have their turn."""
    document = {
        "zone": "Europe/Zürich",
        "at": list(range(250)),
        "none": [],
        "devices": {},
        "series": {"charge": {"unit": "%", "mean": [None, 1.5] * 150}},
        "energies": [{"day": number, "flows": {"s2h": 0.5}} for number in range(101)],
    }

    pieces = [*written({**document, "at": iter(document["at"]), "none": iter(())})]

    assert json.loads("".join(pieces)) == document
    assert max(map(len, pieces)) < 1000


def test_an_unknown_word_is_refused():
    with pytest.raises(BadQuery, match="step"):
        parse({"step": "hour"}, BERLIN, EPOCH)
