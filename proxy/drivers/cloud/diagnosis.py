"""Find out what stands between the proxy and a site in Tesla's cloud.

Two requests at most: everything else is read off their answers. During a pause that the cloud
called for, none is sent; the finding says until when.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from proxy.config.cloud import SIGN_INS, cloud_mode
from proxy.core.advice import CLOUD, Cause, advice_for
from proxy.core.errors import GatewayError, NotSupported, Scope
from proxy.core.json_access import get_path
from proxy.core.model import Document, Exchange, Source
from proxy.core.sources import METERS, SOE, STATUS
from proxy.drivers.cloud.documents import INFO, LIVE
from proxy.drivers.finding import Finding

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.drivers.base import Driver

_READ: Final[tuple[tuple[Exchange, str, Source], ...]] = (
    (LIVE, "powers", METERS),
    (LIVE, "charge", SOE),
    (INFO, "firmware", STATUS),
)


async def diagnose_cloud(settings: GatewaySettings, driver: Driver) -> AsyncIterator[Finding]:
    """Yield what every step finds; a step that fails for all of the cloud is the last."""
    sign_in = _sign_in(settings)
    yield sign_in
    if sign_in.cause:
        return
    for endpoint, name, source in _READ:
        try:
            answer = (await driver.fetch(endpoint)).get(source)
        except GatewayError as error:
            yield _failed(name, error)
            if error.scope is Scope.LINK:
                return
        else:
            yield _read(name, answer)


def _sign_in(settings: GatewaySettings) -> Finding:
    mode = cloud_mode(settings)
    step = "cloud: sign-in"
    if mode not in SIGN_INS:
        return Finding(step, f"{mode}: the token of PW_CLOUD_TOKEN")
    file = Path(settings.auth_path, SIGN_INS[mode])
    if file.is_file():
        return Finding(step, f"{mode}: {file}")
    advice = f"powerwall-proxy setup --mode {mode} signs in; PW_AUTH_PATH names the folder."
    return Finding(step, f"{file} does not exist", Cause.LOGIN, advice)


def _read(name: str, answer: Document | GatewayError | None) -> Finding:
    step = f"cloud: {name}"
    match answer:
        case Document():
            return Finding(step, str(get_path(answer.value, "version") or "read"))
        case NotSupported() | None:
            return Finding(step, "is not reported for this site")
        case _:
            return _failed(name, answer)


def _failed(name: str, error: GatewayError) -> Finding:
    cause, advice = advice_for(error, CLOUD)
    wait = f"; the next request is in {error.retry_after:.0f} s" if error.retry_after else ""
    return Finding(f"cloud: {name}", f"{error}{wait}", cause, advice)
