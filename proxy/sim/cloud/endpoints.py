"""Which request of the API does what: the one table, for the Owner API, the Fleet API and other providers alike."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.core.json_access import get_path
from proxy.sim.answers import Answer
from proxy.sim.cloud import documents
from proxy.sim.cloud.answers import MISSING_SCOPES, NOT_FOUND, refusal, response
from proxy.sim.cloud.sign_in import OWNER, Access
from proxy.sim.cloud.site import CloudSite
from proxy.sim.dispatch import MODES
from proxy.sim.tedapi.state import KeyState

EXPORT_RULES = frozenset({"battery_ok", "pv_only", "never"})
FULL_PERCENT = 100
OFFLINE = refusal(408, "vehicle unavailable: device is offline or asleep")
NO_SITE = refusal(404, "not_found", "energy site not found")
BAD_VALUE = refusal(422, "invalid_field")
_STATES = {KeyState.PENDING: 1, KeyState.TIMED_OUT: 2, KeyState.VERIFIED: 3, KeyState.REMOVED: 4}


@dataclass(slots=True)
class Account:
    """The owner's account: sites by id, and what the developer registered for it."""

    sites: dict[int, CloudSite] = field(default_factory=dict)
    has_vehicle: bool = True
    region: str = "na"
    base_url: str = ""
    domains: set[str] = field(default_factory=set)  # registered in this region
    must_register: bool = False  # answer 412 until a domain is registered


@dataclass(frozen=True, slots=True)
class Request:
    """A request below ``/api/1`` whose token was accepted."""

    account: Account
    access: Access
    query: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def is_owner_api(self) -> bool:
        """Whether the token is one of the Owner API."""
        return self.access.client_id == OWNER


def _products(request: Request) -> Answer:
    account = request.account
    found = [documents.product(site) for site in account.sites.values()]
    if account.has_vehicle:
        found.insert(0, documents.vehicle())
    if not request.is_owner_api:  # the Fleet API leaves these out for some accounts
        for one in found:
            one.pop("resource_type", None)
    return response(found, count=len(found))


def _region(request: Request) -> Answer:
    return response({"region": request.account.region, "fleet_api_base_url": request.account.base_url})


def _register(request: Request) -> Answer:
    domain = request.body.get("domain")
    if not request.access.partner:
        return MISSING_SCOPES
    if not isinstance(domain, str) or "." not in domain:
        return BAD_VALUE
    request.account.domains.add(domain)
    return response({"domain": domain, "client_id": request.access.client_id})


def _live_status(_: Request, site: CloudSite) -> Answer:
    return response(documents.live_status(site)) if site.is_online else OFFLINE


def _site_info(_: Request, site: CloudSite) -> Answer:
    return response(documents.site_info(site))


def _site_status(_: Request, site: CloudSite) -> Answer:
    return response(documents.site_status(site))


def _backup_time(_: Request, site: CloudSite) -> Answer:
    if site.is_solar_only:
        return NOT_FOUND
    reading = site.live().reading
    return response({"time_remaining_hours": reading.energy_wh / max(reading.load_w, 1)})


def _calendar(request: Request, site: CloudSite) -> Answer:
    found = documents.calendar_history(site, request.query)
    return BAD_VALUE if found is None else response(found)


def _backup(request: Request, site: CloudSite) -> Answer:
    percent = request.body.get("backup_reserve_percent")
    if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= FULL_PERCENT:
        return BAD_VALUE
    site.set_reserve(percent)
    if request.is_owner_api:
        return response({"Code": 200, "Message": "Backup reserve updated"})
    return response({"code": 201, "message": "Updated"})


def _operation(request: Request, site: CloudSite) -> Answer:
    mode = request.body.get("default_real_mode")
    if mode not in MODES:
        return BAD_VALUE
    site.set_mode(str(mode))
    return response({"code": 201, "message": "Updated"})


