"""Find out what stands between the proxy and its gateway, step by step.

Each step presumes the one before: name, route and port, TLS, login, readings. The first
that fails is the diagnosis. The gateway sees one login at most, and none while an earlier
refusal is to be respected: the drivers see to that, as in the daemon.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from proxy.config.tls import trusting_context
from proxy.core.errors import (
    BadAnswer,
    CertificateChanged,
    GatewayError,
    GatewayTimeout,
    Interrupted,
    KeyRejected,
    LoginFailed,
    LoginRejected,
    NotSupported,
    RateLimited,
    Scope,
    SourceUnavailable,
    Unreachable,
)
from proxy.core.firmware import HAS_VITALS_BELOW, parse_version
from proxy.core.model import Document, Source
from proxy.core.sources import METERS, SOE, STATUS, VITALS
from proxy.drivers.base import Driver, Metered
from proxy.drivers.session import GatewaySession
from proxy.views.reading import section

if TYPE_CHECKING:
    from proxy.config.memory import Memory
    from proxy.config.settings import Settings

ASKED: Final[Mapping[Source, str]] = {METERS: "powers", SOE: "charge", STATUS: "firmware"}


class Cause(Enum):
    """What a failure comes from, in a word."""

    ADDRESS = "address"
    ROUTE = "route"
    PORT = "port"
    TLS = "TLS"
    LOGIN = "login"
    KEY = "key"
    RATE_LIMIT = "rate limit"
    FIRMWARE = "firmware"
    GATEWAY = "gateway"

    @property
    def spoken(self) -> str:
        """The word in a sentence."""
        return self.value if self is Cause.TLS else f"the {self.value}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found; without a cause all is well. ``advice`` says what to do."""

    step: str
    told: str
    cause: Cause | None = None
    advice: str = ""


_ROUTE_ADVICE = (
    "No way leads to this address from here. Is the gateway on, and this machine in the same network? "
    "192.168.91.1 is reached only from the gateway's own Wi-Fi or over a route that you set "
    "(ip route add 192.168.91.1 via the gateway's LAN address)."
)
_PORT_ADVICE = (
    "There is a machine, but nothing listens on this port. Is it the gateway's address? "
    "An address on your LAN answers at 443; a Powerwall 3 may answer at 192.168.91.1 only."
)
_NO_ROUTE = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.ETIMEDOUT, errno.EACCES}
)
# What an error of a driver means for its owner; the nearest class counts.
ADVICE: Mapping[type[GatewayError], tuple[Cause, str]] = {
    CertificateChanged: (
        Cause.TLS,
        (
            "If you expect a new certificate (new gateway, new firmware): powerwall-proxy cert accept. "
            "Otherwise something stands between you and the gateway."
        ),
    ),
    LoginRejected: (
        Cause.LOGIN,
        (
            "Check PW_PASSWORD (the customer login, not the Tesla account) or PW_GW_PWD (the sticker). "
            "Do not try often: gateways lock out whoever repeats a wrong password."
        ),
    ),
    KeyRejected: (
        Cause.KEY,
        (
            "The password is right. Register and confirm the key as powerwall-proxy pair says, and check the clocks: "
            "a signature holds for twelve seconds."
        ),
    ),
    LoginFailed: (
        Cause.GATEWAY,
        (
            "What answers lets nobody log in. Is PW_HOST the gateway's address, and no router's or switch's? "
            "If it is: the gateway may be starting; wait ten minutes, then restart it."
        ),
    ),
    RateLimited: (
        Cause.RATE_LIMIT,
        "Leave it alone for ten minutes or more. Is another program asking it too? Let that ask the proxy.",
    ),
    NotSupported: (
        Cause.FIRMWARE,
        "This firmware does not tell this here. Powerwall 3 and newer firmware want TEDAPI: set PW_GW_PWD.",
    ),
    SourceUnavailable: (
        Cause.GATEWAY,
        (
            "The gateway is there but not ready: it starts, is busy, or its site master is stopped. "
            "If this lasts for an hour, restart the gateway."
        ),
    ),
    BadAnswer: (
        Cause.FIRMWARE,
        "What answers is not the gateway's API as this proxy knows it. Is PW_HOST the gateway's address?",
    ),
    GatewayTimeout: (
        Cause.GATEWAY,
        "The gateway takes its time: weak Wi-Fi, or too many programs ask it. PW_TIMEOUT says how long to wait.",
    ),
    Interrupted: (Cause.GATEWAY, "The connection breaks: weak Wi-Fi, or the gateway restarts."),
    Unreachable: (Cause.ROUTE, _ROUTE_ADVICE),
    GatewayError: (Cause.GATEWAY, "See the log of the proxy for more."),
}


async def diagnose(settings: Settings, memory: Memory, drivers: tuple[Driver, ...]) -> AsyncIterator[Finding]:
    """Yield what every step finds; the first finding with a cause is the last but for readings."""
    if not settings.host:
        advice = "Set PW_HOST to the address of the gateway; your router's list of devices shows it."
        yield Finding("address", "no gateway is configured", Cause.ADDRESS, advice)
        return
    session = GatewaySession(settings.host, settings, memory, time.monotonic)
    for step in (_address, _port, _tls):
        finding = await step(session, settings.timeout)
        yield finding
        if finding.cause:
            return
    for driver in drivers:
        async for finding in _readings(driver):
            yield finding


