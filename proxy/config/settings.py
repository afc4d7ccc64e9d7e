"""Every setting of the product, in one table.

A field of ``Settings`` is a row of ``SETTINGS``: its name in the environment,
its key in the TOML file, its kind, default, meaning and marks. The loader,
``check``, the README and ``/stats`` are made from it; a feature that needs a
setting adds one row here and nothing elsewhere.

``Settings()`` holds the defaults. Seconds are seconds, powers watts.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from proxy.config import types as kinds
from proxy.config.specs import SettingSpec, row
from proxy.config.types import ADDRESS, FLAG, PATH, TEXT, choice, number, whole

_A_DAY = 86400

# Groups, in the order of the documentation.
_GATEWAY = "Gateway"
_TEDAPI = "TEDAPI and cloud"
_CACHE = "Cache"
_SERVER = "Server"
_VALUES = "Values and pages"
_CONTROL = "Control"
_LOGS = "Logs and metrics"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force; ``dataclasses.replace`` makes variations."""

    host: str = row(_GATEWAY, kinds.GATEWAY, "", "Address of the gateway, with the port if it is not 443")
    password: str = row(_GATEWAY, TEXT, "", "Password of the gateway's customer login", secret=True)
    email: str = row(
        _GATEWAY,
        TEXT,
        "email@example.com",
        "E-mail address sent with the login; the gateway does not check it",
    )
    timezone: str = row(
        _GATEWAY, kinds.TIME_ZONE, "America/Los_Angeles", "Time zone of the site", lenient=True
    )
    auth_mode: str = row(
        _GATEWAY, choice("cookie", "token"), "cookie", "How the session is sent to the gateway"
    )
    timeout: float = row(_GATEWAY, number(0.1, 300, "seconds"), 5.0, "Time-out of one request to the gateway")
    pool_maxsize: int = row(
        _GATEWAY, whole(0, 64), 2, "Maximum connections to the gateway; 0: a new one for each request"
    )
    gw_tls: str = row(
        _GATEWAY,
        choice("pin", "ca", "off"),
        "pin",
        "Trusted certificates of the gateway: the first one seen (pin), those signed by PW_GW_CA, or any",
        ours=True,
    )
    gw_ca: str = row(_GATEWAY, PATH, "", "Certificates (PEM) that PW_GW_TLS=ca trusts", ours=True)

    gw_pwd: str = row(_TEDAPI, TEXT, "", "Gateway password from the sticker: enables TEDAPI", secret=True)
    rsa_key_path: str = row(
        _TEDAPI, PATH, "", "Registered RSA key (PEM): Powerwall 3 over the wired network (v1r)"
    )
    wifi_host: str = row(
        _TEDAPI,
        ADDRESS,
        "",
        "Address on the gateway's Wi-Fi, for readings that PW_HOST does not provide, and as fallback of v1r",
    )
    tedapi_api_version: str = row(
        _TEDAPI,
        choice("V2024_06", "V2026_06"),
        "V2024_06",
        "Generation of the signed queries; V2024_06 is always used",
        lenient=True,
    )
    tedapi_recovery: bool = row(
        _TEDAPI, FLAG, True, "Probe an unreachable gateway even without client requests"
    )
    tedapi_probe_interval: int = row(
        _TEDAPI,
        whole(5, _A_DAY, "seconds"),
        30,
        "Minimum interval of these probes; a refused password is not repeated",
        lenient=True,
    )
    integrate_energy: bool = row(
        _TEDAPI, FLAG, True, "Count energy from power where the gateway has no counters", ours=True
    )
    siteid: str = row(
        _TEDAPI,
        TEXT,
        "",
        "Site of the cloud account; no effect: this proxy reads the gateway, not the cloud",
    )
    auth_path: str = row(_TEDAPI, PATH, "", "Folder of the pypowerwall proxy's login files")

    cache_expire: float = row(_CACHE, number(0, _A_DAY, "seconds"), 5.0, "How long a reading is fresh")
    cache_ttl: float = row(
        _CACHE,
        number(0, _A_DAY, "seconds"),
        30.0,
        "Age up to which a stale reading is served while the gateway fails",
    )
    graceful_degradation: bool = row(_CACHE, FLAG, True, "Serve stale readings while the gateway fails")
    fail_fast: bool = row(_CACHE, FLAG, False, "Do not wait for the gateway after its first failure")
    health_check: bool = row(
        _CACHE, FLAG, True, "Back off from a failing gateway; after refused logins and 429 always"
    )
    state_path: str = row(
        _CACHE,
        PATH,
        "",
        "State folder; if empty, PW_AUTH_PATH, or ~/.local/state/powerwall-proxy",
        ours=True,
    )
    cache_file: str = row(_CACHE, PATH, "", "File of the gateway session; .powerwall in the state folder")

    bind_address: str = row(_SERVER, kinds.INTERFACE, "", "Address to listen on; empty: all")
    port: int = row(_SERVER, whole(0, kinds.HIGHEST_PORT), 8675, "Port to listen on; 0: any free one")
    https: str = row(
        _SERVER,
        kinds.TLS,
        "no",
        "yes: TLS; http: plain HTTP behind a front server that terminates TLS",
    )
    tls_cert: str = row(
        _SERVER, PATH, "", "Certificate (PEM) for PW_HTTPS=yes; if empty, one is generated", ours=True
    )
    tls_key: str = row(_SERVER, PATH, "", "Its private key (PEM)", ours=True)
    base_url: str = row(
        _SERVER, kinds.BASE_URL, "/", "Path prefix under which clients see the proxy", env="PROXY_BASE_URL"
    )
    allowed_hosts: tuple[str, ...] = row(
        _SERVER,
        kinds.HOSTS,
        (),
        "Additional host names for requests that write or show the status",
        ours=True,
    )
    trusted_proxies: tuple[str, ...] = row(
        _SERVER, kinds.NETWORKS, (), "Front servers whose X-Forwarded headers count", ours=True
    )
    max_connections: int = row(_SERVER, whole(8, 100_000), 10_000, "Maximum client connections", ours=True)
    fast_path: bool = row(_SERVER, FLAG, True, "Answer plain GETs from prepared bytes", ours=True)
    emulate_gateway: bool = row(
        _SERVER, FLAG, True, "Accept the login of programs made for the gateway", ours=True
    )
    lan_password: str = row(
        _SERVER, TEXT, "", "Password for that login; if empty, any is accepted", secret=True, ours=True
    )
    ready_age: float = row(
        _SERVER,
        number(1, _A_DAY, "seconds"),
        30.0,
        "Maximum age of readings for /ready to report 200",
        ours=True,
    )
    config: str = row(
        _SERVER, PATH, "", "TOML file with these settings; the environment takes precedence", ours=True
    )

    neg_solar: bool = row(
        _VALUES, FLAG, True, "no: negative solar power is reported and counted as 0, and added to home"
    )
    site_zero_threshold: float = row(
        _VALUES,
        number(0, 100_000, "watts"),
        0.0,
        "Grid power up to this value is reported and counted as 0",
        lenient=True,
    )
    legacy_errors: bool = row(
        _VALUES,
        FLAG,
        False,
        "Respond with 200 and null or zeros when nothing is known, as the pypowerwall proxy does",
        ours=True,
    )
    ui: str = row(
        _VALUES,
        choice("auto", "own", "gateway"),
        "auto",
        "Page at /: the power flow (auto, own) or the gateway's web app; own: no files of the gateway",
        ours=True,
    )
    style: str = row(
        _VALUES,
        choice("clear", "black", "white", "grafana", "grafana-dark", "dakboard", "solar"),
        "clear",
        "Look of the power-flow page",
        lenient=True,
    )
    browser_cache: int = row(
        _VALUES,
        whole(0, 10 * 365 * _A_DAY, "seconds"),
        0,
        "How long browsers may cache scripts, styles and pictures",
        lenient=True,
    )
    frame_ancestors: str = row(
        _VALUES,
        kinds.ANCESTORS,
        "*",
        "Sites that may show the page in a frame (CSP frame-ancestors)",
        ours=True,
    )

    control_secret: str = row(
        _CONTROL, TEXT, "", "Enables control; clients send it with every change", secret=True
    )
    control_islanding: bool = row(
        _CONTROL, FLAG, False, "Allow control to take the house off the grid", ours=True
    )
    openc2_key: str = row(
        _CONTROL, TEXT, "", "Enables OpenC2; its clients send it with every command", secret=True, ours=True
    )
    openc2_insecure: bool = row(_CONTROL, FLAG, False, "Allow OpenC2 without TLS", ours=True)
    openc2_serials: bool = row(_CONTROL, FLAG, False, "Show serial numbers to OpenC2 clients", ours=True)

    log_level: str = row(
        _LOGS,
        choice("debug", "info", "warning", "error"),
        "info",
        "Minimum level of log lines",
        env="LOG_LEVEL",
        reloads=True,
        lenient=True,
    )
    debug: bool = row(_LOGS, FLAG, False, "yes: the same as LOG_LEVEL=debug", reloads=True)
    log_format: str = row(
        _LOGS, choice("text", "json"), "text", "Form of the log lines", reloads=True, ours=True
    )
    access_log: bool = row(_LOGS, FLAG, False, "One log line per request", ours=True)
    suppress_network_errors: bool = row(
        _LOGS, FLAG, False, "Log gateway failures as a summary every 5 minutes only", reloads=True
    )
    network_error_rate_limit: int = row(
        _LOGS,
        whole(0, 10_000),
        5,
        "Log lines per minute for one kind of failure; further ones are counted",
        reloads=True,
        lenient=True,
    )
    metrics: bool = row(_LOGS, FLAG, True, "Serve /metrics", ours=True)
    metrics_refresh: str = row(
        _LOGS,
        choice("yes", "all", "no"),
        "yes",
        "Readings that a scrape keeps fresh: powers, charge, grid and all that clients have requested; all; none",
        ours=True,
    )
    metrics_serials: bool = row(_LOGS, FLAG, False, "Include serial numbers as labels", ours=True)


# The table: one row per field, in the order of the documentation.
SETTINGS: tuple[SettingSpec, ...] = tuple(
    SettingSpec(
        **{"env": f"PW_{item.name.upper()}", **item.metadata},
        key=item.name,
        default=item.default,
    )
    for item in fields(Settings)
)