def _grid_import_export(request: Request, site: CloudSite) -> Answer:
    ban = request.body.get("disallow_charge_from_grid_with_solar_installed")
    rule = request.body.get("customer_preferred_export_rule")
    if not (ban is None or isinstance(ban, bool)) or not (rule is None or rule in EXPORT_RULES):
        return BAD_VALUE
    if ban is not None:
        site.set_grid_charging(allowed=not ban)
    if rule is not None:
        site.set_export_rule(rule)
    return response("") if request.is_owner_api else response({"code": 204, "message": "Updated"})


def _storm_mode(request: Request, site: CloudSite) -> Answer:
    enabled = request.body.get("enabled")
    if not isinstance(enabled, bool):
        return BAD_VALUE
    site.set_storm_mode(enabled=enabled)
    return response({"result": True, "reason": ""})


def _off_grid_vehicle(request: Request, site: CloudSite) -> Answer:
    percent = request.body.get("off_grid_vehicle_charging_reserve_percent")
    if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= FULL_PERCENT:
        return BAD_VALUE
    site.set_off_grid_vehicle_reserve(percent)
    return response({"code": 201, "message": "Updated"})


def _command(request: Request, site: CloudSite) -> Answer:
    """Pass a message on to the gateway: of all there are, those about keys."""
    message = get_path(request.body, "command_properties", "message", "authorization")
    if request.body.get("command_type") != "grpc_command" or not isinstance(message, dict):
        return BAD_VALUE
    if not site.is_online:
        return OFFLINE
    if "list_authorized_clients_request" in message:
        return response({"clients": [_record(key, state) for key, state in site.keys.items()]})
    try:
        key = b64decode(str(get_path(message, "add_authorized_client_request", "public_key")), validate=True)
    except ValueError:
        return BAD_VALUE
    if site.keys.get(key) is not KeyState.VERIFIED:
        site.keys[key] = KeyState.PENDING
    return response(_record(key, site.keys[key]))


def _record(key: bytes, state: KeyState) -> dict[str, Any]:
    return {"public_key": b64encode(key).decode(), "state": _STATES.get(state, 0), "key_type": 1}


ACCOUNT: Mapping[tuple[str, str], Callable[[Request], Answer]] = {
    ("GET", "products"): _products,
    ("GET", "users/region"): _region,
    ("POST", "partner_accounts"): _register,
}
READS: Mapping[str, Callable[[Request, CloudSite], Answer]] = {
    "live_status": _live_status,
    "site_info": _site_info,
    "site_status": _site_status,
    "backup_time_remaining": _backup_time,
    "calendar_history": _calendar,
}
WRITES: Mapping[str, Callable[[Request, CloudSite], Answer]] = {
    "backup": _backup,
    "operation": _operation,
    "grid_import_export": _grid_import_export,
    "storm_mode": _storm_mode,
    "off_grid_vehicle_charging_reserve": _off_grid_vehicle,
    "command": _command,
}
_SITE = re.compile(r"energy_sites/(\d+)/(\w+)")


def respond(request: Request, method: str, path: str) -> Answer:
    """Answer a request; ``path`` is what follows ``/api/1/``."""
    account = request.account
    if act := ACCOUNT.get((method, path)):
        return act(request)
    if account.must_register and not account.domains and not request.is_owner_api:
        return refusal(412, f"Account {request.access.client_id} must be registered in the current region")
    match = _SITE.fullmatch(path)
    on_site = (READS if method == "GET" else WRITES).get(match[2]) if match else None
    if match is None or on_site is None:
        return NOT_FOUND
    scope = "energy_device_data" if method == "GET" else "energy_cmds"
    if scope not in request.access.scopes and not request.is_owner_api:
        return MISSING_SCOPES
    site = account.sites.get(int(match[1]))
    return NO_SITE if site is None else on_site(request, site)


def fields(body: bytes) -> dict[str, Any]:
    """Read a JSON object; anything else is an empty one."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
