"""``setup``: find the gateway, try its password once, write the settings file, start.

A mode of access is a row of ``MODES``: it obtains what it needs and returns settings. Nothing is written before
they have worked once; nothing is tried twice.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.commands import cloud_setup
from proxy.commands.operator import MissingArgument, Operator, Terminal
from proxy.config.console import EX_CONFIG, FAILED, OK, complain, report_instead_of_logging
from proxy.config.settings import Settings, settings_of
from proxy.config.settings_file import is_unset, merged, write_settings
from proxy.config.types import GATEWAY
from proxy.core.advice import advice_for
from proxy.core.clock import Clock
from proxy.core.errors import GatewayError
from proxy.core.redaction import conceal
from proxy.core.sources import METERS
from proxy.drivers.discovery import ACCESS_POINT, Found, Places, candidates, probe_all, subnet_candidates
from proxy.drivers.registry import drivers_for
from proxy.files import read_text
from proxy.state.store import StateStore

_UNIT = Path("/usr/lib/systemd/system/powerwall-proxy.service")
_EX_USAGE = 64
_STANDARD_INPUT = "-"
_SHOWN_EVERY = 64  # addresses of a search


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode of access: when it is the likely one, and how its settings are obtained."""

    title: str
    is_likely: Callable[[str], bool]
    obtain: Callable[[Operator, argparse.Namespace], Mapping[str, str]]


def _customer(operator: Operator, args: argparse.Namespace) -> Mapping[str, str]:
    operator.show(
        "The password is that of the gateway's customer login, not that of the Tesla account. Unless it"
    )
    operator.show(
        "was changed, it is the last five characters of the password on the sticker inside the gateway."
    )
    return {"password": _password(operator, args)}


def _sticker(operator: Operator, args: argparse.Namespace) -> Mapping[str, str]:
    operator.show(
        "The password is the whole one on the sticker inside the gateway or Powerwall, beside its QR code."
    )
    return {"gw_pwd": _password(operator, args)}


MODES: Mapping[str, Mode] = {
    "customer": Mode("customer login, over your own network", lambda host: host != ACCESS_POINT, _customer),
    "sticker": Mode("TEDAPI, over the gateway's Wi-Fi", lambda host: host == ACCESS_POINT, _sticker),
}


def run(args: argparse.Namespace) -> int:
    """Set up, at a terminal or with arguments alone."""
    report_instead_of_logging()
    operator = Terminal()
    try:
        code = asyncio.run(set_up(args, operator, Places()))
    except MissingArgument as exc:
        complain(f"there is no terminal: pass {exc}.")
        return _EX_USAGE
    return code if code or args.dry_run else _start(args, operator)


async def set_up(args: argparse.Namespace, operator: Operator, places: Places) -> int:
    """Search, obtain, try and write; return the exit code."""
    file = Path(args.file or default_file(os.environ))
    if args.mode in cloud_setup.MODES:
        return await cloud_setup.set_up(args, operator, os.environ, file)
    if wrong := _unusable(file, replaces=args.replace):
        return wrong
    host = _checked(args.host) if args.host else await _find(args, operator, places)
    if not host:
        return EX_CONFIG if args.host else FAILED
    name = args.mode or next(name for name, mode in MODES.items() if mode.is_likely(host))
    operator.show(f"Mode: {name}, {MODES[name].title} (--mode chooses another).")
    if args.dry_run:
        operator.show(f"Dry run: {file} would name {host}; no password was tried, nothing was written.")
        return OK
    try:
        obtained = MODES[name].obtain(operator, args)
    except OSError as exc:
        return complain(f"{exc.filename} cannot be read: {exc.strerror}.")
    if not all(obtained.values()):
        return complain("an empty password is none.")
    for secret in obtained.values():
        conceal(secret)
    values: dict[str, Any] = {"host": host, **obtained}
    operator.show("Trying it, once …")
    if refusal := await _refusal(settings_of(**values)):
        complain(*refusal, "Nothing was written.")
        return FAILED
    try:
        write_settings(file, merged(file, values))
    except (OSError, ValueError) as exc:
        return complain(f"{file} cannot be written: {exc}")
    operator.show(f"It works. The settings are in {file}.")
    return OK


