"""Programs that were made for it, run as programs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.openc2.conftest import KEY

# The example of the connector's documentation, corrected only where it was not Python (braces had
# been lost), with host and key of this proxy.
EXAMPLE = """
import requests
url = "http://localhost:8675/oc2/"
payload = '{"id":"63795834503717021320881117126993","action":"query","target":{"property":{"name":"battery_percentage"}},"actuator":{"endpoint_smart_meter":{}}}'
headers = {"Content-Type": "application/json", "oc2-api-key": "…", "Cache-Control": "no-cache"}
response = requests.request("POST", url, data=payload, headers=headers)
print(response.text)
"""


OTUPY = Path(__file__).parent / "otupy"


async def run(*arguments: str, **variables: str) -> str:
    """Run a Python program; return what it prints."""

    def program():
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **variables},
        )

    done = await asyncio.to_thread(program)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("header", ["oc2-api-key", "apikey"])
@pytest.mark.parametrize("path", ["/oc2/", "/openc2/command/"])
async def test_the_example_of_2018_prints_the_battery_percentage(producer, header, path):
    url = producer.proxy.url.replace("127.0.0.1", "localhost")
    example = (
        EXAMPLE.replace("http://localhost:8675/oc2/", url + path)
        .replace("…", KEY)
        .replace("oc2-api-key", header)
    )

    printed = json.loads(await run("-c", example))

    percentage = (await producer.proxy.get("/soe")).json()["percentage"]
    assert printed == {
        "id_ref": "63795834503717021320881117126993",
        "status": "200",
        "results": {"battery_percentage": percentage},
    }


@pytest.fixture(scope="session")
def otupy(tmp_path_factory) -> str:
    """A folder with otupy and what its import needs, seen by nothing else."""
    folder = tmp_path_factory.mktemp("otupy")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", folder, "-r", OTUPY / "requirements.txt"], check=True)
    return str(folder)


@asynccontextmanager
async def front(producer):
    """A front server that adds the key: otupy cannot send one."""

    async def forward(request: web.Request) -> web.Response:
        kept = {name: request.headers[name] for name in ("Content-Type", "Accept", "Date")}
        answer = await producer.post(await request.read(), kept, request.path)
        headers = {"Content-Type": answer.headers["Content-Type"]}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    app = web.Application()
    app.router.add_post("/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_otupy_takes_it_for_a_consumer(producer, otupy):
    """A producer of others: it reads media types to the byte and checks every message that it gets."""
    async with front(producer) as port:
        printed = await run(str(OTUPY / "producer.py"), "127.0.0.1", str(port), PYTHONPATH=otupy)

    percentage = float((await producer.proxy.get("/soe")).json()["percentage"])
    heartbeat, features, properties, unknown, denied = map(json.loads, printed.splitlines())
    assert heartbeat == [200, "None"]
    assert features[0] == 200
    assert "'profiles': ['x-powerwall']" in features[1]
    assert "'rate_limit': 60" in features[1]
    assert properties[0] == 200
    assert f"'battery_percentage': {percentage}, 'grid_status': 'up'" in properties[1]
    assert (unknown, denied) == ([404, "None"], [501, "None"])
