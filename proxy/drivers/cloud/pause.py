"""The pause that every request to the cloud shares: after a failure none is sent until it is over.

A value; times are monotonic seconds. It stands in the driver because no caller may shorten it:
however many clients there are, and whatever they do, the cloud sees at most one request per pause.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.core.cloud_errors import AccountRefused, BudgetSpent, TokensNotSaved
from proxy.core.errors import CommandRejected, GatewayError, LoginRejected, NotSupported, RateLimited

# After the first, second, … failure in a row, in seconds; the last one repeats.
BACK_OFF_S = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
_REFUSED_S = 3600.0
# A token that is refused although it is new: minutes, because the next one may be taken.
_REJECTED_S = (60.0, 120.0, 300.0, 900.0)

# An answer of a cloud that is well, and what did not come from the cloud at all.
_ANSWERS = (NotSupported, CommandRejected)
_OWN = (BudgetSpent, TokensNotSaved)


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when nothing is sent, why, and after how many failures in a row."""

    until: float = 0.0
    failures: int = 0
    error: GatewayError | None = None

    def after(self, error: GatewayError, now: float, jitter: float = 1.0) -> Pause:
        """Begin the pause that an error calls for; ``jitter`` (1 to 1.25) spreads what would fall together."""
        if isinstance(error, _ANSWERS):
            return Pause()
        if isinstance(error, _OWN):
            return self
        failures = self.failures + 1
        return Pause(now + _length_s(error, failures) * jitter, failures, error)

    def remaining(self, now: float) -> GatewayError | None:
        """Return the error of a pause that is not over, with the seconds that are left; else None."""
        if self.error is None or now >= self.until:
            return None
        return type(self.error)(str(self.error), retry_after=self.until - now)


def _length_s(error: GatewayError, failures: int) -> float:
    place = failures - 1
    match error:
        case AccountRefused():
            return _REFUSED_S
        case RateLimited():
            own_s = RateLimited.cooldowns_s[min(place, len(RateLimited.cooldowns_s) - 1)]
            return max(error.retry_after or 0.0, own_s)
        case LoginRejected():
            return _REJECTED_S[min(place, len(_REJECTED_S) - 1)]
        case _:
            return BACK_OFF_S[min(place, len(BACK_OFF_S) - 1)]
