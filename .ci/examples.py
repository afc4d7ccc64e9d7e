"""Write the example answers that the page /docs shows: ``make docs``.

The houses that answer are simulated after recordings; time stands still in them, so that the same
comes out every time. A test fails when an example is no longer what the proxy answers.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.core.clock import Clock
from proxy.core.model import JSON
from proxy.server.route import Route
from proxy.server.routes import ROUTES
from proxy.sim.server import SimulatedGateway

EXAMPLES = Path(__file__).parents[1] / "web" / "examples.json"
EPOCH = 1_760_000_000.0
# The first house that has an answer gives the example: one of the local API, one of TEDAPI.
HOUSES: tuple[tuple[str, bool], ...] = (("fw21_44", False), ("pw3", True))
_LINES = 14
_COLUMNS = 76
_OK = 200
_BROKEN = 500


async def examples() -> dict[str, str]:
    """Request every reading, and keep the beginnings of the answers by path."""
    found: dict[str, str] = {}
    for persona, is_tedapi in HOUSES:
        clock = Clock(lambda: 1000.0, lambda: EPOCH)
        with tempfile.TemporaryDirectory() as folder:
            async with SimulatedGateway(persona, clock=clock, host="127.0.0.1") as sim:
                sim.plant.set_charge(74)
                sim.pin(solar=6500, site=-2100, battery=-3500)
                access = {"gw_pwd": sim.gw_pwd} if is_tedapi else {"password": sim.password}
                settings = settings_of(
                    host=sim.address, bind_address="127.0.0.1", port=0, state_path=folder, **access
                )
                app = build_app(settings, clock)
                async with listening(app, settings) as (_, port), aiohttp.ClientSession() as client:
                    for route in ROUTES:
                        if not route.endpoint and route.path not in found:
                            url = f"http://127.0.0.1:{port}{route.for_gateway('default')}"
                            await _request(client, url, route, found)
    return dict(sorted(found.items()))


async def _request(client: aiohttp.ClientSession, url: str, route: Route, found: dict[str, str]) -> None:
    async with client.get(url) as answer:
        if answer.status == _BROKEN:
            raise RuntimeError(f"{route.path} is answered with 500: the log above has the reason")
        if answer.status == _OK and not answer.content_type.endswith("octet-stream"):
            found[route.path] = _beginning(await answer.text(), answer.content_type)


def _beginning(text: str, media_type: str) -> str:
    """Write an answer so that people can read it, and only so much of it."""
    if media_type == JSON:
        text = json.dumps(_short(json.loads(text)), indent=1, ensure_ascii=False)
    lines = [line if len(line) <= _COLUMNS else f"{line[:_COLUMNS]}…" for line in text.splitlines()]
    return "\n".join([*lines[:_LINES], *(["…"] if len(lines) > _LINES else [])])


def _short(value: Any) -> Any:
    """Leave one item of every list."""
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    return [_short(item) for item in value[:1]] if isinstance(value, list) else value


def written(found: dict[str, str]) -> str:
    """Return the file."""
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    EXAMPLES.write_text(written(asyncio.run(examples())), "utf-8")
