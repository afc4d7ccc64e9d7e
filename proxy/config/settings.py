"""Every setting of the product, in one table.

A field of ``GatewaySettings``, of ``Settings`` or of the settings of a feature is a
row of ``SETTINGS``: its name in the environment, its key in the TOML file, its kind,
default, meaning and marks. The loader, ``check``, the documentation and ``/stats`` are
made from it; whatever needs a setting adds one row and nothing elsewhere.

``Settings()`` holds the defaults. Seconds are seconds, powers watts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from proxy.config import types as kinds
from proxy.config.specs import CACHE, CONTROL, GATEWAY, GROUPS, LOGS, SERVER, TEDAPI, VALUES, SettingSpec, row
from proxy.config.types import ADDRESS, FLAG, PATH, TEXT, choice, number, whole
from proxy.features import features

_A_DAY = 86400

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """The settings of one gateway: how it is reached, and what holds for its readings."""

    host: str = row(GATEWAY, kinds.GATEWAY, "", "Address of the gateway, with the port if it is not 443")
    password: str = row(GATEWAY, TEXT, "", "Password of the gateway's customer login", secret=True)
    email: str = row(
        GATEWAY,
        TEXT,
        "email@example.com",
        "E-mail address sent with the login; the gateway does not check it",
    )
    timezone: str = row(
        GATEWAY, kinds.TIME_ZONE, "America/Los_Angeles", "Time zone of the site", lenient=True
    )
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
    siteid: str = row(
        TEDAPI,
        TEXT,
        "",
        "Site of the cloud account; no effect: this proxy reads the gateway, not the cloud",
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


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force; ``dataclasses.replace`` makes variations.

    ``features`` has one object for each feature with settings of its own.
    """

    gateway: GatewaySettings = GatewaySettings()
    auth_path: str = row(TEDAPI, PATH, "", "Folder of the pypowerwall proxy's login files")
    state_path: str = row(
        CACHE,
        PATH,
        "",
        "State folder; if empty, PW_AUTH_PATH, or ~/.local/state/powerwall-proxy",
        ours=True,
    )
    bind_address: str = row(SERVER, kinds.INTERFACE, "", "Address to listen on; empty: all")
    port: int = row(SERVER, whole(0, kinds.HIGHEST_PORT), 8675, "Port to listen on; 0: any free one")
    https: str = row(
        SERVER,
        kinds.TLS,
        "no",
        "yes: TLS; http: plain HTTP behind a front server that terminates TLS",
    )
    tls_cert: str = row(
        SERVER, PATH, "", "Certificate (PEM) for PW_HTTPS=yes; if empty, one is generated", ours=True
    )
    tls_key: str = row(SERVER, PATH, "", "Its private key (PEM)", ours=True)
    base_url: str = row(
        SERVER, kinds.BASE_URL, "/", "Path prefix under which clients see the proxy", env="PROXY_BASE_URL"
    )
    allowed_hosts: tuple[str, ...] = row(
        SERVER,
        kinds.HOSTS,
        (),
        "Additional host names for requests that write or show the status",
        ours=True,
    )
    trusted_proxies: tuple[str, ...] = row(
        SERVER, kinds.NETWORKS, (), "Front servers whose X-Forwarded headers count", ours=True
    )
    max_connections: int = row(SERVER, whole(8, 100_000), 10_000, "Maximum client connections", ours=True)
    fast_path: bool = row(SERVER, FLAG, True, "Answer plain GETs from prepared bytes", ours=True)
    emulate_gateway: bool = row(
        SERVER, FLAG, True, "Accept the login of programs made for the gateway", ours=True
    )
    lan_password: str = row(
        SERVER, TEXT, "", "Password for that login; if empty, any is accepted", secret=True, ours=True
    )
    ready_age: float = row(
        SERVER,
        number(1, _A_DAY, "seconds"),
        30.0,
        "Maximum age of readings for /ready to report 200, if they are not fresh",
        ours=True,
    )
    config: str = row(
        SERVER, PATH, "", "TOML file with these settings; the environment takes precedence", ours=True
    )
    legacy_errors: bool = row(
        VALUES,
        FLAG,
        False,
        "Respond with 200 and null or zeros when nothing is known, as the pypowerwall proxy does",
        ours=True,
    )
    ui: str = row(
        VALUES,
        choice("auto", "own", "gateway"),
        "auto",
        "Page at /: the power flow (auto, own) or the gateway's web app; own: no files of the gateway",
        ours=True,
    )
    style: str = row(
        VALUES,
        choice("clear", "black", "white", "grafana", "grafana-dark", "dakboard", "solar"),
        "clear",
        "Look of the power-flow page",
        lenient=True,
    )
    browser_cache: int = row(
        VALUES,
        whole(0, 10 * 365 * _A_DAY, "seconds"),
        0,
        "How long browsers may cache scripts, styles and pictures",
        lenient=True,
    )
    frame_ancestors: str = row(
        VALUES,
        kinds.ANCESTORS,
        "*",
        "Sites that may show the page in a frame (CSP frame-ancestors)",
        ours=True,
    )
    control_secret: str = row(
        CONTROL, TEXT, "", "Enables control; clients send it with every change", secret=True
    )
    log_level: str = row(
        LOGS,
        choice("debug", "info", "warning", "error"),
        "info",
        "Minimum level of log lines",
        env="LOG_LEVEL",
        reloads=True,
        lenient=True,
    )
    debug: bool = row(LOGS, FLAG, False, "yes: the same as LOG_LEVEL=debug", reloads=True)
    log_format: str = row(
        LOGS, choice("text", "json"), "text", "Form of the log lines", reloads=True, ours=True
    )
    access_log: bool = row(LOGS, FLAG, False, "One log line per request", ours=True)
    suppress_network_errors: bool = row(
        LOGS, FLAG, False, "Log gateway failures as a summary every 5 minutes only", reloads=True
    )
    network_error_rate_limit: int = row(
        LOGS,
        whole(0, 10_000),
        5,
        "Log lines per minute for one kind of failure; further ones are counted",
        reloads=True,
        lenient=True,
    )
    metrics: bool = row(LOGS, FLAG, True, "Serve /metrics", ours=True)
    metrics_refresh: str = row(
        LOGS,
        choice("yes", "all", "no"),
        "yes",
        "Readings that a scrape keeps fresh: powers, charge, grid and all that clients have requested; all; none",
        ours=True,
    )
    metrics_serials: bool = row(LOGS, FLAG, False, "Include serial numbers as labels", ours=True)
    features: tuple[Any, ...] = ()

    def of(self, owner: type[T]) -> T:
        """Return the settings of a feature, by their class."""
        return next((each for each in self.features if isinstance(each, owner)), None) or owner()


