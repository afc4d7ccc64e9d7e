"""The demo's switchboard: plain HTTP on loopback, apart from the gateway's own paths.

Bodies must be ``application/json``, which a web page cannot send here unasked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from aiohttp import web

from proxy.sim.dispatch import MODES
from proxy.sim.faults import Fault
from proxy.sim.personas import PERSONAS
from proxy.sim.presets import PRESETS, arrange
from proxy.sim.server import SimulatedGateway

LOOPBACK = "127.0.0.1"
METERS = ("solar", "site", "battery", "load", "generator")


def state(sim: SimulatedGateway) -> dict[str, Any]:
    """Describe the house and what can be set."""
    sim.gateway.catch_up()
    plant = sim.plant
    return {
        "persona": sim.persona.name,
        "speed": sim.gateway.speed,
        "hour": round(plant.hour_now(), 2),
        "mode": plant.mode,
        "reserve": plant.reserve,
        "pins": plant.pins,
        "house": asdict(plant.read()),
        "requests": len(sim.requests),
        "personas": sorted(PERSONAS),
        "presets": sorted(PRESETS),
    }


def change(sim: SimulatedGateway, wishes: dict[str, Any]) -> None:
    """Set what the wishes name. Raises KeyError, TypeError or ValueError for what cannot be."""
    sim.gateway.catch_up()
    plant, now = sim.plant, sim.plant.seconds
    if "persona" in wishes:
        sim.persona = wishes["persona"]
    if "preset" in wishes:
        arrange(plant, wishes["preset"])
    if "charge" in wishes:
        plant.set_charge(float(wishes["charge"]))
    if "mode" in wishes:
        if wishes["mode"] not in MODES:
            raise ValueError(f"no such mode: {wishes['mode']}")
        plant.mode = sim.gateway.site.mode = wishes["mode"]
    if "grid" in wishes:
        (plant.contactor.return_grid if wishes["grid"] else plant.contactor.lose_grid)(now)
    if "speed" in wishes:
        sim.gateway.speed = float(wishes["speed"])
    plant.pin({meter: wishes[meter] for meter in METERS if meter in wishes})
    if "reboot" in wishes:
        sim.reboot(float(wishes["reboot"]))


@asynccontextmanager
async def control(sim: SimulatedGateway, port: int) -> AsyncIterator[int]:
    """Serve the switchboard while the context lasts; yields its port."""

    async def show(_request: web.Request) -> web.Response:
        return web.json_response(state(sim))

    async def wish(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send application/json\n")
        try:
            wishes = await request.json()
            if request.path == "/faults":
                sim.faults.add(Fault(**wishes))
            else:
                change(sim, wishes)
        except (KeyError, TypeError, ValueError) as exc:
            raise web.HTTPBadRequest(text=f"{exc}\n") from exc
        return web.json_response(state(sim))

    async def heal(_request: web.Request) -> web.Response:
        sim.clear_faults()
        return web.json_response(state(sim))

    app = web.Application()
    app.router.add_get("/", show)
    app.router.add_post("/", wish)
    app.router.add_post("/faults", wish)
    app.router.add_delete("/faults", heal)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
