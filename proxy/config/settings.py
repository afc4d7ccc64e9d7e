"""Every setting of the product, in one table.

A field of ``GatewaySettings``, of ``Settings`` or of the settings of a feature is a
row of ``SETTINGS``: its name in the environment, its key in the TOML file, its kind,
default, meaning and marks. The loader, ``check``, the documentation and ``/stats`` are
made from it; whatever needs a setting adds one row and nothing elsewhere.

``Settings()`` holds the defaults. Seconds are seconds, powers watts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from proxy.config import types as kinds
from proxy.config.gateway_settings import GatewaySettings, SiteSettings
from proxy.config.specs import CACHE, CONTROL, GATEWAY, GROUPS, LOGS, SERVER, VALUES, SettingSpec, row
from proxy.config.types import FLAG, PATH, TEXT, choice, number, whole
from proxy.features import features

_A_DAY = 86400

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force; ``dataclasses.replace`` makes variations.

    ``gateway`` has what is given for all gateways; ``listed`` are those of a list, each complete, and
    without a list there is one, which ``gateway`` describes. ``features`` has one object for each feature
    with settings of its own.
    """

    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    listed: tuple[GatewaySettings, ...] = ()
    sites: tuple[SiteSettings, ...] = ()
    gateway_list: str = row(
        GATEWAY,
        TEXT,
        "",
        "Several gateways as a list in JSON, in pypowerwall-server's form",
        env="PW_GATEWAYS",
        secret=True,
    )
    default: str = row(
        GATEWAY,
        TEXT,
        "",
        "Gateway or site of paths without a prefix; if empty, the one called default, else the first",
        ours=True,
    )
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
    ingress: str = row(
        SERVER,
        kinds.HOST,
        "",
        "Address of Home Assistant's supervisor: what its ingress passes on may have any host; set by the add-on",
        ours=True,
    )
    https_port: int = row(
        SERVER,
        whole(0, kinds.HIGHEST_PORT),
        0,
        "Port of PW_HTTPS=yes beside plain HTTP on PW_PORT; 0: TLS on PW_PORT",
        ours=True,
    )
    cors_origins: tuple[str, ...] = row(
        SERVER,
        kinds.ORIGINS,
        ("*",),
        "Origins whose web pages may read what is public: a JSON list, or separated by commas",
        env="CORS_ORIGINS",
        ours=True,
    )
    rate_limit_enabled: bool = row(
        SERVER, FLAG, False, "Limit the requests of each client address", ours=True
    )
    rate_limit_max_requests: int = row(
        SERVER, whole(1, 10**9), 1000, "Requests of one address within the window", ours=True
    )
    rate_limit_window_seconds: int = row(
        SERVER, whole(1, _A_DAY, "seconds"), 60, "Length of the window", ours=True
    )
    rate_limit_max_buckets: int = row(
        SERVER, whole(1, 10**6), 10_000, "Addresses that are counted; the latest ones", ours=True
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

    @property
    def scheme(self) -> str:
        """What PW_PORT speaks: https, unless TLS is off or has a port of its own."""
        return "https" if self.https == "yes" and not self.https_port else "http"

    @property
    def gateways(self) -> tuple[GatewaySettings, ...]:
        """The gateways of this process, in the order of the list."""
        return self.listed or (self.gateway,)

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
