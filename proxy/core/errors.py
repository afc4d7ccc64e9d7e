"""What can go wrong with a gateway, and what follows from it.

An error carries its policy as class attributes: the HTTP status that clients
see, what is in cooldown because of it (the gateway, one source, nothing) and for
how long. Nothing else in the product switches on error types.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, Final

GATEWAY: Final = "gateway"


class Scope(Enum):
    """What an error says something about."""

    LINK = "link"  # the gateway as a whole: its cooldown begins at once
    PATH = "path"  # this path; the gateway too once different paths fail in a row
    SOURCE = "source"  # this path only: the gateway is well and refuses it
    NONE = "none"


class GatewayError(Exception):
    """Base of every failure to read something from a gateway or to send it a command.

    ``retry_after`` is what the gateway requested, in seconds, or None. ``refusals`` is how
    often in a row the same credentials were refused, where that is known across restarts.
    ``peer`` is what failed: the gateway, or the cloud.
    ``was_sent`` is False if there was no connection over which a request could have gone out.
    The message is one sentence without secrets; clients may see it.
    """

    status: ClassVar[int] = 502
    title: ClassVar[str] = "The gateway gave no usable answer"
    scope: ClassVar[Scope] = Scope.NONE
    # Cooldowns (seconds) of the first, second, … failure in a row; the last one repeats.
    cooldowns_s: ClassVar[tuple[float, ...]] = ()
    # What the gateway requests prolongs a cooldown up to this. Lock-outs end after 10 to 30 minutes.
    longest_wait_s: ClassVar[float] = 1800.0
    # It guards the owner's account: it opens the link whatever the settings say (PW_HEALTH_CHECK).
    guards_account: ClassVar[bool] = False
    # The session and the identity of the gateway stay good although the link opens.
    keeps_login: ClassVar[bool] = False
    # An outage of the gateway changes nothing about it.
    outlives_outage: ClassVar[bool] = False
    # Commands are sent while it keeps the link open: it is about readings.
    permits_commands: ClassVar[bool] = False
    # Something went wrong; False: the gateway is well, and this says what it is able to do.
    is_failure: ClassVar[bool] = True

    # There is no TCP connection to the gateway, so that one being accepted shows its return.
    awaits_connection = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.refusals = 0
        self.was_sent = True
        self.peer = GATEWAY

    @property
    def headline(self) -> str:
        """The title, as one of the peer that failed."""
        if self.peer == GATEWAY:
            return self.title
        return self.title.replace("This gateway", "The gateway").replace("gateway", self.peer)

    @classmethod
    def code(cls) -> str:
        """Name this class in snake case, for metrics, logs and problem documents."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")

    def cooldown_s(self, failures: int) -> float:
        """Return the cooldown (seconds) of the gateway, or the source, after this many failures in a row.

        Retry-After prolongs that and never shortens it.
        """
        own = (
            self.cooldowns_s[min(self.refusals or failures, len(self.cooldowns_s)) - 1]
            if self.cooldowns_s
            else 0.0
        )
        return max(own, min(self.retry_after or 0.0, self.longest_wait_s))


# Short cooldowns first, so that a blip costs nothing; a steady pace of six a minute later, so
# that a gateway is found again within ten seconds of its return.
_QUICK: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 10.0)
# One path that fails costs the gateway less than all of them: the same pace, with less haste at first.
_STEADY: tuple[float, ...] = (5.0, 10.0)


