"""What a failure comes from, and what its owner can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

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
    SourceUnavailable,
    Unreachable,
)


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


ROUTE_ADVICE = (
    "No way leads to this address from here. Is the gateway on, and this machine in the same network? "
    "192.168.91.1 is reached only from the gateway's own Wi-Fi or over a route that you set "
    "(ip route add 192.168.91.1 via the gateway's LAN address)."
)
PORT_ADVICE = (
    "There is a machine, but nothing listens on this port. Is it the gateway's address? "
    "An address on your LAN answers at 443; a Powerwall 3 may answer at 192.168.91.1 only."
)
# What an error of a driver means for its owner.
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
            "Do not try often: gateways lock out clients that repeat a wrong password."
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
            "The device that answers accepts no login. Is PW_HOST the gateway's address, and no router's or switch's? "
            "If it is: the gateway may be starting; wait ten minutes, then restart it."
        ),
    ),
    RateLimited: (
        Cause.RATE_LIMIT,
        "Stop polling it for ten minutes or more. Does another program poll it too? Let that read from the proxy.",
    ),
    NotSupported: (
        Cause.FIRMWARE,
        "This firmware does not report this here. Powerwall 3 and newer firmware need TEDAPI: set PW_GW_PWD.",
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
        "The gateway is slow: weak Wi-Fi, or too many programs poll it. PW_TIMEOUT is the longest wait.",
    ),
    Interrupted: (Cause.GATEWAY, "The connection breaks: weak Wi-Fi, or the gateway restarts."),
    Unreachable: (Cause.ROUTE, ROUTE_ADVICE),
    GatewayError: (Cause.GATEWAY, "See the log of the proxy for more."),
}


def advice_for(error: GatewayError) -> tuple[Cause, str]:
    """Look an error up in the table; the nearest class counts."""
    return next(ADVICE[kind] for kind in type(error).__mro__ if kind in ADVICE)
