"""The settings that read what is simulated: for ``serve --demo`` and ``simulate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxy.config.gateway_settings import STATIC
from proxy.core.firmware import HAS_VITALS_BELOW

if TYPE_CHECKING:
    from proxy.sim.cloud.server import SimulatedCloud
    from proxy.sim.server import SimulatedGateway


def unknown_persona(name: str) -> str:
    """Say which simulated gateways there are, if this is not one of them; else nothing."""
    from proxy.sim.personas import PERSONAS  # noqa: PLC0415 - most commands do without the simulator

    return "" if name in PERSONAS else f"there is no persona {name}; there are {', '.join(PERSONAS)}"


def settings_for(gateway: SimulatedGateway) -> dict[str, Any]:
    """Give the settings, by key, that read all of a simulated gateway.

    The password of TEDAPI is empty where the local API of this firmware reports as much.
    """
    persona = gateway.persona
    return {
        "host": gateway.address if gateway.url.startswith("https") else gateway.url,
        "password": gateway.password,
        "gw_pwd": gateway.gw_pwd if persona.tedapi and persona.version >= HAS_VITALS_BELOW else "",
    }


def settings_for_cloud(cloud: SimulatedCloud) -> dict[str, Any]:
    """Give the settings, by key, that read the first site of a simulated cloud, as often as there is something new."""
    from proxy.sim.cloud.demo import DEMO_INTERVAL_S, DEMO_TOKEN  # noqa: PLC0415 - most commands do without the simulator

    return {
        "cloud_mode": STATIC,
        "cloud_url": cloud.url,
        "cloud_token": DEMO_TOKEN,
        "cloud_interval": DEMO_INTERVAL_S,
    }
