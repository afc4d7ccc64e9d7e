"""Find out what stands between the proxy and its gateway, step by step.

Each step presumes the one before: name, route and port, TLS, login, readings. Of what fails
``verdict`` names what to remove first. The gateway sees one login at most, and none while an
earlier refusal is to be respected: the drivers see to that, as in the daemon.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from proxy.config.cloud import cloud_mode
from proxy.core.advice import BASIC_LAN, CLOUD, PORT_ADVICE, ROUTE_ADVICE, Cause, advice_for
from proxy.core.clock import Clock
from proxy.core.errors import GatewayError, GatewayTimeout, Scope, SourceUnavailable
from proxy.core.firmware import HAS_VITALS_BELOW, parse_version
from proxy.core.json_access import get_path
from proxy.core.model import Document, Exchange, Source
from proxy.core.sources import METERS, SOE, STATUS, VITALS
from proxy.drivers.base import Driver, ReportsUsage
from proxy.drivers.cloud.diagnosis import diagnose_cloud
from proxy.drivers.dial import NotFound
from proxy.drivers.finding import Finding
from proxy.drivers.http_client import GatewayClient
from proxy.state.certificates import trusting_context

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.state.store import StateStore

EXAMINED: Final[Mapping[Source, str]] = {METERS: "powers", SOE: "charge", STATUS: "firmware"}


_NO_ROUTE = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.ETIMEDOUT, errno.EACCES}
)


async def diagnose(
    settings: GatewaySettings, memory: StateStore, drivers: tuple[Driver, ...]
) -> AsyncIterator[Finding]:
    """Yield what every step finds: of the gateway, then of the cloud, which is there for when the gateway fails.

    Before the readings, a finding with a cause is the last of its part.
    """
    if settings.host:
        local = tuple(driver for driver in drivers if driver.name != CLOUD)
        async for finding in _diagnose_gateway(settings, memory, local):
            yield finding
    elif not cloud_mode(settings):
        advice = (
            "Set PW_HOST to the address of the gateway, which your router's list of devices shows, "
            "or sign in to Tesla's cloud: powerwall-proxy setup --mode fleet."
        )
        yield Finding("address", "no gateway is configured", Cause.ADDRESS, advice)
    for driver in drivers:
        if driver.name == CLOUD:
            async for finding in diagnose_cloud(settings, driver):
                yield finding


async def _diagnose_gateway(
    settings: GatewaySettings, memory: StateStore, drivers: tuple[Driver, ...]
) -> AsyncIterator[Finding]:
    session = GatewayClient(settings.host, settings, memory, Clock(time.monotonic, time.time))
    for step in (_address, _port, _tls):
        finding = await step(session, settings.timeout)
        yield finding
        if finding.cause:
            return
    obtained: set[Source] = set()
    for number, driver in enumerate(drivers):
        elsewhere = obtained.union(*(other.sources for other in drivers[number + 1 :]))
        async for finding in _readings(driver, elsewhere, obtained):
            yield finding


def verdict(findings: Iterable[Finding]) -> Finding | None:
    """Return the finding whose cause is to be removed first; None if all is well."""
    ill = [(finding.cause.rank, finding) for finding in findings if finding.cause]
    return min(ill, key=lambda ranked: ranked[0])[1] if ill else None


async def _address(session: GatewayClient, _: float) -> Finding:
    """Resolve the name, or search for the gateway."""
    try:
        address = await session.address_now()
        if session.is_auto and not await session.accepts_connections():
            address = await session.address_now()  # after a search
    except NotFound as exc:
        advice = "Your router's list of devices shows the address of the gateway: set PW_HOST to it."
        return Finding("address", str(exc), Cause.ADDRESS, advice)
    except OSError:
        advice = "Check the spelling of PW_HOST, or use the address in numbers."
        return Finding("address", f"the name {session.host} cannot be resolved", Cause.ADDRESS, advice)
    return Finding("address", address if session.host == address else f"{session.host} is {address}")


async def _port(session: GatewayClient, soft_timeout_s: float) -> Finding:
    """Open a connection and close it."""
    step, host = "port", await _place(session)
    try:
        async with asyncio.timeout(soft_timeout_s):
            _, writer = await asyncio.open_connection(host, session.port)
    except TimeoutError:
        detail = f"{host} does not react within {soft_timeout_s:g} s"
        return Finding(step, detail, Cause.ROUTE, ROUTE_ADVICE)
    except OSError as exc:
        if exc.errno in _NO_ROUTE:
            detail = f"{host} cannot be reached: {exc.strerror}"
            return Finding(step, detail, Cause.ROUTE, ROUTE_ADVICE)
        return Finding(step, f"port {session.port} is closed at {host}", Cause.PORT, PORT_ADVICE)
    writer.close()
    return Finding(step, f"port {session.port} is open")


async def _place(session: GatewayClient) -> str:
    """Return what connections of the next steps go to: a name may have addresses that do not work beside one that does."""
    return await session.address_now() if session.is_auto else session.host


async def _tls(session: GatewayClient, soft_timeout_s: float) -> Finding:
    """Shake hands without trust; whether the certificate is the right one is found out at the login."""
    if session.plain:
        return Finding("TLS", "is not used: PW_HOST says http://")
    try:
        async with asyncio.timeout(soft_timeout_s):
            _, writer = await asyncio.open_connection(
                await _place(session),
                session.port,
                ssl=trusting_context(),
                server_hostname=session.server_name,
            )
    except (OSError, TimeoutError) as exc:
        return await _no_tls(session, soft_timeout_s, exc)
    version = writer.get_extra_info("ssl_object").version()
    writer.close()
    return Finding("TLS", f"{version} works")


async def _no_tls(session: GatewayClient, soft_timeout_s: float, exc: OSError | TimeoutError) -> Finding:
    """Say why there was no handshake. A server of plain HTTP may wait for the end of a line as silently as a weak Wi-Fi."""
    if await _speaks_http(session, soft_timeout_s):
        advice = (
            "It is plain HTTP, which current gateways do not speak: is the port right, and is this the gateway? "
            f"Firmware before 1.20 has no TLS: write PW_HOST=http://{session.address}."
        )
        what = f"the handshake failed: port {session.port} speaks HTTP without TLS"
        return Finding("TLS", what, Cause.TLS, advice)
    if isinstance(exc, TimeoutError):
        cause, advice = advice_for(GatewayTimeout("no handshake"))
        what = f"the handshake failed: nothing was said within {soft_timeout_s:g} s"
        return Finding("TLS", what, cause, advice)
    what = "what was answered is no TLS" if isinstance(exc, ssl.SSLError) else "the connection was closed"
    advice = "Something listens that does not speak TLS as a gateway does. Is it the gateway?"
    return Finding("TLS", f"the handshake failed: {what}", Cause.TLS, advice)


async def _speaks_http(session: GatewayClient, soft_timeout_s: float) -> bool:
    """Say whether a request without TLS is answered. Servers of TLS may answer, too: that they want HTTPS."""
    try:
        async with asyncio.timeout(soft_timeout_s):
            reader, writer = await asyncio.open_connection(await _place(session), session.port)
            try:
                writer.write(f"GET / HTTP/1.0\r\nHost: {session.address}\r\n\r\n".encode())
                answer = await reader.read(1024)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return answer.startswith(b"HTTP/") and b"https" not in answer.lower()


async def _readings(
    driver: Driver, elsewhere: Collection[Source], obtained: set[Source]
) -> AsyncIterator[Finding]:
    """Fetch three sources; the first request brings the login with it.

    What this link does not offer is nothing bad where it is available ``elsewhere``: over another link.
    """
    for number, (source, name) in enumerate(EXAMINED.items()):
        step = f"{driver.name}: {name}"
        exchange = driver.sources.get(source)
        if exchange is None:
            yield Finding(step, "is not available over this link")
            continue
        try:
            answer = (await driver.fetch(exchange)).get(source)
        except GatewayError as error:
            answer = error
        usage = driver.usage() if isinstance(driver, ReportsUsage) else None
        if number == 0 and usage and usage.session_since is not None:
            login = "accepted" if usage.logins.get("ok") else "not needed: a session is kept"
            yield Finding(f"{driver.name}: login", login)
        if isinstance(answer, Document):
            obtained.add(source)
        yield _reading(step, driver, source, answer, is_needed=source not in elsewhere)
        # One login, not three: without it nothing else can be read.
        is_shut_out = usage and usage.logins and not usage.logins.get("ok")
        if is_shut_out or (isinstance(answer, GatewayError) and answer.scope is Scope.LINK):
            return


def _reading(
    step: str, driver: Driver, source: Source, answer: Document | GatewayError | None, *, is_needed: bool
) -> Finding:
    if isinstance(answer, Document):
        return Finding(step, _firmware(answer, driver) if source == STATUS else "read")
    error = answer or SourceUnavailable(f"{source} was not in the answer")
    if source == SOE and not error.is_failure:  # with a battery, every firmware reports it
        return Finding(step, "is not offered; has this site no battery?")
    if not error.is_failure and not is_needed:
        return Finding(step, "is not offered over this link; another one has it")
    if not error.is_failure and source == STATUS and driver.name == "local":
        return Finding(step, BASIC_LAN)  # every other gateway has a status
    cause, advice = advice_for(error, driver.name)
    wait = f"; it requests a pause of {error.retry_after:.0f} s" if error.retry_after else ""
    return Finding(step, f"{error.headline}: {error}{wait}", cause, advice)


def _firmware(status: Document, driver: Driver) -> str:
    """Name the firmware, and say so if it keeps from the login what its owner may look for."""
    version = str(get_path(status.value, "version") or "unknown").strip()
    reads_vitals = driver.sources.get(VITALS) == Exchange(VITALS)
    if reads_vitals and parse_version(version) >= HAS_VITALS_BELOW:
        return f"{version}; it reports temperatures and most alerts over TEDAPI only: PW_GW_PWD"
    return version
