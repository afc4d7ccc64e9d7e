"""What is said of all gateways together: their list, health, metrics, and the description of the API."""

import asyncio
import json
import re

from proxy.sim.faults import Fault
from tests.clock import pass_time


async def test_gateways_are_listed_with_their_state_and_without_addresses(fleet, sims, clock):
    assert (await fleet.get("/gateways")).json() == {
        "default": "house",
        "gateways": [
            {
                "id": id_,
                "name": id_,
                "state": "none",
                "age_seconds": None,
                "site": "home",
                "mode": "local",
                "href": f"gateways/{id_}/",
            }
            for id_ in sims
        ],
        "sites": [
            {
                "id": "home",
                "name": "Home",
                "state": "none",
                "age_seconds": None,
                "members": ["house", "garage"],
                "href": "sites/home/",
            }
        ],
    }

    await asyncio.gather(
        *(
            fleet.get(f"/gateways/{id_}/{path}")
            for id_ in sims
            for path in ("soe", "aggregates", "pw/site_name")
        )
    )
    await pass_time(clock, fleet, 3)
    overview = (await fleet.get("/gateways")).json()
    listed = overview["gateways"]

    assert (overview["sites"][0]["state"], round(overview["sites"][0]["age_seconds"])) == ("ok", 3)
    assert [(each["state"], round(each["age_seconds"])) for each in listed] == [("ok", 3), ("ok", 3)]
    assert all(each["name"] not in sims for each in listed)
    for sim in sims.values():
        assert sim.address not in json.dumps(listed)


async def test_health_speaks_of_the_worst_gateway_and_ready_of_the_best(fleet, sims, clock):
    fault = sims["garage"].faults.add(Fault(status=503))
    for path in ("aggregates", "soe", "api/operation", "api/status"):
        await asyncio.gather(*(fleet.get(f"/gateways/{id_}/{path}") for id_ in sims))

    health = (await fleet.get("/health")).json()
    own = {id_: (await fleet.get(f"/gateways/{id_}/health")).json() for id_ in sims}

    assert (health["status"], health["message"][:8]) == ("degraded", "garage: ")
    assert [(each["id"], each["status"]) for each in health["gateways"]] == [
        ("garage", "degraded"),
        ("house", "ok"),
    ]
    assert {id_: document["status"] for id_, document in own.items()} == {"house": "ok", "garage": "degraded"}
    assert [each["id"] for each in own["house"]["gateways"]] == ["house"]
    assert (await fleet.get("/ready")).status == 200
    assert (await fleet.get("/gateways/garage/ready")).status == 503
    sims["house"].faults.add(Fault(action="refuse"))
    await pass_time(clock, fleet, 60)
    answer = await fleet.get("/ready")
    assert answer.status == 503
    assert re.match("house: .+ garage: .+", answer.json()["detail"])
    fault.remove()


async def test_metrics_have_every_gateway_once_and_no_total(fleet, sims):
    for id_ in sims:
        await fleet.get(f"/gateways/{id_}/aggregates")

    lines = (await fleet.get("/metrics")).text.splitlines()

    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))
    power = [
        line
        for line in series
        if line.startswith("powerwall_instant_power_watts{") and 'meter="load"' in line
    ]
    assert sorted(power) == [
        f'powerwall_instant_power_watts{{gateway="{id_}",meter="load"}}' for id_ in sorted(sims)
    ]
    assert not [line for line in series if 'gateway="home"' in line]


async def test_the_description_for_programs_names_each_gateway(fleet, start, sim):
    whole, own = [(await fleet.get(f"{at}/openapi.json")).json() for at in ("", "/gateways/garage")]

    assert [server["url"] for server in whole["servers"]] == [
        "./",
        "./gateways/{id}",
        "./sites/{id}",
    ]
    assert [server["variables"]["id"]["enum"] for server in whole["servers"][1:]] == [
        ["house", "garage"],
        ["home"],
    ]
    assert (
        own["servers"] == (await (await start(sim)).get("/openapi.json")).json()["servers"] == [{"url": "./"}]
    )


async def test_a_gateway_can_be_a_target_of_its_own_for_prometheus(fleet, sims):
    """The same series as in /metrics, those with its label; of many gateways all take long."""
    for id_ in sims:
        await fleet.get(f"/gateways/{id_}/aggregates")

    def series(text):
        return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}

    one = series((await fleet.get("/gateways/garage/metrics")).text)
    whole = series((await fleet.get("/metrics")).text)

    assert one == {line for line in whole if 'gateway="garage"' in line}
    assert any(line.startswith("powerwall_proxy_exchange_seconds_bucket") for line in one)
