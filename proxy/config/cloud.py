"""Tesla's cloud in the settings: which API they choose, and what is wrong with them together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from proxy.config.gateway_settings import AUTO, FLEET, OFF, OWNER, STATIC, GatewaySettings
from proxy.core.json_access import get_path, number, text

# Where a sign-in is kept, as the pypowerwall proxy names the files, in the order in which it looks.
SIGN_INS: Final[Mapping[str, str]] = {FLEET: ".pypowerwall.fleetapi", OWNER: ".pypowerwall.auth"}
# The site of the Owner API; that of the Fleet API stands in its sign-in.
SITE_FILE: Final = ".pypowerwall.site"
# The public key of an application for the Fleet API: its file in the same folder, and where Tesla fetches it from the
# domain of the application, for its registration and as long as it is used.
PUBLIC_KEY: Final = "com.tesla.3p.public-key.pem"
KEY_PATH: Final = f"/.well-known/appspecific/{PUBLIC_KEY}"
# At 500 requests for a dollar, Tesla's discount of 10 dollars a month.
FLEET_BUDGET: Final = 5000

_UNCHANGED: Final = GatewaySettings()
_MONTH_S = 30.4 * 86400
_USD_PER_REQUEST = 1 / 500
# What is about a gateway: its readings and the cloud beside it, and the connection to it.
_LIFETIMES: Final = ("cache_expire", "cache_ttl", "failover", "cloud_hybrid", "local_first")
_CONNECTIONS: Final = ("gw_pwd", "rsa_key_path", "wifi_host", "pool_maxsize")
# More frequent requests than this meet the limits of an account, which all its programs share, or bring nothing new.
_SHORTEST_S = 30.0
_SHORTEST_INFO_S = 600.0


def cloud_mode(settings: GatewaySettings) -> str:
    """Name the API that is used: fleet, owner or static; empty for none.

    Unless it is named, the sign-ins that there are decide, as the pypowerwall proxy does.
    """
    if settings.cloud_mode == AUTO:
        return signed_in(settings.auth_path)
    return "" if settings.cloud_mode == OFF else settings.cloud_mode


def signed_in(folder: str) -> str:
    """Say which API a folder has a sign-in for; empty without one."""
    found = (mode for mode, name in SIGN_INS.items() if folder and Path(folder, name).is_file())
    return next(found, "")


def site_id(value: Any) -> int | None:
    """Read a site id: a number, or its digits as text."""
    known = number(value)
    if known is not None:
        return int(known)
    digits = (text(value) or "").strip()
    return int(digits) if re.fullmatch(r"\d{1,20}", digits, re.ASCII) else None


def site_named(mode: str, folder: str) -> int | None:
    """Return the site that a sign-in of the pypowerwall proxy names; None for a file that is missing or damaged."""
    try:
        if mode == OWNER:
            return site_id(Path(folder, SITE_FILE).read_text("utf-8"))
        if mode == FLEET:
            return site_id(get_path(json.loads(Path(folder, SIGN_INS[FLEET]).read_text("utf-8")), "site_id"))
    except (OSError, ValueError, RecursionError):
        pass
    return None


def is_public_key(content: bytes) -> bool:
    """Say whether this is a public key in PEM form (RFC 7468 section 13), and nothing that must stay private."""
    return content.lstrip().startswith(b"-----BEGIN PUBLIC KEY-----") and b"PRIVATE" not in content


def monthly_budget(settings: GatewaySettings) -> int | None:
    """Return the maximum of requests in a month, None for no limit."""
    if settings.cloud_budget:
        return settings.cloud_budget
    return FLEET_BUDGET if cloud_mode(settings) == FLEET else None


def problems(settings: GatewaySettings) -> Iterator[str]:
    """Say what makes the cloud unusable."""
    if settings.cloud_mode == STATIC and not settings.cloud_token:
        yield "PW_CLOUD_MODE=static needs PW_CLOUD_TOKEN: the token that the provider shows in its console."


def warnings(settings: GatewaySettings) -> Iterator[str]:
    """Say what is allowed, but probably not meant."""
    mode = cloud_mode(settings)
    name = SIGN_INS.get(mode, "")
    if name and not Path(settings.auth_path, name).is_file():
        yield (
            f"PW_CLOUD_MODE={mode}: {Path(settings.auth_path, name)} does not exist; "
            f"sign in with powerwall-proxy setup --mode {mode}."
        )
    if settings.cloud_token and mode != STATIC:
        yield "PW_CLOUD_TOKEN has no effect without PW_CLOUD_MODE=static."
    if settings.cloud_auth_url and mode == STATIC:
        yield "PW_CLOUD_AUTH_URL has no effect with PW_CLOUD_MODE=static: its token is never renewed."
    if not mode:
        given = [env for env, value in _needing_a_mode(settings) if value]
        if given:
            yield f"{_without_effect(given)} without a mode of the cloud (PW_CLOUD_MODE)."
        return
    if unused := list(_changed(settings, _LIFETIMES)):
        yield (
            f"{_without_effect(unused)} without PW_HOST; PW_CLOUD_INTERVAL and PW_CLOUD_STALE "
            "are how often the cloud is read, and how old its readings may be."
        )
    if unused := list(_changed(settings, _CONNECTIONS)):
        yield f"{_without_effect(unused)} without PW_HOST: there is no connection to a gateway."
    if settings.cloud_stale:
        yield from _too_short(settings)
    yield from _short_intervals(settings, mode)


def _short_intervals(settings: GatewaySettings, mode: str) -> Iterator[str]:
    """Say what short intervals make in a month."""
    for env, interval, shortest in (
        ("PW_CLOUD_INTERVAL", settings.cloud_interval, _SHORTEST_S),
        ("PW_CLOUD_INFO_INTERVAL", settings.cloud_info_interval, _SHORTEST_INFO_S),
    ):
        if interval < shortest:
            yield _cost(f"{env}={interval:g}", interval, mode, settings)


def _needing_a_mode(settings: GatewaySettings) -> tuple[tuple[str, object], ...]:
    return (
        ("PW_CLOUD_URL", settings.cloud_url),
        ("PW_CLOUD_AUTH_URL", settings.cloud_auth_url),
        ("PW_CLOUD_HYBRID", settings.cloud_hybrid),
        ("PW_SITEID", settings.siteid),
    )


def _changed(settings: GatewaySettings, names: Sequence[str]) -> Iterator[str]:
    """Name the settings that were changed and are about a gateway, or the cloud beside it, where there is none."""
    if not settings.host:
        for name in names:
            if getattr(settings, name) != getattr(_UNCHANGED, name):
                yield f"PW_{name.upper()}"


def _too_short(settings: GatewaySettings) -> Iterator[str]:
    """Say that readings expire before the next ones come, as PW_CLOUD_INTERVAL and the month's budget have them."""
    budget = monthly_budget(settings)
    if settings.cloud_stale < settings.cloud_interval:
        slower = f"PW_CLOUD_INTERVAL={settings.cloud_interval:g}"
    elif budget and settings.cloud_stale < _MONTH_S / budget:
        slower = f"the {_MONTH_S / budget:,.0f} s that PW_CLOUD_BUDGET={budget} leaves between two requests"
    else:
        return
    yield (
        f"PW_CLOUD_STALE={settings.cloud_stale:g} is less than {slower}: "
        "no powers are served for a part of each interval."
    )


def _without_effect(names: Sequence[str]) -> str:
    return f"{' and '.join(names)} {'have' if len(names) > 1 else 'has'} no effect"


def _cost(what: str, interval: float, mode: str, settings: GatewaySettings) -> str:
    """Say what a short interval makes in a month."""
    requests = round(_MONTH_S / interval, -3)
    text = f"{what} makes {requests:,.0f} requests a month"
    if mode == FLEET:
        text += f", {requests * _USD_PER_REQUEST:,.0f} USD at list price"
    budget = monthly_budget(settings)
    if budget is not None:
        return f"{text}; PW_CLOUD_BUDGET stretches it so that {budget:,} are enough."
    return f"{text}; Tesla and other providers limit the requests of an account to about 30 to 60 a minute."
