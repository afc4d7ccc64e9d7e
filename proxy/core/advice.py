"""Causes of failures, and what the operator can do about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from proxy.core.cloud_errors import AccountRefused, BudgetSpent, SignInRequired, TokensNotSaved
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
    """The cause of a failure, in a word; the one to remove first comes first."""

    SETTINGS = "settings"  # those with which no proxy starts
    ADDRESS = "address"
    ROUTE = "route"
    PORT = "port"
    LOGIN = "login"
    KEY = "key"
    ACCOUNT = "account"
    DISK = "disk"
    RATE_LIMIT = "rate limit"
    BUDGET = "budget"
    TLS = "TLS"
    GATEWAY = "gateway"
    CLOUD = "cloud"
    FIRMWARE = "firmware"
    REDIS = "Redis"
    BROKER = "broker"
    RECEIVER = "receiver"

    @property
    def spoken(self) -> str:
        """The word in a sentence."""
        return self.value if self in {Cause.TLS, Cause.REDIS} else f"the {self.value}"

    @property
    def rank(self) -> int:
        """0 for the cause to remove first."""
        return list(Cause).index(self)


@dataclass(frozen=True, slots=True)
class Advice:
    """The cause of an error, the first thing to do (one sentence), and what else to know.

    ``{password}`` stands for the settings that the link logs in with.
    """

    cause: Cause
    action: str
    more: str = ""


# The password of a link, by the name of its driver.
PASSWORDS: Final[Mapping[str, str]] = {
    "local": "PW_PASSWORD (the customer login, not the Tesla account)",
    "tedapi": "PW_GW_PWD (the gateway password on the sticker)",
    "v1r": "PW_PASSWORD (the customer login, not the Tesla account)",
}
_ANY_PASSWORD: Final = "PW_PASSWORD (the customer login, not the Tesla account) or PW_GW_PWD (the sticker)"  # noqa: S105 - no password

# What a Powerwall 3 reports to the customer login, and what the rest requires.
BASIC_LAN: Final = (
    "Basic LAN: to the customer's login this Powerwall 3 reports powers, energies, charge and grid status only. "
    "Mode, reserve, packs, strings, temperatures, alerts and control require PW_GW_PWD on its Wi-Fi or, over the wired "
    "network, PW_RSA_KEY_PATH (powerwall-proxy pair)."
)
ROUTE_ADVICE: Final = (
    "Is this machine in the same network? "
    "192.168.91.1 is reached only from the gateway's own Wi-Fi or over a route that you set "
    "(ip route add 192.168.91.1 via the gateway's LAN address)."
)
PORT_ADVICE: Final = (
    "There is a machine, but nothing listens on this port. Is it the gateway's address? "
    "An address on your LAN answers at 443; a Powerwall 3 may answer at 192.168.91.1 only."
)
# What an error of a driver means for the operator.
ADVICE: Final[Mapping[type[GatewayError], Advice]] = {
    CertificateChanged: Advice(
        Cause.TLS,
        "If you expect a new certificate (new gateway, new firmware): powerwall-proxy cert accept.",
        "Otherwise something stands between you and the gateway.",
    ),
    LoginRejected: Advice(
        Cause.LOGIN,
        "Check {password}.",
        "Do not try often: gateways lock out clients that repeat a wrong password.",
    ),
    KeyRejected: Advice(
        Cause.KEY,
        "Register and confirm the key as powerwall-proxy pair says, and check the clocks.",
        "The password is right; a signature holds for twelve seconds.",
    ),
    LoginFailed: Advice(
        Cause.GATEWAY,
        "Is PW_HOST the address of the gateway, not of a router or switch?",
        "The device that answers accepts no login. If it is the gateway, it may be starting: wait ten minutes, "
        "then restart it.",
    ),
    RateLimited: Advice(
        Cause.RATE_LIMIT,
        "Does another program poll the gateway? Let it read from the proxy.",
        "Stop polling for ten minutes or more.",
    ),
    NotSupported: Advice(
        Cause.FIRMWARE,
        "Powerwall 3 and newer firmware need TEDAPI: set PW_GW_PWD.",
        "This firmware does not report this here.",
    ),
    SourceUnavailable: Advice(
        Cause.GATEWAY,
        "If this lasts for an hour, restart the gateway.",
        "The gateway is there but not ready: it starts, is busy, or its site master is stopped.",
    ),
    BadAnswer: Advice(
        Cause.FIRMWARE,
        "Is PW_HOST the gateway's address?",
        "What answers is not the gateway's API as this proxy knows it.",
    ),
    GatewayTimeout: Advice(
        Cause.GATEWAY,
        "Is the gateway on, and its Wi-Fi strong?",
        "It is slow, or too many programs poll it. PW_TIMEOUT is the longest wait.",
    ),
    Interrupted: Advice(
        Cause.GATEWAY, "Is its Wi-Fi strong?", "The connection breaks, or the gateway restarts."
    ),
    Unreachable: Advice(
        Cause.ROUTE, "Is PW_HOST the gateway's address, and is the gateway on?", ROUTE_ADVICE
    ),
    GatewayError: Advice(Cause.GATEWAY, "See the log of the proxy for more."),
}


CLOUD: Final = "cloud"  # the name of its driver
_NO_REMEDY: Final = "Readings resume by themselves; nothing is to be done here."
# The same of Tesla's cloud.
CLOUD_ADVICE: Final[Mapping[type[GatewayError], Advice]] = {
    SignInRequired: Advice(
        Cause.LOGIN,
        "powerwall-proxy setup --mode fleet (or owner) signs in again.",
        "A proxy that runs takes the new sign-in up. With PW_CLOUD_MODE=static, copy the token from the "
        "provider's console again, and restart the proxy.",
    ),
    LoginRejected: Advice(
        Cause.LOGIN,
        "powerwall-proxy setup signs in again.",
        "With PW_CLOUD_MODE=static, copy the token from the provider's console again, and restart the proxy.",
    ),
    AccountRefused: Advice(
        Cause.ACCOUNT,
        'docs/cloud.md, "When Tesla refuses", lists what to do.',
        "Only the owner of the account can change this; nothing is requested for an hour.",
    ),
    TokensNotSaved: Advice(
        Cause.DISK,
        "Give the proxy the right to write to PW_AUTH_PATH.",
        "New tokens are used only once they are saved.",
    ),
    BudgetSpent: Advice(
        Cause.BUDGET,
        "Raise PW_CLOUD_BUDGET, or wait.",
        "It limits the requests of a month; control keeps a part of it.",
    ),
    RateLimited: Advice(
        Cause.RATE_LIMIT,
        "Raise PW_CLOUD_INTERVAL, or end other programs of this account.",
        "The limits are those of the account, shared by all its programs.",
    ),
    SourceUnavailable: Advice(
        Cause.CLOUD,
        "Does Tesla's app show current values?",
        "Either Tesla's servers are out of order, or the gateway has lost its connection to them.",
    ),
    NotSupported: Advice(
        Cause.ACCOUNT,
        "PW_SITEID, or powerwall-proxy setup, chooses another site.",
        "The cloud does not offer this for this site.",
    ),
    BadAnswer: Advice(
        Cause.CLOUD,
        "Is PW_CLOUD_URL right?",
        "What answers is not Tesla's API: an outage page, or a web proxy.",
    ),
    GatewayTimeout: Advice(Cause.CLOUD, _NO_REMEDY, "Tesla's servers are slow."),
    Interrupted: Advice(Cause.CLOUD, _NO_REMEDY, "The connection to Tesla's servers breaks."),
    Unreachable: Advice(
        Cause.ROUTE,
        "Does this machine reach the internet?",
        "A web proxy is taken from HTTPS_PROXY; PW_CLOUD_URL and PW_CLOUD_AUTH_URL are other addresses than Tesla's.",
    ),
    GatewayError: Advice(Cause.CLOUD, "See the log of the proxy for more."),
}


def advice_for(error: GatewayError, link: str = "") -> tuple[Cause, str]:
    """Return the cause of an error of a link (by its driver's name), and all that can be advised."""
    known = _advice(error, link)
    text = f"{known.action} {known.more}".strip()
    return known.cause, text.replace("{password}", PASSWORDS.get(link, _ANY_PASSWORD))


def action_for(error: GatewayError, link: str = "") -> str:
    """Return the first thing to do about an error of a link, as one sentence."""
    return _advice(error, link).action.replace("{password}", PASSWORDS.get(link, _ANY_PASSWORD))


def _advice(error: GatewayError, link: str) -> Advice:
    """Look an error up in the table of its link; the nearest class counts."""
    table = CLOUD_ADVICE if link == CLOUD else ADVICE
    return next(table[kind] for kind in type(error).__mro__ if kind in table)
