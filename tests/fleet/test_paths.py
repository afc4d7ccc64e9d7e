"""A path names its gateway; after that nothing is different from a proxy of this gateway alone."""

import json
from contextlib import AsyncExitStack

import pytest

from proxy.app import build_app, listening
from proxy.server.routes import ROUTES
from proxy.sim.server import SimulatedGateway
from tests.conftest import client_of
from tests.fleet.conftest import gateway, settings_for
from tests.server.transport.clients import head
from tests.server.transport.conftest import with_connection
from tests.shared import SHARED

DATA = [route.path for route in ROUTES if not route.endpoint and not route.process]
# What differs from one answer to the next although nothing happened at the gateway.
PASSING = {"Date", "Content-Length"}
LAST_DIN = head("GET /pw/din HTTP/1.1", "Host: localhost", "Connection: close")


def shown(answer):
    """An answer without what passes."""
    return answer.status, answer.body, {k: v for k, v in answer.headers.items() if k not in PASSING}


async def test_every_reading_is_that_of_a_proxy_for_this_gateway_alone(serve, clock):
    """Before recorded houses, whose answers never change: bodies, headers and errors are the same."""
    captures = {name: SHARED / "compat" / f"gateway-{name}.json" for name in ("pw2", "pw2novitals")}
    async with AsyncExitStack() as stack:
        sims = {
            id_: await stack.enter_async_context(SimulatedGateway.from_capture(path, clock=clock.clock))
            for id_, path in captures.items()
        }
        fleet = await serve([gateway(id_, sim, password=sim.password) for id_, sim in sims.items()])
        for id_, sim in sims.items():
            alone = await serve([gateway("default", sim, password=sim.password)], state_path="")
            for path in DATA:
                prefixed = await fleet.get(f"/gateways/{id_}{path}")
                assert shown(prefixed) == shown(await alone.get(path)), path
            tag = {"If-None-Match": (await alone.get("/aggregates")).headers["ETag"]}
            for method, status in (("GET", 304), ("HEAD", 304), ("PUT", 405)):
                answer = await fleet.request(method, f"/gateways/{id_}/aggregates", headers=tag)
                assert answer.status == status


async def test_paths_without_a_prefix_are_about_the_first_gateway_or_the_one_of_pw_default(serve, sims):
    listed = [gateway(id_, sim) for id_, sim in sims.items()]
    first, chosen = await serve(listed), await serve(listed, default="garage", state_path="")

    assert (await first.get("/pw/din")).body == (await first.get("/gateways/house/pw/din")).body
    assert (await chosen.get("/pw/din")).body == (await first.get("/gateways/garage/pw/din")).body


async def test_the_only_gateway_has_a_prefix_as_well(start, sim):
    proxy = await start(sim)

    assert (await proxy.get("/gateways/default/soe")).body == (await proxy.get("/soe")).body


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/gateways/cabin/soe", "There is no gateway of this id; there is house, garage."),
        ("/gateways//soe", "There is no gateway of this id; there is house, garage."),
        ("/gateways/HOUSE/soe", "There is no gateway of this id; there is house, garage."),
        ("/gateways/home/soe", "There is no gateway of this id; there is house, garage."),
        ("/sites/house/soe", "There is no site of this id; there is home."),
        ("/gateways/house/stats/clear", "/stats/clear is about the whole proxy: it has no prefix."),
        ("/sites/home/metrics", "A total has no /metrics: request /gateways/house/metrics, or of another."),
        ("/gateways/house/gateways", "/gateways is about the whole proxy: it has no prefix."),
        ("/sites/home/strings", "A total has no /strings: request /gateways/house/strings, or of another."),
        (
            "/sites/home/control/reserve",
            "A total has no /control/reserve: request /gateways/house/control/reserve, or of another.",
        ),
    ],
)
async def test_what_there_is_not_is_a_404_that_says_what_there_is(fleet, path, detail):
    answer = await fleet.get(path)

    assert (answer.status, answer.json()["detail"]) == (404, detail)


async def test_a_prefix_below_a_prefix_is_no_path(fleet):
    assert (await fleet.get("/gateways/house/gateways/garage/soe")).status == 404