async def _find(args: argparse.Namespace, operator: Operator, places: Places) -> str:
    """Search for gateways and choose one; empty if there is none."""
    operator.show("Looking for the gateway: its own Wi-Fi, names, neighbours …")
    found = [gateway async for gateway in probe_all(await candidates(places), places.port)]
    if not found and args.scan:
        rest = subnet_candidates(places)
        operator.show(f"Looking at {len(rest)} addresses of this machine's networks, each once …")
        found = [gateway async for gateway in probe_all(rest, places.port, _progress(operator, len(rest)))]
    for gateway in found:
        operator.show(f"Found: {gateway.host} ({gateway.reason})")
    if not found:
        hint = "" if args.scan else "--scan looks at every address of this network, once each. "
        complain(
            f"no gateway was found. {hint}Your router's list of devices shows its address: --host ADDRESS.",
            "A site whose gateway is out of reach is read through Tesla's cloud: --mode fleet, owner or static.",
        )
        return ""
    return found[0].host if len(found) == 1 else _chosen(found, operator)


def _progress(operator: Operator, total: int) -> Callable[[], None]:
    """Make a function that counts, and shows how far it is every few seconds where no address answers."""
    count = itertools.count(1)

    def step() -> None:
        if (done := next(count)) % _SHOWN_EVERY == 0 and done < total:
            operator.show(f"  {done} of {total}")

    return step


def _chosen(found: list[Found], operator: Operator) -> str:
    while True:
        answer = operator.answer("Which one is it? Address", "--host")
        if any(gateway.host == answer for gateway in found):
            return answer


def _unusable(file: Path, *, replaces: bool) -> int:
    """Say why the settings cannot go into a file; return the exit code, 0 if they can."""
    try:
        if is_unset(file) or replaces:
            return OK
    except OSError as exc:
        complain(f"{file} cannot be read: {exc.strerror}.")
        return EX_CONFIG
    return complain(f"{file} has settings already; --replace changes them.")


def _checked(host: str) -> str:
    """Return an address as the settings take it; empty, with a complaint, if it is none."""
    try:
        return str(GATEWAY.parse(host))
    except ValueError as exc:
        complain(f'--host is "{host}", but must be {exc}.')
        return ""


def _password(operator: Operator, args: argparse.Namespace) -> str:
    if args.password_file:
        is_given = args.password_file == _STANDARD_INPUT
        text = sys.stdin.read() if is_given else read_text(Path(args.password_file))
        return text.removesuffix("\n").removesuffix("\r")
    return operator.secret("Password", "--password-file")


async def _refusal(settings: Settings) -> tuple[str, ...]:
    """Fetch the powers once, with one login at most; return what is wrong, or nothing."""
    drivers = tuple(drivers_for(settings.gateway, StateStore(""), Clock(time.monotonic, time.time)))
    try:
        answer = (await drivers[0].fetch(drivers[0].sources[METERS])).get(METERS)
    except GatewayError as exc:
        answer = exc
    finally:
        for driver in drivers:
            await driver.close()
    if isinstance(answer, GatewayError):
        return f"{answer.title}: {answer}.", advice_for(answer, drivers[0].name)[1]
    return ()


def default_file(environ: Mapping[str, str]) -> Path:
    """Choose the file: that of PW_CONFIG, or one in the user's folder for settings."""
    if named := environ.get("PW_CONFIG"):
        return Path(named)
    base = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "."), ".config")
    return Path(base, "powerwall-proxy", "powerwall-proxy.toml")


def program(name: str) -> str:
    """Say how this program is run, by the name that it was started with: the single file is not on the path."""
    return f"python3 {name}" if name.endswith(".pyz") else "powerwall-proxy"


def _start(args: argparse.Namespace, operator: Operator) -> int:
    """Start it if that is wanted; else say how."""
    is_service = _UNIT.exists() and os.geteuid() == 0
    file = Path(args.file or default_file(os.environ))
    named = f"PW_CONFIG={file} " if file.exists() else ""
    command = (
        "systemctl enable --now powerwall-proxy" if is_service else f"{named}{program(sys.argv[0])} serve"
    )
    wanted = args.start
    if not wanted and sys.stdin.isatty():
        wanted = operator.answer("Start it now? [Y/n]", "--start").lower() in {"", "y", "yes"}
    if not wanted:
        operator.show(f"Start it with: {command}")
        return OK
    if is_service:
        return subprocess.run(command.split(), check=False).returncode  # noqa: S603 - a fixed command
    from proxy.commands import serve  # noqa: PLC0415 - setting up does without the server

    if named:
        os.environ["PW_CONFIG"] = str(file)
    return serve.run(argparse.Namespace(demo=False, port=None))