class Unreachable(GatewayError):
    """No connection: name resolution, TCP, TLS."""

    status = 502
    title = "The gateway cannot be reached"
    scope = Scope.LINK
    cooldowns_s = _QUICK

    def __init__(
        self, message: str, *, retry_after: float | None = None, awaits_connection: bool = False
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.awaits_connection = awaits_connection


class CertificateChanged(Unreachable):
    """The gateway presents a certificate other than the pinned one; the password is not sent."""

    status = 503
    title = "The gateway's certificate has changed"
    cooldowns_s = (30.0, 60.0, 120.0, 240.0, 300.0)


class Interrupted(GatewayError):
    """The connection broke before the answer was complete."""

    status = 502
    title = "The gateway broke off its answer"
    scope = Scope.PATH
    cooldowns_s = _QUICK


class GatewayTimeout(GatewayError):
    """No complete answer within PW_TIMEOUT."""

    status = 504
    title = "The gateway did not answer in time"
    scope = Scope.PATH
    cooldowns_s = _QUICK


class LoginRejected(GatewayError):
    """401 or 403 from the login itself. Repeated logins end in a lock-out of the owner."""

    status = 502
    title = "The gateway refuses the login"
    scope = Scope.LINK
    cooldowns_s: ClassVar[tuple[float, ...]] = (30.0, 60.0, 120.0, 240.0, 480.0, 900.0)
    guards_account = True


class KeyRejected(LoginRejected):
    """What is signed with the owner's key is not taken: the key, its registration, or a clock.

    It causes no lock-out, and the owner who registers the key waits for it.
    """

    title = "The gateway does not take the key"
    cooldowns_s = (30.0, 60.0, 120.0)
    keeps_login = True


class WrongGateway(LoginRejected):
    """Another gateway answers than the one that was logged in to."""

    title = "Another gateway answers"


class LoginFailed(GatewayError):
    """The login was neither accepted nor refused: 5xx, a redirect, a page. Nothing can be read until it is."""

    status = 502
    title = "The gateway's login does not work"
    scope = Scope.LINK
    cooldowns_s = (5.0, 10.0, 10.0, 10.0, 20.0, 30.0)
    guards_account = True


class RateLimited(GatewayError):
    """HTTP 429, on a login or on data: the gateway requests fewer requests."""

    status = 503
    title = "The gateway limits the rate of requests"
    scope = Scope.LINK
    # A single 429 must not cost clients a reading (they have 30 s of stale ones);
    # a real lock-out lasts 10 to 30 minutes and is not prolonged by trials every 5 minutes.
    cooldowns_s = (10.0, 10.0, 10.0, 10.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
    guards_account = True


class SourceUnavailable(GatewayError):
    """5xx on one path: overloaded, starting, or the site master is stopped."""

    status = 503
    title = "The gateway does not report this now"
    scope = Scope.PATH
    cooldowns_s = _STEADY


class NotSupported(GatewayError):
    """404: not on this gateway or firmware."""

    status = 404
    title = "This gateway does not offer this"
    scope = Scope.SOURCE
    is_failure = False
    cooldowns_s: ClassVar[tuple[float, ...]] = (600.0,)
    longest_wait_s = 86400.0


class Forbidden(NotSupported):
    """401 or 403 on one path, while the same credentials are accepted on another."""

    title = "The gateway does not let this login read this"
    cooldowns_s = (600.0, 1800.0, 3600.0)
    outlives_outage = True


class BadAnswer(GatewayError):
    """Not JSON, not protobuf, too long, or not of the shape that this source has."""

    status = 502
    title = "The gateway's answer is unusable"
    scope = Scope.SOURCE
    cooldowns_s = _STEADY


class CircuitOpen(GatewayError):
    """The gateway or the source is in cooldown; raised by the link, never by a driver."""

    status = 503
    title = "The gateway is in cooldown"


class CommandRejected(GatewayError):
    """The gateway refused a write."""

    status = 502
    title = "The gateway refused the command"


class WritesRefused(CommandRejected):
    """The gateway lets this login read but not write, whatever is written. Clients see a command that was refused."""

    @classmethod
    def code(cls) -> str:
        """Give the name of a refused command."""
        return CommandRejected.code()


class ValueRefused(CommandRejected):
    """The gateway's firmware does not accept this value; nothing was sent."""

    status = 400
    title = "The gateway does not take this value"


class TooSoon(CommandRejected):
    """A command that must not follow another of its kind at once; nothing was sent."""

    status = 429
    title = "The last such command was moments ago"


class OutcomeUnknown(GatewayError):
    """A write was sent and no answer came. It is never sent again by itself."""

    status = 504
    title = "The outcome of the command is unknown"


class NoTotal(GatewayError):
    """A member of a site lacks a reading, or the members' readings cannot be added."""

    status = 503
    title = "There is no total"
    scope = Scope.SOURCE
    cooldowns_s = (1.0,)  # its members' cooldowns guard the gateways


class NotInTotal(NotSupported):
    """No member of a site has such equipment."""

    cooldowns_s = (1.0,)
