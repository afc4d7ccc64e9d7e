"""/openapi.json describes every route, and a request made as it says is answered as it says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.server.pages.openapi import document
from proxy.server.routes import ROUTES
from proxy.sim.server import SimulatedGateway
from tests.quiet import QUIET

STREAMS = {route.path for route in ROUTES if route.media_type == "text/event-stream"}
SCHEMA = schemathesis.openapi.from_dict(document(ROUTES)).exclude(path=list(STREAMS))

# Not "invalid is refused": what means nothing is ignored, as scripts of the peer are used to.
CHECKS = (
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.status_code_conformance,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[str]:
    """A proxy with its gateway in a thread of its own: the tester speaks HTTP, but not asyncio."""
    live = SimpleNamespace(ready=threading.Event(), url="")

    async def serve() -> None:
        live.loop, live.stop = asyncio.get_running_loop(), asyncio.Event()
        async with SimulatedGateway() as sim:
            made = settings_of(
                **QUIET,
                host=sim.address,
                password="password",
                control_secret="a secret for tests",
                bind_address="127.0.0.1",
                port=0,
                state_path=str(tmp_path_factory.mktemp("state")),
            )
            async with listening(build_app(made), made) as (_, port):
                live.url = f"http://127.0.0.1:{port}"
                live.ready.set()
                await live.stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert live.ready.wait(10)
    yield live.url
    live.loop.call_soon_threadsafe(live.stop.set)
    thread.join(10)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """One client for all requests: a connection for each would cost more than the requests."""
    with requests.Session() as session:
        session.trust_env = False  # nor is a proxy looked for in the environment, each time
        yield session


@SCHEMA.parametrize()
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_route_answers_as_it_is_described(case, served, session):
    """Statuses, media types and headers; no request brings the server down.

    Besides the generated cases there are those with the boundaries of each parameter, in any number.
    """
    answer = case.call(base_url=served, session=session)

    case.validate_response(answer, checks=CHECKS)
    assert answer.status_code != 500


async def test_the_description_is_served_and_names_every_route(proxy):
    described = (await proxy.get("/openapi.json")).json()

    assert described["openapi"].startswith("3.1")
    assert set(described["paths"]) == {route.path for route in ROUTES}
    assert "Access-Control-Allow-Origin" in (await proxy.get("/openapi.json")).headers
    assert "requestBody" in described["paths"]["/control/reserve"]["post"]