def _specs(owner: type[Any]) -> Iterator[SettingSpec]:
    """Make the rows of a dataclass of settings; fields that are no rows are skipped."""
    for item in fields(owner):
        if item.metadata:
            env = f"PW_{item.name.upper()}"
            yield SettingSpec(
                **{"env": env, **item.metadata}, key=item.name, default=item.default, owner=owner
            )


_OWNERS = (GatewaySettings, Settings, *(feature.settings for feature in features() if feature.settings))
# The table: one row per field, by group in the order of the documentation.
SETTINGS: tuple[SettingSpec, ...] = tuple(
    sorted((spec for owner in _OWNERS for spec in _specs(owner)), key=lambda spec: GROUPS.index(spec.group))
)


def settings_of(**values: Any) -> Settings:
    """Make settings from values by key, each given to the class that has it."""
    by_owner: dict[type[Any], dict[str, Any]] = {owner: {} for owner in _OWNERS}
    owners = {spec.key: spec.owner for spec in SETTINGS}
    for key, value in values.items():
        by_owner[owners[key]][key] = value
    gateway, process, *others = _OWNERS
    return Settings(
        gateway=gateway(**by_owner[gateway]),
        features=tuple(owner(**by_owner[owner]) for owner in others),
        **by_owner[process],
    )


def value_of(settings: Settings, spec: SettingSpec) -> Any:
    """Return the value in force of a row."""
    match spec.owner:
        case _ if spec.owner is GatewaySettings:
            return getattr(settings.gateway, spec.key)
        case _ if spec.owner is Settings:
            return getattr(settings, spec.key)
    return getattr(settings.of(spec.owner), spec.key)
