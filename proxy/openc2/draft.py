"""Commands as the Powerwall connector of 2018 took them, in a draft of OpenC2 that never became a standard.

Its documents and its code disagree in places; what either of them says is understood.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from proxy.openc2.commands import Refused, quoted

ACTUATOR = "endpoint_smart_meter"
_JSON_TYPES = frozenset({"", "application/json"})


def id_of(document: Any) -> str:
    """Return the command's id as a text, "" if it has none."""
    given = document.get("id") if isinstance(document, dict) else None
    return str(given) if isinstance(given, str | int | float) and not isinstance(given, bool) else ""


def action_of(document: Any) -> str:
    """Return the action, which is compared without case; "" if there is none."""
    given = document.get("action") if isinstance(document, dict) else None
    return given.lower() if isinstance(given, str) else ""


def property_of(content_type: str, document: Any) -> str | None:
    """Return the name of the requested property, None for the self-description. Raises Refused."""
    if content_type.partition(";")[0].strip().lower() not in _JSON_TYPES:
        raise Refused(400, "the Content-Type is application/json")
    action = action_of(document)
    if not action or not isinstance(document.get("target"), dict):
        raise Refused(400, "a command has an action and a target")
    if action != "query":
        raise Refused(501, f"{quoted(action)} is not supported")
    target = document["target"]
    if "property" not in target:
        if "openc2" in target:
            return None
        raise Refused(501, "target is property or openc2")
    given = target["property"]
    # For some hours in May 2018 the property was the name itself.
    name = given.get("name") if isinstance(given, dict) else given
    if not isinstance(name, str):
        raise Refused(400, "target.property has a name")
    return name.lower()


def gateway_of(document: Any, gateways: Collection[str]) -> str:
    """Return the gateway whose id is the asset_id of our meter; the first one if none is named. Raises Refused."""
    actuator = document.get("actuator") or {}
    if not isinstance(actuator, dict):
        raise Refused(400, "actuator is an object")
    if actuator and ACTUATOR not in actuator:
        raise Refused(404, f"the only actuator here is {ACTUATOR}")
    specifiers = actuator.get(ACTUATOR) or {}
    asset = specifiers.get("asset_id") if isinstance(specifiers, dict) else None
    if asset and not (isinstance(asset, str) and asset in gateways):
        raise Refused(404, f"{quoted(asset)} is no gateway here")
    return asset or next(iter(gateways))
