"""What Home Assistant receives about a gateway: one payload for each device, made from the rows. Pure.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (since 2024.12). Ids are those of
pypowerwall-server, so entities keep their history and their place on dashboards.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from proxy import __version__
from proxy.core.commands import EXPORT_RULES, MODES
from proxy.mqtt.document import STATUS
from proxy.mqtt.entity import BINARY, Entity
from proxy.mqtt.equipment import slug

if TYPE_CHECKING:
    from proxy.views.state import SiteState

_ORIGIN: Final = {
    "name": "Powerwall Proxy",
    "sw_version": __version__,
    "support_url": "https://github.com/powerwall-proxy/powerwall-proxy",
}
# An entity is unknown when the document has not come for so long (s): four times its heartbeat.
_EXPIRE_S: Final = 120
_MAKER: Final = "Tesla"


@dataclass(frozen=True, slots=True)
class Place:
    """Where topics are: those of the product, and Home Assistant's discovery. ``gateway`` is an id.

    ``name`` is that of its device, where it is not that of the site.
    """

    prefix: str
    ha_prefix: str
    gateway: str
    name: str = ""

    @property
    def root(self) -> str:
        """The beginning of the topics of the gateway."""
        return f"{self.prefix}/{self.gateway}"

    def unique_id(self, suffix: str = "") -> str:
        """Return the id of an entity; without a suffix, that of the device."""
        return "_".join(filter(None, ("pypowerwall", self.gateway, suffix)))

    def config_topic(self, platform: str, suffix: str = "") -> str:
        """Return where something is announced; the platform of a device is ``device``."""
        return f"{self.ha_prefix}/{platform}/{self.unique_id(suffix)}/config"


@dataclass(frozen=True, slots=True)
class ControlEntity:
    """An entity that sends commands to the topic of a control; ``options`` are what its platform needs."""

    suffix: str
    platform: str
    name: str
    control: str
    options: Mapping[str, Any]


def _template(*path: str) -> str:
    return "{{ value_json" + "".join(f"[{json.dumps(key, ensure_ascii=False)}]" for key in path) + " }}"


_TEXT_COMMAND: Final = '{"value": "{{ value }}"}'
CONTROL_ENTITIES: Final[tuple[ControlEntity, ...]] = (
    ControlEntity(
        "reserve_control",
        "number",
        "Backup Reserve Control",
        "reserve",
        {
            "value_template": _template("reserve"),
            "command_template": '{"value": {{ value | int }}}',
            "min": 0,
            "max": 100,
            "step": 1,
            "unit_of_measurement": "%",
        },
    ),
    ControlEntity("reserve_hold", "button", "Hold Battery", "reserve_hold", {"payload_press": "{}"}),
    ControlEntity(
        "mode_control",
        "select",
        "Operation Mode Control",
        "mode",
        {"value_template": _template("mode"), "command_template": _TEXT_COMMAND, "options": list(MODES)},
    ),
    ControlEntity(
        "grid_charging_control",
        "switch",
        "Grid Charging Control",
        "grid_charging",
        {
            "value_template": _template("grid_charging"),
            "payload_on": '{"value": true}',
            "payload_off": '{"value": false}',
            "state_on": "True",
            "state_off": "False",
        },
    ),
    ControlEntity(
        "grid_export_control",
        "select",
        "Grid Export Control",
        "grid_export",
        {
            "value_template": _template("grid_export"),
            "command_template": _TEXT_COMMAND,
            "options": list(EXPORT_RULES),
        },
    ),
    ControlEntity(
        "go_off_grid",
        "button",
        "Go Off Grid",
        "islanding",
        {"payload_press": '{"action": "off_grid", "confirm": true}'},
    ),
    ControlEntity(
        "reconnect_grid",
        "button",
        "Reconnect Grid",
        "islanding",
        {"payload_press": '{"action": "on_grid", "confirm": true}'},
    ),
)


def devices(
    place: Place, state: SiteState, rows: Collection[Entity], controls: Collection[str], qos: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield topic and payload of every device, the gateway first.

    ``rows`` are the entities that exist, ``controls`` the controls that are offered. A control that is not
    offered is there with its platform alone, which removes an entity of an earlier time.
    """
    serials = dict.fromkeys(row.unit_of for row in rows if row.unit_of)
    for serial in ("", *serials):
        components = {row.suffix: component(place, row) for row in rows if row.unit_of == serial}
        if not serial:
            components |= _controls(place, controls)
        suffix = slug(serial) if serial else ""
        yield (
            place.config_topic("device", suffix),
            {
                "device": device(place, state, serial),
                "origin": _ORIGIN,
                **_shared(place),
                "qos": qos,
                "components": components,
            },
        )


