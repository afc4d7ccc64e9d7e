"""Programs that were made for it, run as programs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

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


async def run(*arguments: str) -> str:
    """Run a Python program; return what it prints."""

    def program():
        return subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False
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
