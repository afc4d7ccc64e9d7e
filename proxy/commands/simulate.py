"""``simulate``: a gateway without hardware, for trying things out."""

from __future__ import annotations

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Any

from proxy.commands.common import FAILED, OK, complain
from proxy.sim.personas import PERSONAS
from proxy.sim.server import SimulatedGateway


def simulated(persona: str, recordings: str | None = None, **options: Any) -> SimulatedGateway:
    """Make a simulated gateway. Raises ValueError or OSError with a sentence for people."""
    if persona not in PERSONAS:
        raise ValueError(f"there is no persona {persona}; there are {', '.join(PERSONAS)}")
    if recordings:
        return SimulatedGateway.from_recordings(Path(recordings), persona=persona, **options)
    return SimulatedGateway(persona, **options)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    try:
        asyncio.run(_serve(args))
    except (OSError, ValueError) as exc:
        complain(str(exc))
        return FAILED
    return OK


async def _serve(args: argparse.Namespace) -> None:
    gateway = simulated(
        args.persona,
        args.recordings,
        host=args.bind,
        port=args.port,
        password=args.password,
        speed=args.speed,
    )
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with gateway:
        print(f"Simulated gateway ({args.persona}) on {gateway.url}, customer password {gateway.password}")
        print(f"Try: PW_HOST={gateway.address} PW_PASSWORD={gateway.password} powerwall-proxy", flush=True)
        await ended.wait()