async def _address(session: GatewaySession, _: float) -> Finding:
    """Resolve the name, if it is one."""
    try:
        ipaddress.ip_address(session.host)
    except ValueError:
        pass
    else:
        return Finding("address", session.host)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            session.host, session.port, type=socket.SOCK_STREAM
        )
    except OSError:
        advice = "Check the spelling of PW_HOST, or use the address in numbers."
        return Finding("address", f"the name {session.host} cannot be resolved", Cause.ADDRESS, advice)
    return Finding("address", f"{session.host} is {found[0][4][0]}")


async def _port(session: GatewaySession, patience_s: float) -> Finding:
    """Open a connection and close it."""
    step = "port"
    try:
        async with asyncio.timeout(patience_s):
            _, writer = await asyncio.open_connection(session.host, session.port)
    except TimeoutError:
        told = f"{session.host} does not react within {patience_s:g} s"
        return Finding(step, told, Cause.ROUTE, _ROUTE_ADVICE)
    except OSError as exc:
        if exc.errno in _NO_ROUTE:
            told = f"{session.host} cannot be reached: {exc.strerror}"
            return Finding(step, told, Cause.ROUTE, _ROUTE_ADVICE)
        return Finding(step, f"port {session.port} is closed at {session.host}", Cause.PORT, _PORT_ADVICE)
    writer.close()
    return Finding(step, f"port {session.port} is open")


async def _tls(session: GatewaySession, patience_s: float) -> Finding:
    """Shake hands without trust; whether the certificate is the right one is found out at the login."""
    if session.plain:
        return Finding("TLS", "is not used: PW_HOST says http://")
    try:
        async with asyncio.timeout(patience_s):
            _, writer = await asyncio.open_connection(
                session.host, session.port, ssl=trusting_context(), server_hostname=session.server_name
            )
    except (OSError, TimeoutError) as exc:
        advice = (
            "Something listens that does not speak TLS as a gateway does. Is it the gateway? "
            "Firmware before 1.20 has no TLS: write PW_HOST=http://address."
        )
        return Finding("TLS", f"the handshake failed: {_handshake(exc, patience_s)}", Cause.TLS, advice)
    version = writer.get_extra_info("ssl_object").version()
    writer.close()
    return Finding("TLS", f"{version} works")


def _handshake(exc: OSError | TimeoutError, patience_s: float) -> str:
    """Say in plain words how a handshake ended."""
    match exc:
        case TimeoutError():
            return f"nothing was said within {patience_s:g} s"
        case ssl.SSLError():
            return "what was answered is no TLS"
    return "the connection was closed"


async def _readings(driver: Driver) -> AsyncIterator[Finding]:
    """Ask for three sources; the first question brings the login with it."""
    for number, (source, name) in enumerate(ASKED.items()):
        step = f"{driver.name}: {name}"
        exchange = driver.sources.get(source)
        if exchange is None:
            yield Finding(step, "is not told this way")
            continue
        try:
            told = (await driver.fetch(exchange)).get(source)
        except GatewayError as error:
            told = error
        usage = driver.usage() if isinstance(driver, Metered) else None
        if number == 0 and usage and usage.session_since is not None:
            told_of = "accepted" if usage.logins.get("ok") else "not needed: a session is kept"
            yield Finding(f"{driver.name}: login", told_of)
        yield _reading(step, driver, source, told)
        # One login, not three: without it nothing else can be read.
        is_shut_out = usage and usage.logins and not usage.logins.get("ok")
        if is_shut_out or (isinstance(told, GatewayError) and told.scope is Scope.LINK):
            return


def _reading(step: str, driver: Driver, source: Source, told: Document | GatewayError | None) -> Finding:
    if isinstance(told, Document):
        return Finding(step, _firmware(told, driver) if source == STATUS else "told")
    error = told or SourceUnavailable(f"{source} was not in the answer")
    if source == SOE and isinstance(error, NotSupported):
        return Finding(step, "is not offered; has this site no battery?")  # with one, every firmware tells it
    cause, advice = next(ADVICE[kind] for kind in type(error).__mro__ if kind in ADVICE)
    wait = f"; it wants to be left alone for {error.retry_after:.0f} s" if error.retry_after else ""
    return Finding(step, f"{error.title}: {error}{wait}", cause, advice)


def _firmware(status: Document, driver: Driver) -> str:
    """Name the firmware, and say so if it keeps from the login what its owner may look for."""
    version = str(section(status.value).get("version", "unknown")).strip()
    asks_for_vitals = driver.sources.get(VITALS) == VITALS
    if asks_for_vitals and parse_version(version) >= HAS_VITALS_BELOW:
        return f"{version}; it tells temperatures and most alerts over TEDAPI only: PW_GW_PWD"
    return version