def singles(
    place: Place, state: SiteState, rows: Collection[Entity], controls: Collection[str], qos: int
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield topic and payload of every entity by itself, as Home Assistant before 2024.12 needs it; None removes."""
    for _, payload in devices(place, state, rows, controls, qos):
        common = {key: value for key, value in payload.items() if key != "components"}
        for suffix, found in payload["components"].items():
            own = {key: value for key, value in found.items() if key != "platform"}
            yield place.config_topic(found["platform"], suffix), {**common, **own} if own else None


def component(place: Place, row: Entity) -> dict[str, Any]:
    """Describe an entity that shows a value of the document."""
    is_binary = row.platform == BINARY
    marks = {
        "unit_of_measurement": row.unit,
        "device_class": row.device_class,
        "state_class": row.state_class,
        "options": list(row.options),
        "entity_category": "diagnostic" if row.is_diagnostic else "",
        "suggested_display_precision": row.digits,
        "expire_after": _EXPIRE_S if row.expires else None,
        "enabled_by_default": False if row.is_extra else None,
    }
    described: dict[str, Any] = {
        "platform": row.platform,
        "name": row.name,
        "unique_id": place.unique_id(row.suffix),
        "value_template": _template(*row.path),
        **({"payload_on": "True", "payload_off": "False"} if is_binary else {}),
        **{key: value for key, value in marks.items() if value is not None and value not in ("", [])},
    }
    if row.suffix == "online":
        # It has to be able to say that the gateway is away.
        described |= {"availability": [{"topic": f"{place.prefix}/availability"}]}
    if row.suffix == "alerts":
        described |= {
            "json_attributes_topic": f"{place.root}/{STATUS}",
            "json_attributes_template": '{{ {"names": value_json["alert_names"]} | tojson }}',
        }
    return described


def device(place: Place, state: SiteState, serial: str = "") -> dict[str, Any]:
    """Describe the device of the gateway, or that of a unit by its serial number."""
    known: dict[str, Any] = {
        "manufacturer": _MAKER,
        "model": _model(state),
        "sw_version": state.gateway.version,
    }
    if serial:
        known |= {
            "identifiers": [place.unique_id(slug(serial))],
            "name": f"Powerwall {serial}",
            "serial_number": serial,
            "via_device": place.unique_id(),
        }
    else:
        known |= {
            "identifiers": [place.unique_id()],
            "name": place.name or state.name or "Powerwall",
            "serial_number": state.gateway.serial,
        }
    return {key: value for key, value in known.items() if value}


def _shared(place: Place) -> dict[str, Any]:
    return {
        "state_topic": f"{place.root}/{STATUS}",
        "availability": [{"topic": f"{place.root}/availability"}, {"topic": f"{place.prefix}/availability"}],
        "availability_mode": "all",
    }


def _controls(place: Place, offered: Collection[str]) -> dict[str, dict[str, Any]]:
    return {
        row.suffix: {
            "platform": row.platform,
            **(
                {
                    "name": row.name,
                    "unique_id": place.unique_id(row.suffix),
                    "command_topic": f"{place.root}/control/{row.control}/set",
                    **row.options,
                }
                if row.control in offered
                else {}
            ),
        }
        for row in CONTROL_ENTITIES
    }


# The part number of a unit begins with this; what it is called.
_MODELS: Final = {
    "1707000": "Powerwall 3",
    "2012170": "Powerwall 2",
    "3012170": "Powerwall 2",
    "1850000": "Powerwall+",
}


def _model(state: SiteState) -> str:
    parts = {(pack.part_number or "").partition("-")[0] for pack in state.packs}
    names = [name for part, name in _MODELS.items() if part in parts]
    return names[0] if names else "Powerwall"