@pytest.mark.parametrize("path", ["/gateways/house", "/sites/home"])
async def test_a_page_has_a_slash_at_its_end(fleet, path):
    answer = await fleet.get(path)

    assert (answer.status, answer.headers["Location"]) == (308, f"{path.rpartition('/')[2]}/")
    assert (await fleet.get(f"{path}/")).headers["Content-Type"] == "text/html; charset=utf-8"


async def test_prefixes_stand_below_the_base_url(serve, sims):
    proxy = await serve([gateway(id_, sim) for id_, sim in sims.items()], base_url="/power/")

    answers = [await proxy.get(f"{base}/gateways/garage/pw/din") for base in ("", "/power")]

    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1


async def test_pages_and_events_are_those_of_the_gateway(fleet, sims):
    sims["house"].pin(load=1111.0)
    sims["garage"].pin(load=2222.0)

    for id_, watts in (("house", 1111.0), ("garage", 2222.0)):
        flow = (await fleet.get(f"/gateways/{id_}/flow.json")).json()
        assert (flow["gateway"], round(flow["load"])) == (id_, watts)
        async with fleet.client.get(f"{fleet.url}/gateways/{id_}/events") as stream:
            while not (line := await stream.content.readline()).startswith(b"data:"):
                pass
        assert json.loads(line[5:])["gateway"] == id_


async def test_a_command_changes_the_gateway_of_its_path_alone(serve, sims):
    proxy = await serve([gateway(id_, sim) for id_, sim in sims.items()], control_secret="a-long-secret")

    answer = await proxy.post(
        "/gateways/garage/control/reserve",
        data={"value": "37"},
        headers={"Authorization": "Bearer a-long-secret"},
    )

    assert answer.status == 200
    assert not sims["house"].writes
    assert sims["garage"].writes


async def test_a_port_of_its_own_makes_a_gateway_the_one_that_is_meant(serve, sims):
    """For programs that know a host and no path; the same request on two ports gets two answers."""
    proxy = await serve([gateway("house", sims["house"]), gateway("garage", sims["garage"], listen=0)])
    (port,) = proxy.context.ports
    own = f"http://127.0.0.1:{port}"

    for _ in range(3):  # the second and third from prepared bytes
        dins = []
        for url in (proxy.url, own):
            async with proxy.client.get(f"{url}/pw/din") as answer:
                dins.append(await answer.read())
        assert dins == [(await proxy.get(f"/gateways/{id_}/pw/din")).body for id_ in sims]
    async with proxy.client.get(f"{own}/gateways/house/pw/din") as answer:
        assert await answer.read() == dins[0]
    at_once = [await with_connection(each, LAST_DIN) for each in (proxy.port, port)]
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in at_once] == dins
    at_once = [await with_connection(each, LAST_DIN) for each in (proxy.port, port)]
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in at_once] == dins


async def test_what_changes_at_one_gateway_rewrites_no_prepared_answer_of_another(fleet, clock, sims):
    answers = fleet.context.limiter.answers
    for id_ in sims:
        for _ in range(2):
            await fleet.get(f"/gateways/{id_}/soe")
    until = {answer.key.gateway.id: answer.until for answer in answers.by_head.values()}

    fleet.context.gateways["house"].cache.discard(["/api/system_status/soe"])

    now = {answer.key.gateway.id: answer.until for answer in answers.by_head.values()}
    assert now["garage"] == until["garage"] > now["house"]


async def test_five_restarts_of_two_gateways_cost_one_login_each(sims, tmp_path, clock):
    """Each has a state folder of its own, also where two ports of one address are two gateways."""
    made = settings_for([gateway(id_, sim) for id_, sim in sims.items()], tmp_path / "state")
    for _ in range(5):
        app = build_app(made, clock.clock)
        async with listening(app, made) as (_, port), client_of(app, port) as proxy:
            for id_ in sims:
                assert (await proxy.get(f"/gateways/{id_}/aggregates")).status == 200

    assert {id_: sim.logins for id_, sim in sims.items()} == {"house": 1, "garage": 1}
    assert sorted(path.name for path in (tmp_path / "state" / "gateways").iterdir()) == ["garage", "house"]
