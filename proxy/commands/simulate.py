"""``simulate``: a gateway without hardware, for trying things out."""

from __future__ import annotations

import argparse
import asyncio
import signal
from contextlib import suppress
from pathlib import Path

from proxy.commands.common import OK, complain, unknown_persona, useful_gateway_password
from proxy.sim.demo import run as simulate
from proxy.sim.server import SimulatedGateway


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    if unknown := unknown_persona(args.persona):
        return complain(unknown)
    try:
        asyncio.run(_until_told(args))
    except OSError as exc:
        return complain(str(exc).removeprefix(f"[Errno {exc.errno}] "))
    except ValueError as exc:
        return complain(str(exc))
    return OK


async def _until_told(args: argparse.Namespace) -> None:
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
    address = gateway.address if gateway.url.startswith("https") else gateway.url
    gw_pwd = useful_gateway_password(gateway)
    passwords = f"PW_PASSWORD={gateway.password}" + (f" PW_GW_PWD={gw_pwd}" if gw_pwd else "")
    print(f"Try: PW_HOST={address} {passwords} powerwall-proxy", flush=True)
