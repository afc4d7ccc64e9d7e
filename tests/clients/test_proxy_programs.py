"""Programs made for the pypowerwall proxy, as the requests they send and what they take out."""

from __future__ import annotations

import asyncio
import re

import pytest

from proxy.sim.server import SimulatedGateway

# All at once, one connection each; an error on one makes every entity unavailable.
HACS = (
    *("/aggregates", "/vitals", "/health", "/json", "/version", "/api/operation", "/api/system_status"),
    *("/api/sitemaster", "/pod", "/api/troubleshooting/problems", "/stats"),
)


@pytest.mark.parametrize("persona", ["fw21_44", "fw23_44"])
async def test_the_home_assistant_integration_from_hacs_finds_its_objects(start, clock, persona):
    """sarabveer/ha-pypowerwall: every answer an object; powers and charge from /json."""
    async with SimulatedGateway(persona, clock=clock.clock) as sim:
        proxy = await start(sim)

        answers = await asyncio.gather(*(proxy.get(path, headers={"Connection": "close"}) for path in HACS))

    assert [answer.status for answer in answers] == [200] * len(HACS)
    reported = dict(zip(HACS, (answer.json() for answer in answers), strict=True))
    assert all(isinstance(document, dict) for document in reported.values())
    assert {"grid", "home", "solar", "battery", "soe"} <= {
        k for k, v in reported["/json"].items() if v is not None
    }


async def test_switch_mode_finds_numbers_and_the_mode(start, sim):
    """Takes charge, reserve and mode through jq; null, nothing and "0" alarm the owner."""
    proxy = await start(sim, control_secret="secret of the house")

    reported = [
        (await proxy.get("/json")).json()["soe"],
        (await proxy.get("/control/reserve")).json()["reserve"],
        (await proxy.get("/control/mode")).json()["mode"],
    ]

    assert all(reported)


async def test_pwstatus_reads_the_proxy(proxy):
    """Reads one URL after another and takes a top-level "code" for the gateway's error."""
    for path in (
        "/aggregates",
        "/soe",
        "/api/system_status/soe",
        "/api/system_status/grid_status",
        "/version",
    ):
        assert "code" not in (await proxy.get(path)).json()

    raw = (await proxy.get("/soe")).json()["percentage"]
    app = (await proxy.get("/api/system_status/soe")).json()["percentage"]
    assert app == pytest.approx((raw - 5) / 0.95)


async def test_pwstatus_does_not_turn_to_the_gateway_in_an_outage(sim, proxy):
    """An error must not look like the gateway's: pwstatus would then query the gateway itself."""
    sim.answers(status=503)

    answer = await proxy.get("/aggregates")

    assert answer.status >= 500
    assert not {"code", "error"} & answer.json().keys()


async def test_verify_sh_finds_what_it_greps_for(proxy):
    """Greps compact JSON; the CSV line has seven columns."""
    stats = (await proxy.get("/stats")).text
    line = (await proxy.get("/csv/v2")).text

    assert re.search(r'"pypowerwall":"([^"]+)"', stats)
    assert re.search(r'"site_name":"([^"]+)"', stats)
    assert re.fullmatch(r"(-?\d+\.\d\d,){5}[01],\d+\n", line)


async def test_the_animation_panel_of_grafana_may_read_the_version(proxy):
    """A page of another origin requests the version and splits it at the blank."""
    answer = await proxy.get("/version", headers={"Origin": "http://house:9000"})

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.json()["version"].split(" ")[0] == "21.44"


async def test_a_display_finds_its_columns(proxy):
    """Arduino and e-paper: columns by position, with a first line on request."""
    head, line = (await proxy.get("/csv/v2?headers")).text.splitlines()
    row = dict(zip(head.split(","), map(float, line.split(",")), strict=True))

    assert row["Grid"] + row["Solar"] + row["Battery"] == pytest.approx(row["Home"], abs=0.1)
    assert row["GridStatus"] == 1
    assert 0 <= row["BatteryLevel"] <= 100


async def test_another_caching_proxy_in_front_may_keep_the_answers(proxy):
    """mccahan/pypowerwall-caching-proxy keeps neither null nor CSV with fewer than four commas."""
    assert (await proxy.get("/csv")).text.count(",") == 4
    for path in ("/aggregates", "/soe", "/vitals", "/strings", "/freq", "/pod", "/json", "/alerts"):
        assert (await proxy.get(path)).content.strip() not in {b"", b"null"}
