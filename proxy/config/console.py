"""What commands share: their exit codes, how they complain, and how they read the settings."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

from proxy.config.load import Loaded, SettingsError, load

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.config.settings import Settings

OK = 0
FAILED = 1
EX_CONFIG = 78  # sysexits.h: the settings are wrong; starting again would not help
EX_UNAVAILABLE = 69  # a port is taken, an address is not of this machine


def complain(*lines: str) -> int:
    """Print sentences for people to standard error; return the exit code of a failure."""
    sys.stderr.writelines(f"powerwall-proxy: {line}\n" for line in lines)
    return FAILED


def report_instead_of_logging() -> None:
    """Keep the lines of the log off the terminal of a command that reports by itself."""
    logging.getLogger("proxy").addHandler(logging.NullHandler())


def load_or_exit(*, needs_gateway: bool, makes_key: bool = False) -> Loaded:
    """Load the settings; if they cannot be used, say everything that is wrong and exit with 78."""
    try:
        return load(os.environ, needs_gateway=needs_gateway, makes_key=makes_key)
    except SettingsError as exc:
        complain(*exc.problems, *(f"(warning) {warning}" for warning in exc.warnings))
        raise SystemExit(EX_CONFIG) from None


def chosen(settings: Settings, id_: str | None) -> tuple[GatewaySettings, ...]:
    """Return the gateway of --gateway, or all without it; exits with 78 if there is none of this id."""
    found = tuple(each for each in settings.gateways if id_ in {None, each.id})
    if not found:
        ids = ", ".join(each.id for each in settings.gateways)
        complain(f"--gateway is {id_}, but must be one of {ids}.")
        raise SystemExit(EX_CONFIG)
    return found


def the_one(settings: Settings, id_: str | None) -> GatewaySettings:
    """Return the gateway of --gateway, which only one that is alone goes without; else exits with 78."""
    found = chosen(settings, id_)
    if len(found) > 1:
        complain(f"there are several gateways: pass --gateway and one of {', '.join(g.id for g in found)}.")
        raise SystemExit(EX_CONFIG)
    return found[0]
