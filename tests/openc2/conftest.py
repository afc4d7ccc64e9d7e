"""A proxy that speaks OpenC2, and clients of both dialects."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

KEY = "openc2-key-of-the-house"
SECRET = "control-secret-of-the-house"
PATH = "/.well-known/openc2"
V1_1 = "application/openc2+json;version=1.0"
V1_0 = "application/openc2-cmd+json;version=1.0"
V1_0_ANSWER = "application/openc2-rsp+json;version=1.0"
REQUEST_ID = "d1ac0489-ed51-4345-9175-f3078f30afe5"
FEATURES = {"action": "query", "target": {"features": ["versions", "profiles", "pairs", "rate_limit"]}}
BATTERY = {"action": "query", "target": {"properties": ["battery_percentage"]}}


def reserve(percent=30, token=SECRET, **others):
    return {
        "action": "set",
        "target": {"x-powerwall:reserve": percent},
        "args": {"x-powerwall": {"token": token}},
        **others,
    }


@dataclass
class Producer:
    """Sends commands as OpenC2 producers do."""

    proxy: Any
    key: str = KEY

    async def send(self, command, headers=None, **extra) -> Any:
        """Send a command in a message of transfer 1.1; return the answer."""
        message = {
            "headers": {
                "request_id": REQUEST_ID,
                "created": 1763712345000,
                "from": "soar.example.net",
                "to": ["powerwall"],
                **extra,
            },
            "body": {"openc2": {"request": command}},
        }
        return await self.post(json.dumps(message), {"X-Request-ID": REQUEST_ID, **(headers or {})})

    async def send_request(self, command, headers=None) -> Any:
        """Send a command; return the response out of the message."""
        answer = await self.send(command, headers)
        return response_of(answer)

    async def bare(self, command, headers=None) -> Any:
        """Send a command over transfer 1.0; return the answer."""
        return await self.post(json.dumps(command), {"Content-Type": V1_0, **(headers or {})})

    async def post(self, body, headers=None, path=PATH) -> Any:
        """Send any body."""
        headers = {
            "Content-Type": V1_1,
            "Accept": V1_1,
            "Authorization": f"Bearer {self.key}",
            **(headers or {}),
        }
        headers = {name: value for name, value in headers.items() if value is not None}
        skipped = () if "Content-Type" in headers else ("Content-Type",)
        return await self.proxy.post(path, data=body, headers=headers, skip_auto_headers=skipped)

    async def draft(self, command, path="/oc2/", headers=None) -> Any:
        """Send a command in the draft dialect; return the answer."""
        body = command if isinstance(command, str | bytes) else json.dumps(command)
        headers = {
            "Content-Type": "application/json",
            **({"oc2-api-key": self.key} if headers is None else headers),
        }
        return await self.proxy.post(path, data=body, headers=headers)

    async def draft_property(self, name) -> Any:
        """Query one property in the draft dialect."""
        command = {
            "id": "7",
            "action": "query",
            "target": {"property": {"name": name}},
            "actuator": {"endpoint_smart_meter": {}},
        }
        return await self.draft(command)


def response_of(answer) -> Any:
    """The response out of a message of transfer 1.1; its status is that of HTTP, except for 102."""
    response = answer.json()["body"]["openc2"]["response"]
    assert answer.status == (200 if response["status"] == 102 else response["status"])
    return response


@pytest.fixture
async def serve(start):
    """Start a proxy with OpenC2 over plain HTTP; settings as for ``start``."""

    async def serve(sim=None, **settings) -> Producer:
        return Producer(await start(sim, **{"openc2_key": KEY, "openc2_insecure": True, **settings}))

    return serve


@pytest.fixture
async def producer(serve, sim) -> Producer:
    """A producer of a proxy without control."""
    return await serve(sim)


@pytest.fixture
async def controller(serve, sim) -> Producer:
    """A producer of a proxy with control."""
    return await serve(sim, control_secret=SECRET)
