"""History: powers, energies, alerts and outages of the past, kept by the proxy itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.features import ActiveFeature, Command, Feature
from proxy.history.settings import HistorySettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.server.context import Context
    from proxy.server.route import Route


def _routes() -> tuple[Route, ...]:
    from proxy.history.routes import ROUTES  # noqa: PLC0415 - commands that need no routes do not wait for them

    return ROUTES


def without(reason: str) -> ActiveFeature:
    """Return the feature without a history: /health reports the reason."""
    return ActiveFeature(health=lambda: {"history": {"is_kept": False, "reason": reason}})


def _start(context: Context) -> ActiveFeature | None:
    has_gateway = any(gateway.cache.links for gateway in context.gateways.values())
    if not has_gateway:
        return None
    if not context.settings.of(HistorySettings).history:
        return without("PW_HISTORY=no")
    from proxy.history.service import start  # noqa: PLC0415 - a start without it does not wait for it

    return start(context)


def _demonstrate(settings: Settings, speed: float) -> Settings:
    from proxy.history.demo import demonstrate  # noqa: PLC0415 - only a demo waits for it

    return demonstrate(settings, speed)


_COMMAND = Command(
    "history",
    "export, import or check the history of a gateway",
    {
        "action": {"choices": ["export", "import", "check"], "help": "what to do"},
        "source": {
            "nargs": "?",
            "metavar": "FILE|URL",
            "help": "file to write (default: standard output); file, InfluxDB or pypowerwall-server to read",
        },
        "--cloud": {
            "action": "store_true",
            "help": "import the energy history of Tesla's cloud, a request a day",
        },
        "--days": {"action": "store_true", "help": "export the energies of days"},
        "--from": {
            "dest": "since",
            "metavar": "DAY",
            "help": "first day of an export, or of an import from the cloud",
        },
        "--to": {"dest": "until", "metavar": "DAY", "help": "last day of an export"},
        "--gateway": {"metavar": "ID", "help": "the gateway, if there are several"},
    },
    "import reads a table that this proxy wrote, an InfluxDB of Powerwall-Dashboard "
    "(http://host:8086, or http://user:password@host:8086/database), or the time series of a pypowerwall-server "
    "(http://host:8675); with --cloud the energy history of the site in Tesla's cloud, day by day within the month's budget. "
    "What was recorded stays as it is; an import that was interrupted can be repeated.",
    module="proxy.history.command",
)
FEATURE = Feature(
    "history",
    _start,
    settings=HistorySettings,
    routes=_routes,
    commands=(_COMMAND,),
    demonstrate=_demonstrate,
)
