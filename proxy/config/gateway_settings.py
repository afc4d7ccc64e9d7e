"""The settings of one gateway: rows of the table in ``settings.py``."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.config import types as kinds
from proxy.config.specs import CACHE, CLOUD, CONTROL, GATEWAY, TEDAPI, VALUES, row
from proxy.config.types import ADDRESS, FLAG, PATH, TEXT, choice, number, whole

# What the pypowerwall proxy takes for an address that was not given.
NO_EMAIL = "email@example.com"

# ``auto`` is for PW_HOST, too: the gateway is searched for.
AUTO, FLEET, OWNER, STATIC, OFF = "auto", "fleet", "owner", "static", "off"

# The id of the only gateway, where none are listed; its state stands in the state folder itself.
DEFAULT_ID = "default"
# A zone that is set to this one counts as not set: the gateway may report its own.
DEFAULT_ZONE = "America/Los_Angeles"
# The grid of a site: the sum of its members' meters, or the meter of the one that is named.
SUM = "sum"

_A_DAY = 86400


def is_auto(host: str) -> bool:
    """Say whether a PW_HOST leaves the address to a search."""
    return host.removeprefix("http://").partition(":")[0] == AUTO


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """The settings of one gateway: how it is reached, and what holds for its readings.

    ``name`` is shown to people; empty: the site's name as the gateway reports it, else the id. ``site`` is
    the total of which it is a member. ``listen`` is the port where paths without a prefix are about it.
    ``type`` is powerwall, or inverter for one without a battery.
    """

    id: str = DEFAULT_ID
    name: str = ""
    site: str = ""
    listen: int | None = None
    type: str = "powerwall"
    host: str = row(
        GATEWAY,
        kinds.GATEWAY,
        "",
        "Address of the gateway, with the port if it is not 443; http:// before it for firmware before 1.20; auto: it is searched for",
    )
    host_scan: bool = row(
        GATEWAY,
        FLAG,
        False,
        "Search at every address of this machine's networks, too, for a PW_HOST that is auto or a name",
        ours=True,
    )
    password: str = row(GATEWAY, TEXT, "", "Password of the gateway's customer login", secret=True)
    email: str = row(
        GATEWAY,
        TEXT,
        NO_EMAIL,
        "E-mail address sent with the login, which no gateway checks; account of the cloud, if it is not the first",
    )
    timezone: str = row(GATEWAY, kinds.TIME_ZONE, DEFAULT_ZONE, "Time zone of the site", lenient=True)
    auth_mode: str = row(
        GATEWAY, choice("cookie", "token"), "cookie", "How the session is sent to the gateway"
    )
    timeout: float = row(GATEWAY, number(0.1, 300, "seconds"), 5.0, "Time-out of one request to the gateway")
    pool_maxsize: int = row(
        GATEWAY, whole(0, 64), 2, "Maximum connections to the gateway; 0: a new one for each request"
    )
    gw_tls: str = row(
        GATEWAY,
        choice("pin", "ca", "off"),
        "pin",
        "Trusted certificates of the gateway: the first one seen (pin), those signed by PW_GW_CA, or any",
        ours=True,
    )
    gw_ca: str = row(GATEWAY, PATH, "", "Certificates (PEM) that PW_GW_TLS=ca trusts", ours=True)
    gw_pwd: str = row(TEDAPI, TEXT, "", "Gateway password from the sticker: enables TEDAPI", secret=True)
    rsa_key_path: str = row(
        TEDAPI, PATH, "", "Registered RSA key (PEM): Powerwall 3 over the wired network (v1r)"
    )
    wifi_host: str = row(
        TEDAPI,
        ADDRESS,
        "",
        "Address on the gateway's Wi-Fi, for readings that PW_HOST does not provide, and as fallback of v1r",
    )
    tedapi_api_version: str = row(
        TEDAPI,
        choice("V2024_06", "V2026_06"),
        "V2024_06",
        "Generation of the signed queries; V2024_06 is always used",
        lenient=True,
    )
    tedapi_recovery: bool = row(
        TEDAPI, FLAG, True, "Probe an unreachable gateway even without client requests"
    )
    tedapi_probe_interval: int = row(
        TEDAPI,
        whole(5, _A_DAY, "seconds"),
        30,
        "Minimum interval of these probes; a refused password is not repeated",
        lenient=True,
    )
    integrate_energy: bool = row(
        TEDAPI, FLAG, True, "Count energy from power where the gateway has no counters", ours=True
    )
    auth_path: str = row(
        CLOUD, PATH, "", "Folder of the sign-ins to Tesla's cloud; if empty, the state folder"
    )
    cloud_mode: str = row(
        CLOUD,
        choice(AUTO, FLEET, OWNER, STATIC, OFF),
        AUTO,
        "API of the cloud: Fleet API, Owner API, a provider with a fixed token, none, or by the files in PW_AUTH_PATH",
        ours=True,
    )
    cloud_url: str = row(
        CLOUD, kinds.CLOUD_URL, "", "Address of the API; if empty, that of the mode", ours=True
    )
    cloud_auth_url: str = row(
        CLOUD, kinds.CLOUD_URL, "", "Address of the sign-in server; if empty, that of the mode", ours=True
    )
    cloud_token: str = row(CLOUD, TEXT, "", "Token for PW_CLOUD_MODE=static", secret=True, ours=True)
    cloud_interval: float = row(
        CLOUD, number(5, _A_DAY, "seconds"), 60.0, "Minimum interval of requests for powers", ours=True
    )
    cloud_info_interval: float = row(
        CLOUD,
        number(5, 30 * _A_DAY, "seconds"),
        3600.0,
        "Minimum interval of requests for the configuration of the site",
        ours=True,
    )
    cloud_stale: float = row(
        CLOUD,
        number(0, _A_DAY, "seconds"),
        0.0,
        "Age up to which powers from the cloud are served; 0: three intervals",
        ours=True,
    )
    cloud_budget: int = row(
        CLOUD,
        whole(0, 10**9),
        0,
        "Maximum requests to the cloud in a month; 0: 5000 with fleet, no limit otherwise",
        ours=True,
    )
    siteid: str = row(
        CLOUD, kinds.SITE_ID, "", "Site of the account; if empty, that of the sign-in, else the first"
    )
    failover: bool = row(CLOUD, FLAG, True, "Read the cloud while the gateway of PW_HOST fails")
    cloud_hybrid: bool = row(
        CLOUD, FLAG, False, "Read from the cloud what the gateway of PW_HOST does not offer"
    )
    local_first: bool = row(
        CLOUD, FLAG, True, "Write over the local connection what it can; no: over the cloud what that can"
    )
    fleetapi_http: str = row(
        CLOUD, choice("auto", "1.1"), "auto", "HTTP version of requests to the cloud; 1.1 is always used"
    )
    cache_expire: float = row(CACHE, number(0, _A_DAY, "seconds"), 5.0, "How long a reading is fresh")
    cache_ttl: float = row(
        CACHE,
        number(0, _A_DAY, "seconds"),
        30.0,
        "Age up to which a stale reading is served while the gateway fails",
    )
    graceful_degradation: bool = row(CACHE, FLAG, True, "Serve stale readings while the gateway fails")
    fail_fast: bool = row(CACHE, FLAG, False, "Do not wait for the gateway after its first failure")
    health_check: bool = row(
        CACHE, FLAG, True, "Back off from a failing gateway; after refused logins and 429 always"
    )
    cache_file: str = row(CACHE, PATH, "", "File of the gateway session; .powerwall in the state folder")
    neg_solar: bool = row(
        VALUES, FLAG, True, "no: negative solar power is reported and counted as 0, and added to home"
    )
    site_zero_threshold: float = row(
        VALUES,
        number(0, 100_000, "watts"),
        0.0,
        "Grid power up to this value is reported and counted as 0",
        lenient=True,
    )
    control_islanding: bool = row(
        CONTROL, FLAG, False, "Allow control to take the house off the grid", ours=True
    )
    islanding_cooldown: float = row(
        CONTROL,
        number(0, 3600, "seconds"),
        30.0,
        "Minimum interval of commands that leave the grid or return to it",
        ours=True,
    )


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """A total of several gateways: its id in paths, its title for people, where its grid is measured."""

    id: str
    title: str = ""
    grid: str = SUM
