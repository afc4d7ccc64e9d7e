"""``cert``: which certificate the proxy shows, and which one it expects of the gateway."""

from __future__ import annotations

import argparse
from pathlib import Path

from proxy.config.console import OK, chosen, complain, load_or_exit, the_one
from proxy.config.settings import Settings
from proxy.state.certificates import PINS, fingerprint, own_certificate
from proxy.state.folder import folder_of, state_problem
from proxy.state.store import StateStore, Unreadable


def run(args: argparse.Namespace) -> int:
    """Show the fingerprints, or forget the gateway's."""
    settings = load_or_exit(needs_gateway=False).settings
    if problem := state_problem(settings):
        return complain(problem)
    if args.action == "accept":
        folder = folder_of(settings.state_path, the_one(settings, args.gateway).id)
        return _accept(StateStore(folder), folder)
    print(f"This proxy: {_own(settings)}")
    outcomes = [
        _show(StateStore(folder_of(settings.state_path, gateway.id)), gateway.id, settings)
        for gateway in chosen(settings, args.gateway)
    ]
    return max(outcomes)


def _show(memory: StateStore, id_: str, settings: Settings) -> int:
    name, option = (f"Gateway {id_}", f" --gateway {id_}") if settings.listed else ("Gateway", "")
    try:
        pinned = _pinned(memory)
    except Unreadable as exc:
        return complain(
            f"{exc}: no certificate of a gateway is trusted. "
            f"To pin again: powerwall-proxy cert accept{option}."
        )
    for address, pin in pinned.items():
        print(f"{name} {address}: sha256 {pin}")
    if not pinned:
        print(f"{name}: the next certificate that it shows will be remembered and trusted.")
    return OK


def _accept(memory: StateStore, folder: str) -> int:
    known = memory.recall(PINS)
    pinned = {address: pin for address, pin in known.items() if isinstance(pin, str)}
    # A null, not a missing file: the running daemon sees that the owner has decided.
    memory.write(PINS, dict.fromkeys(known))
    try:
        still = _pinned(StateStore(folder))
    except Unreadable as exc:
        return complain(f"{exc}, and it cannot be replaced: remove it.")
    if still:
        return complain(f"{Path(folder, PINS)} cannot be written, so nothing was forgotten.")
    for address, pin in pinned.items():
        print(f"Forgotten for {address}: sha256 {pin}")
    print("The next certificate that the gateway shows will be remembered and trusted.")
    return OK


def _pinned(memory: StateStore) -> dict[str, str]:
    return {address: pin for address, pin in memory.read(PINS).items() if isinstance(pin, str)}


def _own(settings: Settings) -> str:
    path = Path(settings.tls_cert) if settings.tls_cert else own_certificate(settings)
    try:
        return f"sha256 {fingerprint(path)} ({path})" if path else "none"
    except FileNotFoundError:
        return "none yet; it is made at the first start with PW_HTTPS=yes"
    except (OSError, ValueError) as exc:
        return f"{path} cannot be used: {exc}"
