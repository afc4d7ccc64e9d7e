"""Refused logins, remembered across restarts: no restart loop may lock the owner out.

They stand in the session file, with the address and a mark of the password that
they belong to, so that a corrected password is tried at once.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.core.errors import LoginRejected, RateLimited

if TYPE_CHECKING:
    from proxy.config.memory import Memory
    from proxy.core.clock import Clock

# No gateway is obeyed for longer. A wait that seems longer was begun by a clock that was wrong.
_LONGEST_S = 86400.0


@dataclass(frozen=True, slots=True)
class Refused:
    """How often in a row, and until when (wall-clock seconds) nobody asks again."""

    failures: int = 0
    until: float = 0.0


class Refusals:
    """The refusals of one login."""

    def __init__(self, memory: Memory, file: str, address: str, password: str, clock: Clock) -> None:
        self._memory = memory
        self._file = file
        self._address = address
        self._password = password.encode()
        self._clock = clock

    def check(self) -> None:
        """Raise LoginRejected while the last refusal of this very password is too recent."""
        last = self._last()
        left = last.until - self._clock.wall()
        if 0 < left <= _LONGEST_S:
            often = "once" if last.failures == 1 else f"{last.failures} times in a row"
            raise LoginRejected(
                f"the login was refused {often}; not tried again yet",
                retry_after=min(left, LoginRejected.rests[-1]),
            )

    def note(self, error: LoginRejected | RateLimited) -> None:
        """Write a refusal down; from now on ``error`` says how long the gateway is left alone."""
        failures = self._last().failures + 1
        if error.retry_after is None:
            error.retry_after = LoginRejected.rests[min(failures, len(LoginRejected.rests)) - 1]
        kept = self._memory.read(self._file)
        if kept.get("host") != self._address:
            kept = {"host": self._address}
        salt = secrets.token_hex(8)
        kept["refused"] = {
            "failures": failures,
            "until": self._clock.wall() + error.rest_s(failures),
            "salt": salt,
            "password": self._mark(salt),
        }
        self._memory.write(self._file, kept)

    def _last(self) -> Refused:
        """Read what was written down about this gateway and this password."""
        kept = self._memory.read(self._file)
        match kept.get("refused"):
            case {"failures": int(failures), "until": float(until), "salt": str(salt), "password": mark} if (
                kept.get("host") == self._address and mark == self._mark(salt)
            ):
                return Refused(failures, until)
        return Refused()

    def _mark(self, salt: str) -> str:
        """Recognise the password without keeping it."""
        return hashlib.scrypt(self._password, salt=salt.encode(), n=1024, r=8, p=1, dklen=16).hex()
