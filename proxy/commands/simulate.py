"""``simulate``: a gateway without hardware, for trying things out."""

from __future__ import annotations

import argparse
import asyncio
import errno
import signal
from contextlib import suppress
from pathlib import Path

from proxy.commands.simulated import settings_for, unknown_persona
from proxy.config.console import EX_UNAVAILABLE, OK, complain
from proxy.sim.demo import run as simulate
from proxy.sim.server import SimulatedGateway


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    if unknown := unknown_persona(args.persona):
        return complain(unknown)
    try:
        asyncio.run(_until_signalled(args))
    except OSError as exc:
        said = str(exc).removeprefix(f"[Errno {exc.errno}] ")
        if exc.errno == errno.EADDRINUSE:
            complain(f"{said}; set --port or --control-port to another.")
            return EX_UNAVAILABLE
        return complain(said)
    except ValueError as exc:
        return complain(str(exc))
    return OK


async def _until_signalled(args: argparse.Namespace) -> None:
    gateway = asyncio.ensure_future(
        simulate(
            args.persona,
            host=args.bind,
            port=args.port,
            control_port=args.control_port,
            recordings=Path(args.recordings) if args.recordings else None,
            speed=args.speed,
            password=args.password,
            ready=_announce,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, gateway.cancel)
    with suppress(asyncio.CancelledError):
        await gateway


def _announce(gateway: SimulatedGateway) -> None:
    print(f"Simulated gateway ({gateway.persona.name}) on {gateway.url}, day x {gateway.gateway.speed:g}")
    settings = (f"PW_{key.upper()}={text}" for key, text in settings_for(gateway).items() if text)
    print(f"Try: {' '.join(settings)} powerwall-proxy", flush=True)
