"""A cloud driver with its parts, as options say."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.config.cloud import SIGN_INS, cloud_mode, monthly_budget
from proxy.config.gateway_settings import FLEET, NO_EMAIL, OWNER, STATIC
from proxy.core.budget import Budget
from proxy.drivers.cloud.api import CloudApi
from proxy.drivers.cloud.driver import CloudDriver
from proxy.drivers.cloud.energies import SiteEnergies
from proxy.drivers.cloud.found import is_chinese, look
from proxy.drivers.cloud.http import CloudHttp
from proxy.drivers.cloud.intervals import Intervals
from proxy.drivers.cloud.kept_pause import KeptPause
from proxy.drivers.cloud.ledger import Ledger
from proxy.drivers.cloud.meter import HistoryMeter
from proxy.drivers.cloud.sign_in import TokenEndpoint
from proxy.drivers.cloud.site import SiteEndpoints
from proxy.drivers.cloud.token_file import TokenFile
from proxy.drivers.cloud.token_store import (
    FLEET_MARGIN_S,
    OWNER_MARGIN_S,
    Authority,
    NoAuthority,
    StaticToken,
    TokenStore,
)
from proxy.drivers.cloud.tokens import FleetFormat, OwnerFormat, TokenFormat

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.core.model import Source
    from proxy.drivers.energy import EnergyMeter
    from proxy.state.store import StateStore

# Where each mode's API and sign-in server are; a static token has a provider of its own.
API_URLS = {
    FLEET: "https://fleet-api.prd.na.vn.cloud.tesla.com",
    OWNER: "https://owner-api.teslamotors.com",
    STATIC: "https://api.teslemetry.com",
}
# The regions of the Fleet API; China has a sign-in server of its own.
REGIONS = {
    "na": API_URLS[FLEET],
    "eu": "https://fleet-api.prd.eu.vn.cloud.tesla.com",
    "cn": "https://fleet-api.prd.cn.vn.cloud.tesla.cn",
}
# The sign-in server for China is known, the API is not: a token of such an account must go to no other one.
CHINA_REFUSED = "the Owner API for accounts in China is not supported; use the Fleet API: powerwall-proxy setup --mode fleet --region cn"
AUTH_URLS = {FLEET: "https://fleet-auth.prd.vn.cloud.tesla.com", OWNER: "https://auth.tesla.com", STATIC: ""}
TOKEN_PATH = "/oauth2/v3/token"  # noqa: S105 - a path
# Tesla's servers take their time, and clients do not wait for a request to its end.
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class CloudOptions:
    """How a site is reached in the cloud. Seconds, requests a month.

    Addresses and site that are not given are those of the mode's file, else the mode's own and the account's first.
    """

    mode: str
    url: str = ""
    auth_url: str = ""
    token: str = field(default="", repr=False)
    folder: str = ""
    email: str = ""
    site_id: int | None = None
    intervals: Intervals = field(default_factory=Intervals)
    history: bool = True
    excluded: frozenset[Source] = frozenset()
    serves_stale: bool = True
    budget: int | None = None
    timeout_s: float = _TIMEOUT_S
    tls: ssl.SSLContext | bool = True
    token_tls: ssl.SSLContext | bool | None = None  # None: TLS 1.3 for the Owner API, else as ``tls``


def options_of(settings: GatewaySettings) -> CloudOptions:
    """Take what the settings say."""
    return CloudOptions(
        cloud_mode(settings),
        url=settings.cloud_url,
        auth_url=settings.cloud_auth_url,
        token=settings.cloud_token,
        folder=settings.auth_path,
        email="" if settings.email == NO_EMAIL else settings.email,
        site_id=int(settings.siteid) if settings.siteid else None,
        intervals=Intervals(
            settings.cloud_interval, settings.cloud_info_interval, stale_s=settings.cloud_stale
        ),
        serves_stale=settings.graceful_degradation,
        budget=monthly_budget(settings),
        timeout_s=max(settings.timeout, _TIMEOUT_S),
    )


def make(
    options: CloudOptions,
    memory: StateStore,
    clock: Clock,
    *,
    energy: EnergyMeter | None = None,
    ledger: Ledger | None = None,
    jitter: Callable[[], float] = lambda: 1.0,
) -> CloudDriver:
    """Make the driver. Its file is looked into; nothing is sent yet.

    ``energy`` counts energies where the history of the site does not. Without a ``ledger`` it gets one of its own.
    """
    options = resolved(options)
    http = CloudHttp(clock.monotonic, timeout_s=options.timeout_s, tls=options.tls)
    ledger = ledger or Ledger(memory, clock, Budget(options.budget))
    api = make_api(options, http, ledger, memory, clock, jitter)
    site = SiteEndpoints(api, clock.monotonic, options.site_id)
    return CloudDriver(
        http,
        api,
        site,
        ledger,
        clock,
        mode=options.mode,
        intervals=options.intervals,
        energies=SiteEnergies(HistoryMeter(site, memory, clock) if options.history else None, energy),
        excluded=options.excluded,
        serves_stale=options.serves_stale,
    )


def make_api(
    options: CloudOptions,
    http: CloudHttp,
    ledger: Ledger,
    memory: StateStore,
    clock: Clock,
    jitter: Callable[[], float] = lambda: 1.0,
) -> CloudApi:
    """Make the API of ``options``, which are resolved; its pauses are kept in ``memory``."""
    base = options.url.rstrip("/")
    kept = KeptPause(memory, clock, base)
    return CloudApi(http, authority(options, http, clock), ledger, clock, base, kept, jitter=jitter)


def resolved(options: CloudOptions) -> CloudOptions:
    """Fill in addresses and site: those that are given, else those of the mode's file, else the mode's own."""
    found = look(options.mode, options.folder, options.email)
    return replace(
        options,
        url=options.url or found.url or API_URLS[options.mode],
        auth_url=options.auth_url or found.auth_url or AUTH_URLS[options.mode],
        site_id=found.site_id if options.site_id is None else options.site_id,
    )


def is_unsupported(options: CloudOptions) -> bool:
    """Say whether the account is one of the Owner API in China; ``options`` are resolved."""
    return options.mode == OWNER and options.url == API_URLS[OWNER] and is_chinese(options.auth_url)


def authority(options: CloudOptions, http: CloudHttp, clock: Clock) -> Authority:
    """Make what requests are authorised with."""
    if options.mode == STATIC:
        return StaticToken(options.token)
    if is_unsupported(options):
        return NoAuthority(CHINA_REFUSED)
    file, form, margin_s = _FILES[options.mode](options)
    url = options.auth_url.rstrip("/") + TOKEN_PATH
    endpoint = TokenEndpoint(http, url, clock.wall, token_tls(options))
    return TokenStore(file, form, endpoint, clock, margin_s=margin_s)


def _fleet(options: CloudOptions) -> tuple[TokenFile, TokenFormat, float]:
    return TokenFile(Path(options.folder, SIGN_INS[FLEET])), FleetFormat(), FLEET_MARGIN_S


def _owner(options: CloudOptions) -> tuple[TokenFile, TokenFormat, float]:
    return TokenFile(Path(options.folder, SIGN_INS[OWNER])), OwnerFormat(options.email), OWNER_MARGIN_S


_FILES: dict[str, Callable[[CloudOptions], tuple[TokenFile, TokenFormat, float]]] = {
    FLEET: _fleet,
    OWNER: _owner,
}


def token_tls(options: CloudOptions) -> ssl.SSLContext | bool:
    """Choose what the sign-in server is reached with."""
    if options.token_tls is not None:
        return options.token_tls
    if options.mode != OWNER or options.tls is not True:
        return options.tls
    # Tokens that were given over TLS 1.2 are reported to be refused later.
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
